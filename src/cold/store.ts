/**
 * What moves minutes: claims in D1, objects in R2, and the ledger that says which of them count.
 *
 *   cold/minute/v1/dt=2026-04-20/bucket=05/<sequence, 4 digits>-<first 16 digits of its SHA-256>.parquet
 *
 * Keeps: an object's name holds its content's hash, so that two movers of one batch, of two versions perhaps, never
 * write over each other; the ledger names one of the two, and only that one counts. An object is read back and compared
 * row by row with what was written, and its sums with those that D1 adds, before the ledger names it.
 */
import { addExact, type Exact, toExact } from "../core/exact.ts";
import { MEASURES } from "../core/fields.ts";
import { hexAt } from "../core/hex.ts";
import { DAY_MS, MINUTE_MS } from "../core/limits.ts";
import { assert } from "../core/result.ts";
import { isoDay } from "../core/time.ts";
import { compareRows, encodeMinutes, KEY_COLUMNS, type MinuteRow, toMinuteRow } from "./parquet.ts";
import { type ColdObject, readColdMinutes } from "./reader.ts";
import {
  ADVANCE_COLD_MARK,
  DELETE_MOVED,
  DESCRIBE_BATCH,
  INSERT_BATCH,
  SELECT_BATCH_ROWS,
  SELECT_MOVING,
  SELECT_NEXT_DAY,
  SETTLE_BATCH,
  SUM_BATCH,
} from "./sql.ts";

export const COLD_PREFIX = "cold/minute/v1/";
/** What one batch takes: decoded rows and their object are in memory at once. */
const ROWS_PER_BATCH_MAX = 8_192;
const CHARS_PER_BATCH_MAX = 12_000_000;
/** What one reading of D1 brings. */
const ROWS_PER_READ_MAX = 2_048;
const CHARS_PER_READ_MAX = 2_000_000;

/** A batch under way. */
export type Batch = {
  readonly bucket: number;
  readonly day: number;
  readonly sequence: number;
  readonly rows: number;
  /** Tells it from a batch of the same number, claimed after the database was set back. */
  readonly claimedAtMs: number;
};

/** The batch under way in a bucket, or null. */
export function movingBatch(database: D1Database, bucket: number): Promise<Batch | null> {
  return database.prepare(SELECT_MOVING).bind(bucket).first<Batch>();
}

/**
 * Takes rows of the first day before `beforeDay` that has any into a new batch, and returns it; null when there are
 * none. After any failure the batch is there whole or not at all; another mover's batch may be found instead.
 */
export async function claimBatch(
  database: D1Database,
  { bucket, beforeDay, nowMs }: { bucket: number; beforeDay: number; nowMs: number },
): Promise<Batch | null> {
  const next = await database
    .prepare(SELECT_NEXT_DAY)
    .bind(bucket, beforeDay, nowMs)
    .first<{ day: number; sequence: number }>();
  if (next === null) return null;
  const batch = [bucket, next.day, next.sequence];
  try {
    await database.batch([
      database.prepare(INSERT_BATCH).bind(...batch, nowMs),
      database.prepare(DESCRIBE_BATCH).bind(...batch, ROWS_PER_BATCH_MAX, CHARS_PER_BATCH_MAX),
    ]);
  } catch (fault) {
    // The reply was lost, or another mover was first: what is there says which.
    const found = await movingBatch(database, bucket);
    if (found !== null) return found;
    throw fault;
  }
  return movingBatch(database, bucket);
}

/** Carries a batch into its object and lets it count. Resolves also when another mover did. */
export async function settleBatch(
  { database, archive }: { database: D1Database; archive: R2Bucket },
  batch: Batch,
  nowMs: number,
): Promise<void> {
  const rows = await readBatch(database, batch);
  if (rows.length !== batch.rows) {
    const current = await movingBatch(database, batch.bucket);
    const isSettled = current?.day !== batch.day || current.sequence !== batch.sequence;
    assert(isSettled, "a batch under way keeps its rows");
    return;
  }
  const object = await writeObject(archive, batch, rows);
  await verifyObject({ database, archive }, { batch, rows, object });
  const key = [batch.bucket, batch.day, batch.sequence];
  await database.batch([
    database
      .prepare(SETTLE_BATCH)
      .bind(
        ...key,
        ...[object.object_key, object.etag, object.sha256, object.bytes, object.footer_bytes, nowMs],
        batch.claimedAtMs,
      ),
    database.prepare(DELETE_MOVED).bind(...key),
    database.prepare(ADVANCE_COLD_MARK).bind(batch.bucket, ((batch.day + 1) * DAY_MS) / MINUTE_MS),
  ]);
}

