/**
 * The objects of an audit in R2, and reading and writing them.
 *
 *   seals/v1/dt=<day>.json                                          where each source's log ends; put once
 *   folds/v1/dt=<day>/NNNN/…                                        what lines add up to, in order (audit/folds.ts)
 *   truth/v1/dt=<service day>/bucket=BB/<log day>/NNNN/<shard>-<part>.parquet   the same by the day that it counts in
 *   claims/v1/shard=<name>/hour=<hour of iat>/<log day>/NNNN/<part>.bin         records of lines (core/audit-record.ts)
 *   revisions/v1/shard=<name>/<log day>/NNNN.ndjson                 what was revised, by event
 *   audits/v1/dt=<day>/NNNN/…                                       state of an audit under way, and its findings
 *   hour-lines/v1/dt=<day>/hour=HH/shard=<name>/…                   hashes of lines (audit/hour-lines.ts)
 *   losses/v1/dt=<day>/<hash>.json                                  what an operator accepted as lost
 *
 * Keeps: every object but seals, reports and losses is a function of the archive and may be written again.
 */
import { decodeFooter, decodeRows, encodeMinutes, KEY_COLUMNS, type MinuteRow, toMinuteRow } from "../cold/parquet.ts";
import { parseJson } from "../core/base64url.ts";
import { MEASURES } from "../core/fields.ts";
import { hexAt } from "../core/hex.ts";
import type { Position } from "../core/position.ts";
import { assert } from "../core/result.ts";
import { type AcceptedLoss, auditPrefix } from "./audit-report.ts";

const COLUMNS = [...KEY_COLUMNS, ...MEASURES, "reasons", "sketch", "cells"];
const FOOTER_END_BYTES = 8;

export type Seal = {
  readonly v: 1;
  readonly day: string;
  readonly sealedAtMs: number;
  /** The end of every source's log at that day's end. */
  readonly sources: Readonly<Record<string, Position>>;
};

export const SEALS_PREFIX = "seals/v1/";
export const sealKey = (day: string) => `${SEALS_PREFIX}dt=${day}.json`;
export const numbered = (attempt: number) => String(attempt).padStart(4, "0");
/** Up to which instant every shard's log is closed. A topology that adds shards begins in the future. */
export const SEALED_THROUGH_KEY = `${SEALS_PREFIX}through.json`;
/** Where an audit keeps what it knows between its steps. */
export const workPrefix = (day: string, attempt: number) => `${auditPrefix(day)}${numbered(attempt)}/`;
export const foundPrefix = (day: string, attempt: number) => `${workPrefix(day, attempt)}found/`;
export const lossPrefix = (day: string) => `losses/v1/dt=${day}/`;
export const TRUTH_PREFIX = "truth/v1/";

/** What was accepted of a log day, by the object or the line that it names. */
export async function acceptedIn(bucket: R2Bucket, day: string): Promise<ReadonlyMap<string, AcceptedLoss>> {
  const losses = await Promise.all(
    (await keysBelow(bucket, lossPrefix(day))).map((key) => getJson<AcceptedLoss>(bucket, key)),
  );
  return new Map(losses.flatMap((loss) => (loss === null ? [] : [[loss.object, loss]])));
}

export const truthPrefix = (serviceDay: string, bucket: number) =>
  `${TRUTH_PREFIX}dt=${serviceDay}/bucket=${String(bucket).padStart(2, "0")}/`;
/** What the steps of making evidence leave to the next ones, by service day (evidence/make.ts). */
export const EVIDENCE_WORK_PREFIX = "evidence-work/v1/";
export const CLAIMS_PREFIX = "claims/v1/";
export const claimsPrefix = (shard: string, hour: number) => `${CLAIMS_PREFIX}shard=${shard}/hour=${hour}/`;
export const revisionsPrefix = (shard: string) => `revisions/v1/shard=${shard}/`;

/** As 64 hexadecimal digits. */
export async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

