/**
 * One call of `npm run rotate`: takes a rotation as far as it goes now, and says what it waits for.
 *
 *   <kept folder>/rotations.json   {"token-keys": {"reached": […], …}, …}     no key material (secrets.json has it)
 *
 * Keeps: kept → sent → noted. A break before the note sends the same again; a secret is never made twice for one step,
 * since `pending` names the step whose secret is kept and not yet known to be sent.
 * Relies on: secrets go by stdin; wrangler would make a Worker that is not there, so it is looked for first.
 */

import { decodeBase64url, parseJson } from "../../src/core/base64url.ts";
import { formatVerifierKey, noteSigner } from "../../src/core/signed-note.ts";
import { operatorClient } from "../ops/operator-client.ts";
import { findAccess, platformApi } from "./api.ts";
import { type Keep, keepFor, type Secrets } from "./keep.ts";
import { nextOf, type Rotation, type RotationName, type SeenOfKeys, type Stage, startRotation } from "./rotation.ts";
import { readWanted, type Wanted } from "./wanted.ts";
import { tokenOf, type Wrangler, wranglerIn } from "./wrangler.ts";

export type RotateOptions = {
  readonly what: RotationName;
  readonly isLeaked: boolean;
  readonly isPlanOnly: boolean;
  readonly haveAdServersSwitched: boolean;
  readonly config: string | undefined;
  readonly url: string | undefined;
};
export type RotatePorts = {
  readonly env: NodeJS.ProcessEnv;
  readonly print: (line: string) => void;
  readonly now?: () => number;
  readonly wrangler?: Wrangler;
};

/** Nothing can be rotated; the message says what to do. */
export class RotationRefused extends Error {}

type Kept = Readonly<Partial<Record<RotationName, Rotation & { readonly pending?: Stage }>>>;
const FILE = "rotations.json";
const STEPS_MAX = 20;

/** Resolves with whether the rotation is over. Throws RotationRefused, PlatformError and WranglerError. */
export async function rotate(options: RotateOptions, ports: RotatePorts): Promise<boolean> {
  const { env, now = Date.now } = ports;
  const wanted = await readWanted(options.config);
  const wrangler = ports.wrangler ?? wranglerIn(env, wanted.config);
  const access = await findAccess(env, await tokenOf(env, wrangler));
  const api = platformApi(access);
  const keep = keepFor(env, { accountId: access.accountId, worker: wanted.worker });
  if ((await api.find(`/workers/scripts/${wanted.worker}/settings`)) === null) {
    throw new RotationRefused(`no Worker ${wanted.worker} is deployed: npm run deploy`);
  }
  const secrets = await keep.readSecrets();
  if (secrets.TOKEN_KEYS === undefined || secrets.TOKEN_SIGNING_KID === undefined) {
    throw new RotationRefused(
      `secrets cannot be read back, and ${keep.secretsPath} has none: bring it back from a copy`,
    );
  }
  const unlock = await keep.lock();
  try {
    return await goOn(options, { ...ports, keep, wrangler, wanted, now });
  } finally {
    await unlock();
  }
}

type Running = Omit<RotatePorts, "now" | "wrangler"> & {
  readonly keep: Keep;
  readonly wrangler: Wrangler;
  readonly wanted: Wanted;
  readonly now: () => number;
};

async function goOn(options: RotateOptions, running: Running): Promise<boolean> {
  const { keep, print, now } = running;
  for (let step = 0; step < STEPS_MAX; step++) {
    const kept = (await keep.readDocument<Kept>(FILE)) ?? {};
    const rotation = await current(options, kept, running);
    const secrets = await keep.readSecrets();
    if (rotation.pending !== undefined) {
      await sendAll(rotation, rotation.pending, running);
      continue;
    }
    const next = await nextOf(rotation, secrets, await seenBy(options, running), now());
    if (options.isPlanOnly || next.act === "done" || next.act === "ask") {
      print(`${options.what}: ${options.isPlanOnly && next.act !== "done" ? "next: " : ""}${next.says}`);
      if (next.act === "done" && options.isLeaked) {
        const from = new Date(againFrom(rotation, options)).toISOString();
        print(`${options.what}: where the key that is there now has leaked too: the same command from ${from} on`);
      }
      return next.act === "done";
    }
    if (next.act === "wait") {
      print(
        `${options.what}: waits until ${new Date(next.untilMs).toISOString()}: ${next.says}; then the same command`,
      );
      return false;
    }
    print(`${options.what}: ${next.says}`);
    if (next.act === "reach") {
      await note(
        options.what,
        { ...rotation, reached: [...rotation.reached, { stage: next.stage, atMs: now() }] },
        keep,
      );
      continue;
    }
    await keep.writeSecrets(next.secrets, now());
    await note(options.what, { ...rotation, pending: next.stage }, keep);
  }
  return false;
}

