/**
 * Evidence as Parquet, and back. Pure: bytes in, bytes out.
 *
 *   rows     event_id, impression, clicks, received_at_ms, minute, campaign_id, ad_group_id, ad_id, publisher_id,
 *            country, device, verdict, reason, rules, cause, price_micros, source, seq, line, token_sha256
 *   tokens   event_id, token
 *   sums     quarter, campaign_id, ad_id, publisher_id, gross, valid, duplicate, invalid, late, spend_micros
 *   earned   the same of a publisher, with advertiser_id in the place of publisher_id
 *
 * Counts and money are INT64, minutes and quarters of an hour count from 1970, hashes are hexadecimal.
 * Keeps: equal rows give equal bytes.
 */
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";
import type { EventId } from "../core/event-id.ts";
import type { EarnedSum, EvidenceLine, EvidenceSum } from "../core/evidence.ts";
import { tokenHashOf } from "../core/evidence.ts";
import { assert } from "../core/result.ts";

/** Rows of one group. */
const ROWS_PER_GROUP = 16_384;

type Bytes = Uint8Array<ArrayBuffer>;

export function encodeRows(rows: readonly EvidenceLine[]): Bytes {
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
    text("cause", (row) => row.cause),
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
  const [int32, int64] = [int32Of(sums), int64Of(sums)];
  return toParquet([
    int32("quarter", (sum) => sum.quarter),
    text("campaign_id", (sum) => sum.campaignId),
    text("ad_id", (sum) => sum.adId),
    text(other, idOf),
    int64("gross", (sum) => sum.gross),
    int64("valid", (sum) => sum.valid),
    int64("duplicate", (sum) => sum.duplicate),
    int64("invalid", (sum) => sum.invalid),
    int64("late", (sum) => sum.late),
    int64("spend_micros", (sum) => sum.spendMicros),
  ]);
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
    gross: Number(row["gross"]),
    valid: Number(row["valid"]),
    duplicate: Number(row["duplicate"]),
    invalid: Number(row["invalid"]),
    late: Number(row["late"]),
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
