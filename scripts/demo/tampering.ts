/**
 * What is done behind the system's back before its day is audited, and once while it is: to the shards' storage, to
 * objects of the archive and to rows of the report database. One of each kind that can be done from outside.
 *
 * Keeps: everything is derived from one valid click of the archive and from what stands there, so that the truth knows
 * what each tampered event is. What was changed in the archive is kept, to be brought back.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import type { D1Database, R2Bucket } from "@cloudflare/workers-types";
import { rowsOf } from "../../src/archive/log-text.ts";
import { MEASURES } from "../../src/core/fields.ts";
import { type Position, positionAfter } from "../../src/core/position.ts";
import { eventShardName, parseTopology, shardOf } from "../../src/core/routing.ts";
import type { LocalRuntime } from "../local-runtime.ts";
import { count, isoMinute, type Tallies, type Tally } from "./figures.ts";
import { giveUp } from "./give-up.ts";
import { type SigningKey, signToken } from "./tokens.ts";

/** What somebody did, and the kind of discrepancy by which an audit must name it. */
export type Tampering = {
  readonly what: string;
  readonly kind: string;
  readonly event?: string;
  /** What it costs its advertiser on a day of its own, of which no report is asked. */
  readonly elsewhere?: { readonly advertiserId: string; readonly micros: number };
};
type Kept = { readonly key: string; readonly bytes: ArrayBuffer; readonly metadata: Record<string, string> };
export type TamperedArchive = { readonly done: readonly Tampering[]; readonly changed: readonly Kept[] };

type TamperedShard = {
  ingest(encoded: string[]): Promise<number>;
  countAs(encoded: string, from: string, to: string): Promise<void>;
  forgetClaim(encoded: string): Promise<void>;
  archiveNow(): Promise<void>;
};
type Bindings = Pick<LocalRuntime["bindings"], "ARCHIVE" | "REPORT_DB" | "TOPOLOGY"> & {
  readonly EVENT_SHARD: { getByName(name: string): TamperedShard };
  readonly DEAD_CLICK_QUEUE: { send(message: string): Promise<unknown> };
};

/** A line of the archive, as it is written; nothing of src/ reads it here. */
type Line = {
  readonly verdict: string;
  readonly reason: string | null;
  readonly event: Readonly<Record<string, unknown>> & {
    readonly type: string;
    readonly id: string;
    readonly token: string;
    readonly count: number;
    readonly user_agent: string;
    readonly user_hash: string | null;
    readonly gpc: boolean;
    readonly occurred_at_ms: number;
  };
};
type Claims = {
  readonly jti: string;
  readonly iat: number;
  readonly ad: string;
  readonly cmp: string;
  readonly adv: string;
  readonly cpc: number;
  readonly uid?: string;
};
type Planted = { readonly claims: Claims; readonly event: Line["event"] };

const RAW = "raw/v1/";
const CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const DAY_S = 86_400;