export function hexOf(bytes: Uint8Array): string {
  return hexAt(bytes, 0, bytes.length);
}

export async function putJson(bucket: R2Bucket, key: string, value: unknown): Promise<void> {
  await bucket.put(key, JSON.stringify(value), { httpMetadata: { contentType: "application/json" } });
}

/** Puts a value unless there is one; resolves to the one that stands there. */
export async function putOnce<T>(bucket: R2Bucket, key: string, value: T): Promise<T> {
  const stored = await bucket.put(key, JSON.stringify(value), {
    onlyIf: { etagDoesNotMatch: "*" },
    httpMetadata: { contentType: "application/json" },
  });
  return stored === null ? ((await getJson<T>(bucket, key)) ?? value) : value;
}

const SECRET_BYTES = 32;

/** Random bytes that were put under the key once, for ever. */
export async function secretAt(bucket: R2Bucket, key: string): Promise<Uint8Array> {
  const made = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  if ((await bucket.head(key)) === null) await bucket.put(key, made, { onlyIf: { etagDoesNotMatch: "*" } });
  const object = await bucket.get(key);
  assert(object !== null && object.size === SECRET_BYTES, `${key} has ${SECRET_BYTES} bytes and is never deleted`);
  return new Uint8Array(await object.arrayBuffer());
}

export async function getJson<T>(bucket: R2Bucket, key: string): Promise<T | null> {
  const object = await bucket.get(key);
  return object === null ? null : (parseJson(await object.text()) as T);
}

export async function putLines(bucket: R2Bucket, key: string, values: readonly unknown[]): Promise<void> {
  await bucket.put(key, values.map((value) => JSON.stringify(value)).join("\n"));
}

export async function getLines<T>(bucket: R2Bucket, key: string): Promise<T[]> {
  const object = await bucket.get(key);
  if (object === null) return [];
  const text = await object.text();
  return text === "" ? [] : text.split("\n").map((line) => parseJson(line) as T);
}

/** Writes stored rows; none of them is an object without bytes. */
export async function putRows(bucket: R2Bucket, key: string, rows: readonly MinuteRow[]): Promise<void> {
  await bucket.put(key, rows.length === 0 ? new Uint8Array() : encodeMinutes(rows).bytes);
}

export async function getRows(bucket: R2Bucket, key: string): Promise<MinuteRow[] | null> {
  const object = await bucket.get(key);
  return object === null ? null : decodeStored(await object.arrayBuffer());
}

/** The rows of an object that `putRows` or a fold's writer wrote. */
export async function decodeStored(bytes: ArrayBuffer): Promise<MinuteRow[]> {
  if (bytes.byteLength === 0) return [];
  const footerBytes = new DataView(bytes).getUint32(bytes.byteLength - FOOTER_END_BYTES, true) + FOOTER_END_BYTES;
  const metadata = decodeFooter(bytes.slice(bytes.byteLength - footerBytes));
  const file = { byteLength: bytes.byteLength, slice: (from: number, to?: number) => bytes.slice(from, to) };
  const rows = await decodeRows(file, metadata, { from: 0, to: Number(metadata.num_rows), columns: COLUMNS });
  return rows.map(toMinuteRow);
}

export async function keysBelow(bucket: R2Bucket, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  let cursor: string | undefined;
  do {
    const page: R2Objects = await bucket.list({ prefix, ...(cursor === undefined ? {} : { cursor }) });
    for (const { key } of page.objects) keys.push(key);
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  return keys;
}

/**
 * The keys below a prefix that belong to the attempt that counts of their log day, `<log day>/NNNN/…`: of a day that is
 * not named, none.
 */
export function ofAttempts(keys: readonly string[], prefix: string, attempts: ReadonlyMap<string, number>): string[] {
  return keys.filter((key) => {
    const [day = "", attempt = ""] = key.slice(prefix.length).split("/");
    return attempts.get(day) === Number.parseInt(attempt, 10);
  });
}
