/**
 * The canary's minute: note the click, click through the public door, look until the report has it, note what was seen.
 *
 *   book: begun ─▶ GET <CANARY_ORIGIN>/c/<token> ─▶ 302 to the signed page with a click id? ─▶ look each second, ≤ 20 s
 *     ─▶ book: answer, what was seen
 *
 * Keeps: the click is noted before it is made, so a run that is killed leaves one whose answer nobody saw, and no click
 * that the book does not know. A report that cannot be read makes no click lost. Its token is test traffic without a
 * price, of a tenant that nobody is.
 */
import {
  type Answered,
  beginClick,
  CANARY_ID,
  canaryClaims,
  endClick,
  seenOf,
  settle,
  watchedFrom,
} from "../core/canary.ts";
import { readClickId } from "../core/click-id.ts";
import type { KeyRing } from "../core/key-ring.ts";
import { MINUTE_MS, SECOND_MS } from "../core/limits.ts";
import { assert } from "../core/result.ts";
import { mintToken, type TokenPolicy } from "../core/token.ts";
import { countedClicks } from "../facts/counted-clicks.ts";
import type { Directory } from "../facts/directory.ts";
import { logFault } from "../log.ts";
import { changeBook } from "./book.ts";

const ANSWER_MAX_MS = 10 * SECOND_MS;
const LOOKS_MAX = 20;
/** The longest of the lives that a deployment may allow at least (TOKEN_TTL_MAX_S). */
const TOKEN_LIFE_S = 60;

export type CanaryPorts = {
  readonly bucket: R2Bucket;
  /** Where browsers come in. */
  readonly origin: string;
  readonly clickIdParam: string;
  readonly mint: (claims: object) => Promise<string>;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** `<minute> <ad>` → how often, of the canary's clicks from a minute on. */
  readonly counted: (fromMinute: number) => Promise<ReadonlyMap<string, number>>;
  readonly clock: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
};

type Deployed = Pick<CanaryPorts, "bucket" | "origin" | "clickIdParam"> & {
  readonly places: Pick<Directory, "databasesOf">;
  readonly ring: KeyRing;
  readonly policy: TokenPolicy;
};

/** What the canary has on the platform. */
export function canaryPorts({ places, ring, policy, ...given }: Deployed): CanaryPorts {
  return {
    ...given,
    mint: async (claims) => {
      const minted = await mintToken(claims, { ring, policy, nowMs: Date.now() });
      assert(minted.ok, "the canary's claims are right");
      return minted.value;
    },
    fetch: (url, init) => fetch(url, init),
    counted: async (fromMinute) => {
      const [database] = await places.databasesOf([CANARY_ID]);
      assert(database !== undefined, "an advertiser has a database");
      return countedClicks(database, { advertiserId: CANARY_ID, fromMinute });
    },
    clock: () => Date.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}

/** Makes the minute's click, unless another run does; resolves once it was seen, or is not to be waited for. */
export async function runCanary(ports: CanaryPorts, nowMs: number): Promise<void> {
  const { bucket, clock } = ports;
  const minute = Math.floor(nowMs / MINUTE_MS);
  const begun = await changeBook(bucket, (book) => beginClick(book, minute, clock()));
  if (begun === null) return;
  const answered = await click(ports, minute);
  const looks: { readonly counts: ReadonlyMap<string, number>; readonly atMs: number }[] = [];
  const from = watchedFrom(begun) ?? minute;
  for (let look = 0; look < LOOKS_MAX; look++) {
    const counts = await ports.counted(from).catch((fault: unknown) => {
      logFault("canary_not_read", fault);
      return null;
    });
    if (counts === null) break;
    looks.push({ counts, atMs: clock() });
    if (answered.failure !== null || seenOf(minute, counts) > 0) break;
    await ports.sleep(SECOND_MS);
  }
  const last = looks.at(-1);
  await changeBook(bucket, (book) => {
    const ended = endClick(book, minute, answered);
    return last === undefined ? ended : settle(ended, last.counts, last.atMs);
  });
}

/** Clicks; never throws, since whatever happens here is what the canary is for. */
async function click(ports: CanaryPorts, minute: number): Promise<Answered> {
  const { origin, mint, clock } = ports;
  try {
    const claims = canaryClaims(minute, { jti: crypto.randomUUID(), lifeS: TOKEN_LIFE_S }, clock());
    const token = await mint(claims);
    const { url } = claims as { url: string };
    const startedMs = clock();
    const response = await ports.fetch(`${origin}/c/${token}`, {
      ...{ redirect: "manual", signal: AbortSignal.timeout(ANSWER_MAX_MS) },
      headers: { "User-Agent": `${CANARY_ID}/1` },
    });
    const tookMs = clock() - startedMs;
    await response.body?.cancel();
    return { failure: failureOf(response, url, ports.clickIdParam), tookMs };
  } catch (fault) {
    logFault("canary_not_answered", fault);
    return { failure: "no answer", tookMs: 0 };
  }
}

/** What is wrong with an answer; null where it leads to exactly the signed page, with an id of this click. */
function failureOf(response: Response, url: string, clickIdParam: string): string | null {
  if (response.status !== 302) return `status ${response.status}`;
  const location = URL.parse(response.headers.get("Location") ?? "");
  if (location === null) return "no location";
  const clickId = readClickId(location.searchParams.get(clickIdParam) ?? "");
  location.search = "";
  if (location.href !== url) return "another location";
  return clickId?.advertiserId === CANARY_ID ? null : "no click id";
}
