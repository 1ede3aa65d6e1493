/**
 * A small advertiser with evidence, statements and a log, made by the code that makes them: three days of clicks, a
 * first statement over two of them, revisions of what it billed, and a second statement with adjustments.
 *
 * Keeps: a world is a function of its seed. `edit` changes what the evidence is made from, so that everything behind it
 * is consistent with the lie.
 */
import { createHash, createHmac, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { computeStatement, type ToCompute } from "../../src/billing/compute.ts";
import { leafName } from "../../src/billing/owner.ts";
import { readStatements, type Statement, type StatementContent, statementKey } from "../../src/billing/statement.ts";
import { EvidenceSums } from "../../src/billing/sums.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import {
  type EvidenceSum,
  MINUTES_PER_QUARTER,
  NO_COUNTS,
  type SettledClick,
  Sums,
  sumsOfRows,
} from "../../src/core/evidence.ts";
import { impressionKeyOf } from "../../src/core/impression-key.ts";
import { DAY_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { formatVerifierKey, noteSigner } from "../../src/core/signed-note.ts";
import { isoDay, isoSecond } from "../../src/core/time.ts";
import {
  canonicalBytes,
  evidenceFolder,
  type NamedLoss,
  putManifest,
  putPart,
  sha256Hex,
  totalsOf,
} from "../../src/evidence/manifest.ts";
import { encodeRows, encodeSums, encodeTokens } from "../../src/evidence/parquet.ts";
import { toZone } from "../../src/report/query/zone.ts";
import { enqueueLeaf } from "../../src/tlog/log.ts";
import { sequence } from "../../src/tlog/sequence.ts";
import { MemoryR2 } from "../support/memory-r2.ts";

export const WORLD_ADVERTISER = "adv_world";
const OWNER = { advertiserId: WORLD_ADVERTISER };
export const WORLD_SECRET = createHash("sha256").update("the advertiser's secret").digest();
/** Instant at which the world is looked at. */
export const WORLD_NOW_MS = Date.parse("2026-11-28T12:00:00Z");
const FIRST_MS = Date.parse("2026-03-28T00:00:00Z");
const RULES = "4-1f3a9c02";
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

const adServer = createPrivateKey({
  key: Buffer.concat([PKCS8, createHash("sha256").update("ad server").digest()]),
  format: "der",
  type: "pkcs8",
});
export const WORLD_TOKEN_KEY = { kid: "ad_server_1", x: String(createPublicKey(adServer).export({ format: "jwk" }).x) };

export type WorldOptions = {
  readonly seed?: number;
  readonly clicksPerDay?: number;
  readonly ads?: number;
  readonly zone?: string;
  readonly currency?: string;
  readonly priceMicros?: number;
  readonly budgetMicros?: bigint | null;
  /** What was accepted as lost, of the evidence of a UTC day's revision. */
  readonly losses?: (day: number, revision: number) => readonly NamedLoss[];
  /** Changes the lines of a UTC day's revision before anything is made of them. */
  readonly edit?: (lines: SettledClick[], day: number, revision: number) => SettledClick[];
  /** How many of each day's tokens only a secret signs. */
  readonly secretShare?: number;
};

export type World = {
  readonly r2: MemoryR2;
  readonly vkey: string;
  readonly statements: number;
};

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export async function makeWorld(options: WorldOptions = {}): Promise<World> {
  const { zone: zoneName = "Europe/Berlin", currency = "EUR", budgetMicros = null } = options;
  const r2 = new MemoryR2();
  const bucket = r2.bucket;
  const { publish, vkey } = await makeLog(r2);
  // Another advertiser's leaves are in the log as well.
  for (let at = 0; at < 5; at++) await enqueueLeaf(bucket, createHash("sha512").update(`foreign ${at}`).digest());
  const zone = toZone(zoneName);
  if (zone === null) throw new Error(zoneName);
  const days = [0, 1, 2].map((day) => linesOf(day, options));
  const put = async (day: number, revision: number, lines: SettledClick[]) => {
    const losses = options.losses?.(day, revision) ?? [];
    await putDay(r2, isoDay(FIRST_MS + day * DAY_MS), options.edit?.(lines, day, revision) ?? lines, losses);
  };
  const issue = async (fromMs: number, toMs: number) => {
    const sums = new EvidenceSums(bucket, OWNER, async () => new Map());
    await issueFrom(r2, sums, { owner: OWNER, fromMs, toMs, zone, currency, budgetMicros });
    await publish();
  };
  // Berlin's clocks go forward on the second day; the local days begin an hour, then two before those of UTC.
  const starts = [0, 1, 2, 3].map((day) => startOfLocalDay(FIRST_MS + day * DAY_MS, zoneName));
  for (const [day, lines] of days.entries()) await put(day, 1, lines);
  await publish();
  await issue(starts[0] as number, starts[2] as number);
  const [first = [], second = []] = days;
  await put(
    0,
    2,
    first.map((line, at) => (at % 5 === 0 ? toInvalid(line) : line)),
  );
  await put(
    1,
    2,
    second.map((line, at) => (at === 3 ? toInvalid(line) : line)),
  );
  await publish();
  await issue(starts[2] as number, starts[3] as number);
  return { r2, vkey, statements: 2 };
}

/** The log of a world's objects: leaves that were handed in are in it when it is published. */
export async function makeLog({ bucket }: MemoryR2): Promise<{ publish: () => Promise<void>; vkey: string }> {
  const origin = "ads.example/evidence";
  const signer = await noteSigner(origin, createHash("sha256").update("log").digest());
  let remembered: { size: number; root: Uint8Array<ArrayBuffer> } | null = null;
  const memory = {
    read: async () => remembered,
    write: async (head: { size: number; root: Uint8Array<ArrayBuffer> }) => {
      remembered = head;
    },
  };
  const publish = async () => {
    const done = await sequence({ bucket, origin, signers: [signer], memory, nowMs: FIRST_MS } as never);
    if (!done.ok) throw new Error(done.error);
  };
  return { publish, vkey: formatVerifierKey(signer.key) };
}

/** Issues the next statement of an owner, and hands its leaf in. */
export async function issueFrom(
  { bucket }: MemoryR2,
  sums: EvidenceSums,
  period: Omit<ToCompute, "before">,
  edit: (content: StatementContent) => StatementContent = (content) => content,
): Promise<void> {
  const before = await readStatements(bucket, period.owner);
  const content = edit(await computeStatement(bucket, sums, { ...period, before }));
  const draft = `draft_${(await sha256Hex(canonicalBytes(content))).slice(0, 24)}`;
  const statement: Statement = { ...content, draft, issued_at: isoSecond(period.toMs + DAY_MS) };
  const bytes = canonicalBytes(statement);
  await bucket.put(statementKey(period.owner, content.number), bytes);
  await enqueueLeaf(bucket, leaf(leafName(period.owner, content.number), await sha256Hex(bytes)));
}

/** The leaf under which the log has an object of the world's tenant. */
export function leaf(name: string, sha256: string): Buffer {
  return Buffer.concat([createHmac("sha256", WORLD_SECRET).update(name).digest(), Buffer.from(sha256, "hex")]);
}

function toInvalid(line: SettledClick): SettledClick {
  const moved = { verdict: "invalid", cause: "replay/1" } as const;
  return { ...line, ...moved, reason: "high_frequency", decisions: [...line.decisions, moved] };
}

function startOfLocalDay(nearMs: number, zone: string): number {
  const date = isoDay(nearMs);
  const local = new Intl.DateTimeFormat("sv-SE", { timeZone: zone });
  let ms = nearMs - DAY_MS;
  while (local.format(ms) < date) ms += 15 * MINUTE_MS;
  return ms;
}

function linesOf(day: number, options: WorldOptions): SettledClick[] {
  const { clicksPerDay = 24, seed = 1 } = options;
  const random = seeded(seed * 1_000 + day);
  const lines = Array.from({ length: clicksPerDay }, (_, at) => lineOf({ day, at, random, options }));
  return lines.sort((a, b) => a.minute - b.minute || (a.event < b.event ? -1 : 1));
}

export function lineOf({
  day,
  at,
  random,
  options,
}: {
  day: number;
  at: number;
  random: () => number;
  options: WorldOptions;
}): SettledClick {
  const { ads = 6, priceMicros = 120_003, secretShare = 0.25 } = options;
  const receivedAtMs = FIRST_MS + day * DAY_MS + Math.floor(random() * DAY_MS);
  const ad = Math.floor(random() * ads);
  const iat = Math.floor(receivedAtMs / 1_000) - Math.floor(random() * 3_000);
  const claims = {
    ...{ jti: `imp_${day}_${at}`, iat, exp: iat + 3_600, adv: WORLD_ADVERTISER, cmp: `cmp_${ad % 3}` },
    ...{ grp: `grp_${ad}`, ad: `ad_${ad}`, pub: `pub_${Math.floor(random() * 3)}`, url: "https://shop.example/" },
    cpc: priceMicros + Math.floor(random() * 1_000),
  };
  const kind = random();
  const verdict = kind < 0.75 ? "valid" : kind < 0.85 ? "duplicate" : kind < 0.95 ? "invalid" : "late";
  const random8 = Buffer.from(Array.from({ length: 8 }, () => Math.floor(random() * 256)));
  return {
    ...{ event: makeEventId({ receivedAtMs, routingHash: Math.floor(random() * 2 ** 32) }, random8) },
    ...{ impression: impressionKeyOf("click", claims as never), clicks: random() < 0.1 ? 3 : 1, receivedAtMs },
    ...{ minute: Math.floor(receivedAtMs / MINUTE_MS), advertiserId: WORLD_ADVERTISER, campaignId: claims.cmp },
    ...{ adGroupId: claims.grp, adId: claims.ad, publisherId: claims.pub, country: "DE", device: "desktop", verdict },
    reason:
      verdict === "valid" ? null : verdict === "duplicate" ? "same_impression" : verdict === "late" ? "late" : "bot",
    ...{
      decisions: [{ verdict, cause: null }],
      rules: RULES,
      cause: null,
      priceMicros: claims.cpc,
      source: "clicks-0/a",
      seq: day * 1_000 + at,
      line: 0,
    },
    ...{ token: tokenOf(claims, random() < secretShare), loggedAtMs: receivedAtMs + 500, life: 0, isFirst: true },
    joins: null,
  } as unknown as SettledClick;
}

/** A token as the ad server signs it, or as one that only a secret signs. */
export function tokenOf(claims: object, isSecret: boolean): string {
  const segment = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const header = isSecret ? { alg: "HS256", kid: "k1" } : { alg: "EdDSA", kid: WORLD_TOKEN_KEY.kid };
  const signed = `${segment(header)}.${segment(claims)}`;
  const signature = isSecret
    ? createHmac("sha256", "a secret").update(signed).digest()
    : sign(null, Buffer.from(signed), adServer);
  return `${signed}.${signature.toString("base64url")}`;
}

/** What was shown in the quarter of a click, and of some clicks an order. */
function seenBefore({ minute, campaignId, adId, publisherId, priceMicros }: SettledClick): EvidenceSum {
  const place = { quarter: Math.floor(minute / MINUTES_PER_QUARTER), campaignId, adId, publisherId, cause: null };
  return { ...place, ...NO_COUNTS, impressions: 10 + (priceMicros % 7), conversions: priceMicros % 11 === 0 ? 1 : 0 };
}

/** Puts the next revision of a day's evidence, hour by hour, as evidence is made; and hands its leaf in. */
async function putDay(
  { bucket }: MemoryR2,
  day: string,
  lines: readonly SettledClick[],
  losses: readonly NamedLoss[],
): Promise<void> {
  const folder = evidenceFolder(WORLD_ADVERTISER, day);
  const put = (name: string, bytes: Uint8Array<ArrayBuffer>, rows: number) =>
    putPart(bucket, folder, name, bytes, rows);
  const hours = Map.groupBy(lines, ({ minute }) => String(Math.floor(minute / 60) % 24).padStart(2, "0"));
  const parts = [];
  const tokens = [];
  for (const hour of [...hours.keys()].sort()) {
    const own = hours.get(hour) ?? [];
    parts.push(await put(`rows-${hour}`, encodeRows(own), own.length));
    tokens.push(await put(`tokens-${hour}`, encodeTokens(own), own.length));
  }
  const all = new Sums();
  for (const sum of [...sumsOfRows(lines), ...lines.map(seenBefore)]) all.add(sum);
  const sums = all.all();
  const stored = await putManifest(bucket, {
    ...{ advertiser_id: WORLD_ADVERTISER, day, parts, tokens, losses, rules: lines.length === 0 ? [] : [RULES] },
    sums: await put("sums", encodeSums(sums), sums.length),
    totals: totalsOf(sums),
  });
  await enqueueLeaf(bucket, leaf(`${day}/${stored.manifest.revision}`, stored.sha256));
}