/** Counts events of which the log then says what is not so; the truth takes them as what they are. */
export async function tamperWithEvents(
  bindings: Bindings,
  key: SigningKey,
  tallies: Tallies,
): Promise<readonly Tampering[]> {
  const { event, claims } = await aValidClick(bindings.ARCHIVE);
  const variant = (at: number, change: Partial<Claims & { exp: number }> = {}): Planted => {
    const own = { ...claims, jti: `${claims.jti}-tampered-${at}`, ...change };
    const signed = signToken(own, key);
    return { claims: own, event: { ...event, id: `${event.id.slice(0, -2)}-${at}`, token: signed, count: 1 } };
  };
  const shardOfClaims = (of: Claims) => bindings.EVENT_SHARD.getByName(shardNameOf(bindings, of));

  const crawler = variant(1);
  const said = (agent: string) => `"user_agent":${JSON.stringify(agent)}`;
  const misread = shardOfClaims(crawler.claims);
  await misread.countAs(JSON.stringify(crawler.event), said(event.user_agent), said(CRAWLER));

  const unsigned = variant(2);
  const forged = { ...unsigned.event, token: `${unsigned.event.token.slice(0, -8)}AAAAAAAA` };
  await shardOfClaims(unsigned.claims).ingest([JSON.stringify(forged)]);

  const again = variant(3);
  const own = shardOfClaims(claims);
  await own.forgetClaim(JSON.stringify(event));
  await own.ingest([JSON.stringify({ ...again.event, token: event.token })]);

  const held = variant(4, { iat: claims.iat - 12 * DAY_S, exp: claims.iat - 12 * DAY_S + 3_600 });
  const heldAtMs = event.occurred_at_ms - 12 * DAY_S * 1_000;
  const times = { received_at_ms: heldAtMs, occurred_at_ms: heldAtMs };
  await shardOfClaims(held.claims).ingest([JSON.stringify({ ...held.event, ...times })]);

  for (const shard of [misread, shardOfClaims(unsigned.claims), own, shardOfClaims(held.claims)]) {
    await shard.archiveNow();
  }
  const place = { advertiserId: claims.adv, campaignId: claims.cmp, adId: claims.ad };
  const tally = tallies.at({ ...place, minute: isoMinute(event.occurred_at_ms) });
  tally.sums.gross_clicks += 3;
  tally.sums.invalid_clicks += 2;
  tally.sums.duplicate_clicks += 1;
  for (const reason of ["declared_crawler", "signature_invalid", "same_impression"]) count(tally.reasons, reason);
  const astray = [variant(5), variant(6), variant(7)] as const;
  for (const each of astray) countValid(tally, each);
  return [
    ...(await sendAstray(bindings, astray)),
    { what: "a crawler's click that was logged as valid", kind: "verdict", event: crawler.event.id },
    { what: "a click whose token nobody signed", kind: "signature", event: unsigned.event.id },
    { what: "a second claim of an impression", kind: "double_claim", event: again.event.id },
    {
      ...{ what: "a click that a queue held for twelve days", kind: "unsettled", event: held.event.id },
      elsewhere: { advertiserId: claims.adv, micros: claims.cpc },
    },
  ];
}

/** A click that counts, of somebody who clicked in the same minute before. */
function countValid({ sums }: Tally, { event, claims }: Planted): void {
  const hasUser = !event.gpc && (claims.uid !== undefined || event.user_hash !== null);
  sums.gross_clicks += 1;
  sums.clicks += 1;
  sums.clicks_with_user += hasUser ? 1 : 0;
  sums.spend_micros += claims.cpc;
}

/** Has clicks logged where they do not belong, with and without their owner, and lets one be given up by its queue. */
async function sendAstray(
  bindings: Bindings,
  [both, alone, waiting]: readonly [Planted, Planted, Planted],
): Promise<readonly Tampering[]> {
  const owner = bindings.EVENT_SHARD.getByName(shardNameOf(bindings, both.claims));
  await owner.ingest([JSON.stringify(both.event)]);
  await owner.archiveNow();
  for (const { event, claims } of [both, alone]) {
    const name = shardNameOf(bindings, claims) === "clicks-0" ? "clicks-1" : "clicks-0";
    const other = bindings.EVENT_SHARD.getByName(name);
    await other.ingest([JSON.stringify(event)]);
    await other.archiveNow();
  }
  await giveUp(bindings.DEAD_CLICK_QUEUE, bindings.ARCHIVE, JSON.stringify(waiting.event));
  return [
    { what: "a click that a second shard logged as well", kind: "foreign_shard", event: both.event.id },
    { what: "a click that another shard logged alone", kind: "foreign_shard", event: alone.event.id },
    { what: "a click that its queue gave up", kind: "leftover", event: waiting.event.id },
  ];
}

function shardNameOf({ TOPOLOGY }: Bindings, { ad, jti, iat }: Claims): string {
  const topology = parseTopology(JSON.parse(TOPOLOGY));
  if (!topology.ok) throw new Error(topology.error);
  return eventShardName("click", shardOf("click", { ad, jti, iat }, topology.value));
}