/** The rotation that is under way; another is begun where none is, or the last one is over. */
async function current(
  options: RotateOptions,
  kept: Kept,
  { keep, now }: Running,
): Promise<Rotation & { pending?: Stage }> {
  const there = kept[options.what];
  if (there !== undefined && !(there.pending === undefined && isLast(there) && now() >= againFrom(there, options))) {
    return options.isLeaked && !there.isLeaked ? { ...there, isLeaked: true } : there;
  }
  const begun = startRotation(options.what, await keep.readSecrets(), { nowMs: now(), isLeaked: options.isLeaked });
  if (!options.isPlanOnly) await note(options.what, begun, keep);
  return begun;
}

/** A command that is given twice does not rotate twice, but a key that leaks right after its rotation is replaced. */
const OVER_MS = 86_400_000;
const OVER_LEAKED_MS = 600_000;

/** From when on the command begins another rotation, where one is over. */
function againFrom({ reached, isLeaked }: Rotation, options: Pick<RotateOptions, "isLeaked">): number {
  const overMs = reached.at(-1)?.atMs ?? 0;
  if (!options.isLeaked) return overMs + OVER_MS;
  return isLeaked ? overMs + OVER_LEAKED_MS : overMs;
}

const isLast = ({ what, reached }: Rotation) => reached.at(-1)?.stage === (what === "admin-key" ? "added" : "removed");

async function note(what: RotationName, rotation: Rotation & { pending?: Stage }, keep: Keep): Promise<void> {
  await keep.writeDocument(FILE, { ...((await keep.readDocument<Kept>(FILE)) ?? {}), [what]: rotation });
}

const SECRETS_OF = {
  "token-keys": ["TOKEN_KEYS", "TOKEN_SIGNING_KID"],
  "session-keys": ["SESSION_KEYS"],
  "evidence-log": ["EVIDENCE_LOG_KEYS"],
  "admin-key": ["ADMIN_API_KEY"],
} as const;

/** Sends what is kept of this rotation, and notes that it was. */
async function sendAll(rotation: Rotation & { pending?: Stage }, stage: Stage, running: Running): Promise<void> {
  const { keep, wrangler, wanted, now, print } = running;
  const secrets = await keep.readSecrets();
  const sent = Object.fromEntries(SECRETS_OF[rotation.what].map((name) => [name, secrets[name]]));
  await wrangler(["secret", "bulk", "--name", wanted.worker], JSON.stringify(sent satisfies Secrets));
  const { pending: _, ...others } = rotation;
  await note(rotation.what, { ...others, reached: [...rotation.reached, { stage, atMs: now() }] }, keep);
  print(`${rotation.what}: sent ${Object.keys(sent).join(", ")}`);
  if (rotation.what === "admin-key")
    print(`${rotation.what}: the new key is in ${keep.secretsPath}; the old one is none`);
}

async function seenBy(options: RotateOptions, { keep, env, wanted }: Running): Promise<SeenOfKeys> {
  const url = options.url ?? (await keep.readState()).url;
  const secrets = await keep.readSecrets();
  const client = () => {
    const key = env["ADMIN_API_KEY"] || secrets.ADMIN_API_KEY;
    if (url === undefined || key === undefined)
      throw new RotationRefused("the address or the operator's key is not known: --url");
    return operatorClient({ url, key });
  };
  return {
    tokenTtlMaxS: Number(wanted.vars["TOKEN_TTL_MAX_S"]),
    haveAdServersSwitched: options.haveAdServersSwitched,
    oldLetters: async () => {
      const kept = await keep.readDocument<Kept>(FILE);
      return countLetters(client(), kept?.[options.what]?.oldKid ?? "");
    },
    isIntroduced: async () => {
      await client().post("/v1/admin/evidence-log/sequence", {});
      const { keys } = (await client().get("/evidence/keys", {})) as { keys: { vkey: string }[] };
      const vkey = await newestVerifierKey(secrets);
      return keys.some((key) => key.vkey === vkey);
    },
  };
}

type Page = { readonly letters: readonly { readonly key: string }[]; readonly next: string | null };

async function countLetters(client: ReturnType<typeof operatorClient>, kid: string): Promise<number> {
  let count = 0;
  let after: string | undefined;
  for (;;) {
    const page = (await client.get("/v1/admin/dead-letters", { limit: "1000", after })) as Page;
    for (const { key } of page.letters) {
      const { letter } = (await client.get("/v1/admin/dead-letters/show", { key })) as { letter: unknown };
      if ((letter as { seal?: { kid?: string } } | null)?.seal?.kid === kid) count += 1;
    }
    if (page.next === null) return count;
    after = page.next;
  }
}

async function newestVerifierKey({ EVIDENCE_LOG_KEYS: text = "" }: Secrets): Promise<string | null> {
  const [newest] = (parseJson(text) ?? []) as readonly { name: string; seed: string }[];
  const seed = decodeBase64url(newest?.seed ?? "");
  if (newest === undefined || seed === null) return null;
  return formatVerifierKey((await noteSigner(newest.name, seed)).key);
}