async function readBatch(database: D1Database, { bucket, day, sequence }: Batch): Promise<MinuteRow[]> {
  const rows: MinuteRow[] = [];
  for (;;) {
    const last = rows.at(-1);
    const after =
      last === undefined
        ? ["", 0, "", "", "", -1]
        : [last.advertiserId, last.minute, last.campaignId, last.adGroupId, last.adId, last.part];
    const { results } = await database
      .prepare(SELECT_BATCH_ROWS)
      .bind(bucket, day, sequence, ...after, ROWS_PER_READ_MAX, CHARS_PER_READ_MAX)
      .all<Record<string, string | number | null>>();
    if (results.length === 0) return rows;
    for (const row of results) rows.push(toMinuteRow(row));
  }
}

type WrittenObject = ColdObject & { readonly sha256: string };

async function writeObject(archive: R2Bucket, batch: Batch, rows: readonly MinuteRow[]): Promise<WrittenObject> {
  const { bytes, footerBytes } = encodeMinutes(rows);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const sha256 = hexAt(digest, 0, digest.length);
  const key = objectKey(batch, sha256);
  const { etag } = await archive.put(key, bytes, { sha256 });
  const minutes = rows.map(({ minute }) => minute);
  const advertisers = rows.map(({ advertiserId }) => advertiserId).sort();
  return {
    object_key: key,
    etag,
    sha256,
    bytes: bytes.length,
    footer_bytes: footerBytes,
    rows: rows.length,
    advertiser_first: advertisers[0] ?? "",
    advertiser_last: advertisers.at(-1) ?? "",
    minute_first: minutes.reduce((least, minute) => Math.min(least, minute), Infinity),
    minute_last: minutes.reduce((most, minute) => Math.max(most, minute), -Infinity),
  };
}

function objectKey({ bucket, day, sequence }: Batch, sha256: string): string {
  const name = `${String(sequence).padStart(4, "0")}-${sha256.slice(0, 16)}`;
  return `${COLD_PREFIX}dt=${isoDay(day * DAY_MS)}/bucket=${String(bucket).padStart(2, "0")}/${name}.parquet`;
}

/** Reads the object as a report would, and fails where a row or a sum is not what D1 holds. */
async function verifyObject(
  { database, archive }: { database: D1Database; archive: R2Bucket },
  { batch, rows, object }: { batch: Batch; rows: readonly MinuteRow[]; object: WrittenObject },
): Promise<void> {
  const { bucket, day, sequence } = batch;
  const sums = await database.prepare(SUM_BATCH).bind(bucket, day, sequence).first<Record<string, string | number>>();
  const stored: MinuteRow[] = [];
  const wanted = {
    minutes: [{ from: object.minute_first, to: object.minute_last + 1 }],
    advertiserIds: null,
    campaignIds: null,
    adGroupIds: null,
    adIds: null,
  };
  const columns = [...KEY_COLUMNS, ...MEASURES, "reasons", "sketch", "cells"];
  await readColdMinutes(archive, [object], { wanted, columns, take: (row) => stored.push(toMinuteRow(row)) });
  const written = rows.toSorted(compareRows);
  const isSame = stored.length === written.length && stored.every((row, at) => isEqual(row, written[at]));
  assert(isSame, "an object holds the rows that were written into it");
  const sumOf = (at: number) => stored.reduce((sum: Exact, row) => addExact(sum, row.counts[at] ?? 0), 0);
  // Another mover may have settled the batch meanwhile: then there is nothing left to compare with, or to settle.
  if (sums?.["rows"] === 0) return;
  assert(sums?.["rows"] === stored.length, "an object has as many rows as its batch");
  assert(
    MEASURES.every((measure, at) => toExact(sums?.[measure] ?? 0) === sumOf(at)),
    "an object has the sums of its batch",
  );
}

function isEqual(left: MinuteRow, right: MinuteRow | undefined): boolean {
  if (right === undefined || left.counts.join() !== right.counts.join()) return false;
  return JSON.stringify({ ...left, counts: [] }) === JSON.stringify({ ...right, counts: [] });
}