async function aValidClick(archive: R2Bucket): Promise<{ event: Line["event"]; claims: Claims }> {
  for (const { key } of (await archive.list({ prefix: RAW })).objects) {
    for (const text of (await textOf(archive, key)).split("\n").filter((line) => line !== "")) {
      const { event, verdict, reason } = JSON.parse(text) as Line;
      if (event.type !== "click" || verdict !== "valid" || reason !== null) continue;
      const claims = JSON.parse(Buffer.from(event.token.split(".")[1] ?? "", "base64url").toString()) as Claims;
      return { event, claims };
    }
  }
  throw new Error("the archive holds no valid click");
}

async function textOf(archive: R2Bucket, key: string): Promise<string> {
  const object = await archive.get(key);
  if (object === null) throw new Error(`${key} is gone`);
  return gunzipSync(new Uint8Array(await object.arrayBuffer())).toString();
}

/** Takes away, edits, cuts and doubles segments of different shards; of the first one the newest, else the oldest. */
export async function tamperWithArchive(archive: R2Bucket, day: string): Promise<TamperedArchive> {
  const keys = (await archive.list({ prefix: `${RAW}dt=${day}/` })).objects.map(({ key }) => key);
  // Not of clicks: what their lines say is tampered with already, and would not be read.
  const byShard = Map.groupBy(keys, (key) => /shard=([^/]+)/.exec(key)?.[1] ?? "");
  const others = Array.from(byShard).filter(([shard]) => !shard.startsWith("clicks-"));
  const [gone, edited = "", cut = "", torn = "", doubled] = others.map(([, own], at) => own.at(at === 0 ? -1 : 0));
  if (gone === undefined || doubled === undefined) throw new Error("the archive has segments of too few shards");
  const changed: Kept[] = [];
  const keep = async (key: string) => {
    const object = await archive.get(key);
    if (object === null) throw new Error(`${key} is gone`);
    const kept = { key, bytes: await object.arrayBuffer(), metadata: object.customMetadata ?? {} };
    changed.push(kept);
    return { ...kept, text: gunzipSync(new Uint8Array(kept.bytes)).toString() };
  };
  const put = (key: string, text: string, metadata: Record<string, string>) => {
    return archive.put(key, gzipSync(text), { customMetadata: metadata });
  };
  await keep(gone);
  await archive.delete(gone);
  const one = await keep(edited);
  await put(
    edited,
    one.text.replace(/"v":1,"seq":(\d+),"logged_at_ms":\d/, '"v":1,"seq":$1,"logged_at_ms":9'),
    one.metadata,
  );
  const two = await keep(cut);
  await put(cut, two.text.slice(0, two.text.length / 2), two.metadata);
  const three = await keep(torn);
  await put(torn, three.text, { ...three.metadata, chainFrom: "0".repeat(64) });
  const four = await keep(doubled);
  changed.pop();
  await put(doubled.replace(/[^/]+-(\d{12})/, "feedbeef-$1"), four.text, four.metadata);
  return {
    changed,
    done: [
      { what: "a segment that was taken away", kind: "segment_missing" },
      { what: "a segment of which a digit was changed", kind: "segment_changed" },
      { what: "a segment that was cut in half", kind: "segment_changed" },
      { what: "a segment that follows another log", kind: "chain_broken" },
      { what: "a segment that was doubled under another name", kind: "late_segment" },
    ],
  };
}

/**
 * Adds a line to the newest row of a log, and makes chain and head anew, so that nothing but the line itself is wrong.
 * Of a log that is closed and written no more: whoever goes on writing one finds that its head is another.
 */
