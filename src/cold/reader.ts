/**
 * Cold minutes as they are read: range requests for the groups of rows, and the columns, that a question needs.
 *
 *   ledger rows (one snapshot of D1) ─▶ footer of each object ─▶ its groups that may hold what is wanted ─▶ rows
 *
 * Keeps: an object is read only as the bytes that the ledger names: every request asks for its etag. Footers are kept
 * by etag, for the life of the isolate. Some objects are read at a time, so that memory holds some groups and no more.
 * Relies on: an object that counts never changes, and is deleted only after no ledger row counts it.
 */
import type { FileMetaData } from "hyparquet";
import { assert } from "../core/result.ts";
import { type ColdRow, decodeFooter, decodeRows, groupsWanted, type Wanted } from "./parquet.ts";

/** An object that counts, as its ledger row describes it. */
export type ColdObject = {
  readonly object_key: string;
  readonly etag: string;
  readonly bytes: number;
  readonly footer_bytes: number;
  readonly rows: number;
  readonly advertiser_first: string;
  readonly advertiser_last: string;
  readonly minute_first: number;
  readonly minute_last: number;
};

/** What reading took. */
export type ColdCost = { requests: number; bytes: number; rows: number };

/** As many connections as an invocation may have open at once. */
const OBJECTS_AT_ONCE = 6;
const FOOTERS_KEPT = 64;

/** By bucket, then by etag. */
const footersOf = new WeakMap<R2Bucket, Map<string, FileMetaData>>();

/** R2 did not have what the ledger names, or did not answer; the question may be asked again. */
export class ColdFault extends Error {
  override readonly name = "ColdFault";
}

/**
 * Hands each row that is wanted to `take`, with the asked columns. When more than `rowsMax` rows would have to be
 * decoded it stops, and the cost says so. Throws ColdFault.
 */
export async function readColdMinutes(
  bucket: R2Bucket,
  objects: readonly ColdObject[],
  {
    wanted,
    columns,
    take,
    rowsMax = Infinity,
  }: { wanted: Wanted; columns: readonly string[]; take: (row: ColdRow) => void; rowsMax?: number },
): Promise<ColdCost> {
  const cost: ColdCost = { requests: 0, bytes: 0, rows: 0 };
  const footers = footersOf.get(bucket) ?? new Map<string, FileMetaData>();
  footersOf.set(bucket, footers);
  const waiting = objects.filter((object) => mayHold(object, wanted));
  const filter = filterOf(wanted);
  const asked = [...new Set([...filter.columns, ...columns])];
  const readNext = async (): Promise<void> => {
    for (let object = waiting.shift(); object !== undefined; object = waiting.shift()) {
      const file = openObject(bucket, object, cost);
      const metadata = await footerOf(object, file, footers);
      const stretches = groupsWanted(metadata, wanted);
      cost.rows += stretches.reduce((sum, { from, to }) => sum + to - from, 0);
      if (cost.rows > rowsMax) return;
      const parts = await Promise.all(stretches.map((at) => decodeRows(file, metadata, { ...at, columns: asked })));
      for (const row of parts.flat()) if (filter.isWanted(row)) take(row);
    }
  };
  await Promise.all(Array.from({ length: Math.min(OBJECTS_AT_ONCE, waiting.length) }, readNext));
  return cost;
}

function mayHold(object: ColdObject, { advertiserIds, minutes }: Wanted): boolean {
  const hasAdvertiser =
    advertiserIds?.some((id) => object.advertiser_first <= id && id <= object.advertiser_last) ?? true;
  return hasAdvertiser && minutes.some(({ from, to }) => object.minute_first < to && from <= object.minute_last);
}

/** Statistics tell which groups may hold a wanted row; this tells the rows. */
function filterOf(wanted: Wanted): { columns: string[]; isWanted: (row: ColdRow) => boolean } {
  const lists = (
    [
      ["advertiser_id", wanted.advertiserIds],
      ["campaign_id", wanted.campaignIds],
      ["ad_group_id", wanted.adGroupIds],
      ["ad_id", wanted.adIds],
    ] as const
  ).flatMap(([column, ids]) => (ids === null ? [] : [{ column, ids: new Set(ids) }]));
  const isWanted = (row: ColdRow) => {
    const minute = Number(row["minute"]);
    return (
      wanted.minutes.some(({ from, to }) => from <= minute && minute < to) &&
      lists.every(({ column, ids }) => ids.has(String(row[column])))
    );
  };
  return { columns: [...lists.map(({ column }) => column), "minute"], isWanted };
}

type ObjectFile = { readonly byteLength: number; readonly slice: (from: number, to?: number) => Promise<ArrayBuffer> };

/** An object as a file of which ranges are read; each is one request. */
function openObject(bucket: R2Bucket, { object_key: key, etag, bytes }: ColdObject, cost: ColdCost): ObjectFile {
  const slice = async (from: number, to = bytes): Promise<ArrayBuffer> => {
    cost.requests++;
    cost.bytes += to - from;
    const range = { offset: from, length: to - from };
    const object = await bucket.get(key, { range, onlyIf: { etagMatches: etag } }).catch((cause: unknown) => {
      throw new ColdFault(`object ${key} was not read`, { cause });
    });
    if (object === null || !("arrayBuffer" in object))
      throw new ColdFault(`object ${key} is not what the ledger names`);
    const read = await object.arrayBuffer();
    assert(read.byteLength === to - from, "a range is answered whole");
    return read;
  };
  return { byteLength: bytes, slice };
}

async function footerOf(
  object: ColdObject,
  file: ObjectFile,
  footers: Map<string, FileMetaData>,
): Promise<FileMetaData> {
  const kept = footers.get(object.etag);
  if (kept !== undefined) return kept;
  const footer = decodeFooter(await file.slice(object.bytes - object.footer_bytes, object.bytes));
  // A Map gives its keys in the order in which they came: the oldest goes.
  const [oldest] = footers.keys();
  if (footers.size >= FOOTERS_KEPT && oldest !== undefined) footers.delete(oldest);
  footers.set(object.etag, footer);
  return footer;
}
