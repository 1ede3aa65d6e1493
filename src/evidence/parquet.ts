/**
 * Evidence as Parquet, and back. Pure: bytes in, bytes out.
 *
 *   rows     event_id, impression, clicks, received_at_ms, minute, campaign_id, ad_group_id, ad_id, publisher_id,
 *            country, device, verdict, reason, rules, decisions, price_micros, source, seq, line, token_sha256
 *   tokens   event_id, token
 *   sums     quarter, campaign_id, ad_id, publisher_id, cause, gross, valid, duplicate, invalid, late, impressions,
 *            conversions, spend_micros
 *   earned   the same of a publisher, with advertiser_id in the place of publisher_id
 *
 * Counts and money are INT64, minutes and quarters of an hour count from 1970, hashes are hexadecimal.
 * Keeps: equal rows give equal bytes.
 */
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";
import type { EventId } from "../core/event-id.ts";
import type { EarnedSum, EvidenceLine, EvidenceSum, SettledClick, SumCounts } from "../core/evidence.ts";
import { SUM_COUNTS, spellDecisions, tokenHashOf } from "../core/evidence.ts";
import { assert } from "../core/result.ts";

/** Rows of one group. */
const ROWS_PER_GROUP = 16_384;

type Bytes = Uint8Array<ArrayBuffer>;

export function encodeRows(rows: readonly SettledClick[]): Bytes {
  const text = textOf(rows);
  const [int32, int64] = [int32Of(rows), int64Of(rows)];
  return toParquet([
    text("event_id", (row) => row.event),
    text("impression", (row) => row.impression),
    int32("clicks", (row) => row.clicks),
    int64("received_at_ms", (row) => row.receivedAtMs),
    int32("minute", (row) => row.minute),
    text("campaign_id", (row) => row.campaignId),
    text("ad_group_id", (row) => row.adGroupId),
    text("ad_id", (row) => row.adId),
    text("publisher_id", (row) => row.publisherId),
    text("country", (row) => row.country),
    text("device", (row) => row.device),
    text("verdict", (row) => row.verdict),
    text("reason", (row) => row.reason),
    text("rules", (row) => row.rules),
    text("decisions", (row) => spellDecisions(row.decisions)),
    int64("price_micros", (row) => row.priceMicros),
    text("source", (row) => row.source),
    int64("seq", (row) => row.seq),
    int32("line", (row) => row.line),
    text("token_sha256", (row) => row.tokenHash ?? tokenHashOf(row.token)),
  ]);
}

type EventToken = Pick<EvidenceLine, "event" | "token">;

/** An erased token is no text; its row is there. */
export function encodeTokens(rows: readonly EventToken[]): Bytes {
  const text = textOf(rows);
  return toParquet([text("event_id", (row) => row.event), text("token", ({ token }) => (token === "" ? null : token))]);
}

export async function decodeTokens(bytes: ArrayBuffer): Promise<EventToken[]> {
  return (await rowsOf(bytes)).map((row) => ({
    event: String(row["event_id"]) as EventId,
    token: typeof row["token"] === "string" ? row["token"] : "",
  }));
}

export function encodeSums(sums: readonly EvidenceSum[]): Bytes {
  return encodeSumsOf(sums, "publisher_id", (sum) => sum.publisherId);
}

export function encodeEarned(sums: readonly EarnedSum[]): Bytes {
  return encodeSumsOf(sums, "advertiser_id", (sum) => sum.advertiserId);
}

function encodeSumsOf<S extends EvidenceSum>(sums: readonly S[], other: string, idOf: (sum: S) => string): Bytes {
  const text = textOf(sums);
  return toParquet([
    int32Of(sums)("quarter", (sum) => sum.quarter),
    text("campaign_id", (sum) => sum.campaignId),
    text("ad_id", (sum) => sum.adId),
    text(other, idOf),
    text("cause", (sum) => sum.cause),
    ...countColumns(sums),
  ]);
}

/** The columns of counts and money, of sums and of lines. */
export function countColumns(counts: readonly SumCounts[]): ColumnSource[] {
  const int64 = int64Of(counts);
  return [
    ...SUM_COUNTS.map((name) => int64(name, (row) => row[name])),
    int64("spend_micros", (row) => row.spendMicros),
  ];
}

export async function decodeSums(bytes: ArrayBuffer): Promise<EvidenceSum[]> {
  return (await rowsOf(bytes)).map((row) => ({ ...sumOf(row), publisherId: String(row["publisher_id"]) }));
}

/** The sums of one publisher. */
export async function decodeEarned(bytes: ArrayBuffer, publisherId: string): Promise<EarnedSum[]> {
  const rows = await rowsOf(bytes);
  return rows.map((row) => ({ ...sumOf(row), publisherId, advertiserId: String(row["advertiser_id"]) }));
}

type Row = Record<string, unknown>;

function rowsOf(bytes: ArrayBuffer): Promise<Row[]> {
  return parquetReadObjects({ file: bytes, metadata: parquetMetadata(bytes, { geoparquet: false }) });
}

function sumOf(row: Row): Omit<EvidenceSum, "publisherId"> {
  return {
    quarter: Number(row["quarter"]),
    campaignId: String(row["campaign_id"]),
    adId: String(row["ad_id"]),
    cause: typeof row["cause"] === "string" ? row["cause"] : null,
    ...(Object.fromEntries(SUM_COUNTS.map((name) => [name, Number(row[name])])) as Omit<SumCounts, "spendMicros">),
    spendMicros: BigInt(row["spend_micros"] as bigint),
  };
}

export const textOf =
  <T>(rows: readonly T[]) =>
  (name: string, read: (row: T) => string | null): ColumnSource => ({
    ...{ name, type: "STRING", nullable: true, data: rows.map(read), statistics: false },
  });

const int32Of =
  <T>(rows: readonly T[]) =>
  (name: string, read: (row: T) => number): ColumnSource => ({
    ...{ name, type: "INT32", nullable: false, data: Int32Array.from(rows, read), statistics: false },
  });

export const int64Of =
  <T>(rows: readonly T[]) =>
  (name: string, read: (row: T) => number | bigint): ColumnSource => ({
    ...{ name, type: "INT64", nullable: false, statistics: false },
    data: BigInt64Array.from(rows, (row) => toInt64(read(row))),
  });

function toInt64(value: number | bigint): bigint {
  const exact = BigInt(value);
  assert(BigInt.asIntN(64, exact) === exact, "a figure of the evidence has 64 bits");
  return exact;
}

export function toParquet(columnData: ColumnSource[]): Bytes {
  return new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: ROWS_PER_GROUP }));
}