export async function tamperWithLine(archive: R2Bucket, day: string): Promise<TamperedArchive> {
  const newest = (await archive.list({ prefix: `${RAW}dt=${day}/` })).objects
    .map(({ key }) => key)
    .findLast((key) => key.includes("shard=impressions-"));
  const headKey = `heads/v1/${/shard=([^/]+)/.exec(newest ?? "")?.[1]}.json`;
  const head = await archive.get(headKey);
  if (newest === undefined || head === null) throw new Error("the archive has no impressions");
  const told = (await head.json()) as { lives: { end: { chain: string }; segment: { key: string } | null }[] };
  const key = told.lives.at(-1)?.segment?.key ?? newest;
  const segment = await archive.get(key);
  if (segment === null) throw new Error(`${key} is gone`);
  const bytes = await segment.arrayBuffer();
  const metadata = segment.customMetadata ?? {};
  const text = gunzipSync(new Uint8Array(bytes)).toString().trimEnd();
  const last = text.split("\n").at(-1) ?? "";
  const forged = `${text}\n${last.replace(/"event":.*/, '"event":{"type":"nothing"}}')}\n`;
  const rows = rowsOf(forged);
  let at: Position = { seq: (rows[0]?.seq ?? 0) - 1, chain: metadata["chainFrom"] ?? "", loggedAtMs: 0 };
  for (const row of rows) at = await positionAfter(at, row);
  await archive.put(key, gzipSync(forged), { customMetadata: { ...metadata, chain: at.chain } });
  const lives = told.lives.with(-1, {
    ...told.lives.at(-1),
    end: { ...told.lives.at(-1)?.end, chain: at.chain },
  } as never);
  await archive.put(headKey, JSON.stringify({ ...told, lives }));
  const kept = {
    key: headKey,
    bytes: new TextEncoder().encode(JSON.stringify(told)).buffer as ArrayBuffer,
    metadata: {},
  };
  return {
    changed: [{ key, bytes, metadata }, kept],
    done: [{ what: "a line that nobody can read, under right chains", kind: "line_unreadable" }],
  };
}

/** Brings back what was taken away or changed. */
export async function bringBack(archive: R2Bucket, changed: readonly Kept[]): Promise<void> {
  for (const { key, bytes, metadata } of changed) await archive.put(key, bytes, { customMetadata: metadata });
}

/** A click more, a row less, a day and a sum that are wrong. */
export async function tamperWithFigures(database: D1Database): Promise<readonly Tampering[]> {
  const at = (measure: (typeof MEASURES)[number]) => `$[0][1][${MEASURES.indexOf(measure)}]`;
  const more = (measure: (typeof MEASURES)[number]) => `'${at(measure)}', json_extract(cells, '${at(measure)}') + 1`;
  const one = (table: string, order: string) =>
    `(advertiser_id, ${table.slice("facts_".length)}, campaign_id, ad_group_id, ad_id, part) IN (SELECT advertiser_id,
      ${table.slice("facts_".length)}, campaign_id, ad_group_id, ad_id, part FROM ${table} WHERE valid > 0
      ORDER BY ${order} LIMIT 1)`;
  for (const sql of [
    `UPDATE facts_minute SET gross = gross + 1, valid = valid + 1, cells = json_set(cells, ${more("gross")},
      ${more("valid")}) WHERE ${one("facts_minute", "valid, ad_id")}`,
    `DELETE FROM facts_minute WHERE ${one("facts_minute", "valid DESC, ad_id")}`,
    `UPDATE facts_day SET spend_micros = spend_micros + 1 WHERE ${one("facts_day", "valid DESC, ad_id")}`,
    "UPDATE day_sums SET spend_micros = spend_micros + 7 WHERE dimension = ''",
  ]) {
    const { meta } = await database.prepare(sql).run();
    if (meta.changes === 0) throw new Error(`nothing was tampered with by ${sql}`);
  }
  return [
    { what: "a click more in a minute", kind: "fact_extra" },
    { what: "a row of a minute that was deleted", kind: "fact_missing" },
    { what: "a day that costs a micro more", kind: "tier" },
    { what: "sums of days that cost seven micros more", kind: "tier" },
  ];
}
