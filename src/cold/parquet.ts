/**
 * Minute rows as Parquet, and back. Pure: bytes in, bytes out.
 *
 *   advertiser_id, campaign_id, ad_group_id, ad_id   STRING
 *   minute, part                                     INT32
 *   <each measure>                                   INT64
 *   reasons                                          STRING, JSON {reason: count}
 *   sketch                                           BYTE_ARRAY, NULL without users (src/core/sketch.ts, as stored)
 *   cells                                            STRING, JSON [[publisher, country, device, creative, …counts], …]
 *
 * Rows ascend by advertiser, campaign, ad group, ad, minute, part, in groups of 2 048, so that one ad's day is one
 * stretch of one or two groups; what a question by time and ad needs lies in front of what is long. Compressed with
 * Snappy.
 * Keeps: equal rows give equal bytes. The first four columns and `minute` have exact statistics in every group. A
 * measure that is younger than an object has no column in it, and reads as 0.
 */
import type { AsyncBuffer, FileMetaData, RowGroup } from "hyparquet";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";
import { encodeUtf8 } from "../core/base64url.ts";
import { type Exact, toExact } from "../core/exact.ts";
import { MEASURES } from "../core/fields.ts";
import { assert } from "../core/result.ts";

/** A row of facts by minute, whole. */
export type MinuteRow = {
  readonly advertiserId: string;
  readonly campaignId: string;
  readonly adGroupId: string;
  readonly adId: string;
  readonly minute: number;
  readonly part: number;
  /** In the order of `MEASURES`. */
  readonly counts: readonly Exact[];
  readonly reasons: string;
  readonly sketch: string | null;
  readonly cells: string;
};

/** A row as an object's columns name it; columns that were not asked are absent. */
export type ColdRow = Readonly<Record<string, string | Exact | null>>;

/** Rows of one group: the least that is read. */
export const ROWS_PER_GROUP = 2_048;
/** Ends a Parquet file, after the four bytes that say how long the metadata before them is. */
const FOOTER_END_BYTES = 8;

export const KEY_COLUMNS = ["advertiser_id", "campaign_id", "ad_group_id", "ad_id", "minute", "part"] as const;
const NUMBERS: ReadonlySet<string> = new Set(["minute", "part", ...MEASURES]);

/** The object of some rows. `footerBytes` at its end describe the rest. */
export function encodeMinutes(rows: readonly MinuteRow[]): { bytes: Uint8Array<ArrayBuffer>; footerBytes: number } {
  assert(rows.length > 0, "an object has rows");
  const sorted = rows.toSorted(compareRows);
  const text = (name: string, read: (row: MinuteRow) => string): ColumnSource => ({
    ...{ name, type: "STRING", nullable: false, data: sorted.map(read) },
  });
  const int = (name: string, read: (row: MinuteRow) => number): ColumnSource => ({
    ...{ name, type: "INT32", nullable: false, data: Int32Array.from(sorted, read) },
  });
  const columnData: ColumnSource[] = [
    text("advertiser_id", (row) => row.advertiserId),
    text("campaign_id", (row) => row.campaignId),
    text("ad_group_id", (row) => row.adGroupId),
    text("ad_id", (row) => row.adId),
    { ...int("minute", (row) => row.minute), encoding: "DELTA_BINARY_PACKED" },
    int("part", (row) => row.part),
    ...MEASURES.map((name, at): ColumnSource => {
      const data = BigInt64Array.from(sorted, (row) => BigInt(row.counts[at] ?? 0));
      return { name, type: "INT64", nullable: false, data, statistics: false };
    }),
    { ...text("reasons", (row) => row.reasons), statistics: false },
    {
      name: "sketch",
      type: "BYTE_ARRAY",
      nullable: true,
      data: sorted.map((row) => (row.sketch === null ? null : encodeUtf8(row.sketch))),
      statistics: false,
    },
    { ...text("cells", (row) => row.cells), statistics: false },
  ];
  // Whole values as statistics: an id that is cut would no longer be a bound that can be compared.
  const options = { columnData, rowGroupSize: ROWS_PER_GROUP, statisticsTruncateLength: Infinity };
  const bytes = new Uint8Array(parquetWriteBuffer(options));
  const metadataBytes = new DataView(bytes.buffer).getUint32(bytes.length - FOOTER_END_BYTES, true);
  return { bytes, footerBytes: metadataBytes + FOOTER_END_BYTES };
}

/** The footer of an object, from its last bytes. */
export function decodeFooter(bytes: ArrayBuffer): FileMetaData {
  return parquetMetadata(bytes, { geoparquet: false });
}

/** What a row must have to be asked for; lists are of those that are wanted, null is any. */
export type Wanted = {
  readonly minutes: readonly { readonly from: number; readonly to: number }[];
  readonly advertiserIds: readonly string[] | null;
  readonly campaignIds: readonly string[] | null;
  readonly adGroupIds: readonly string[] | null;
  readonly adIds: readonly string[] | null;
};

/** Stretches of rows [from, to) whose groups may hold what is wanted, by their statistics; neighbours are joined. */
export function groupsWanted({ row_groups: groups }: FileMetaData, wanted: Wanted): { from: number; to: number }[] {
  const stretches: { from: number; to: number }[] = [];
  let from = 0;
  for (const group of groups) {
    const to = from + Number(group.num_rows);
    if (mayHold(group, wanted)) {
      const last = stretches.at(-1);
      if (last?.to === from) last.to = to;
      else stretches.push({ from, to });
    }
    from = to;
  }
  return stretches;
}

function mayHold(group: RowGroup, wanted: Wanted): boolean {
  const overlaps = (column: string, stretches: readonly { first: string | number; last: string | number }[]) => {
    const { min_value: least, max_value: most } =
      group.columns.find(({ meta_data: meta }) => meta?.path_in_schema[0] === column)?.meta_data?.statistics ?? {};
    if (least === undefined || most === undefined) return true;
    return stretches.some(({ first, last }) => first <= most && least <= last);
  };
  const holdsOne = (column: string, ids: readonly string[] | null) =>
    ids === null ||
    overlaps(
      column,
      ids.map((id) => ({ first: id, last: id })),
    );
  return (
    holdsOne("advertiser_id", wanted.advertiserIds) &&
    holdsOne("campaign_id", wanted.campaignIds) &&
    holdsOne("ad_group_id", wanted.adGroupIds) &&
    holdsOne("ad_id", wanted.adIds) &&
    overlaps(
      "minute",
      wanted.minutes.map(({ from, to }) => ({ first: from, last: to - 1 })),
    )
  );
}

/** Rows [from, to) of an object, with the asked columns. A column that the object does not have reads as 0. */
export async function decodeRows(
  file: AsyncBuffer,
  metadata: FileMetaData,
  { from, to, columns }: { from: number; to: number; columns: readonly string[] },
): Promise<ColdRow[]> {
  const has = new Set(metadata.schema.map(({ name }) => name));
  const there = columns.filter((column) => has.has(column));
  const missing = Object.fromEntries(columns.filter((column) => !has.has(column)).map((column) => [column, 0]));
  const read = { file, metadata, columns: there, rowStart: from, rowEnd: to, geoparquet: false };
  const numbers = there.filter((column) => NUMBERS.has(column));
  const rows: Record<string, string | Exact | null>[] = await parquetReadObjects(read);
  for (const row of rows) {
    for (const column of numbers) row[column] = toExact(row[column] ?? 0);
    Object.assign(row, missing);
  }
  return rows;
}

/** The row that an object holds, from all of its columns; or a row of D1, whose large integers are text. */
export function toMinuteRow(row: ColdRow): MinuteRow {
  const text = (name: string) => String(row[name]);
  const sketch = row["sketch"];
  return {
    advertiserId: text("advertiser_id"),
    campaignId: text("campaign_id"),
    adGroupId: text("ad_group_id"),
    adId: text("ad_id"),
    minute: Number(row["minute"]),
    part: Number(row["part"]),
    counts: MEASURES.map((measure) => toExact(row[measure] ?? 0)),
    reasons: text("reasons"),
    sketch: sketch === null || sketch === undefined ? null : String(sketch),
    cells: text("cells"),
  };
}

export function compareRows(left: MinuteRow, right: MinuteRow): number {
  const texts = ["advertiserId", "campaignId", "adGroupId", "adId"] as const;
  for (const name of texts) if (left[name] !== right[name]) return left[name] < right[name] ? -1 : 1;
  return left.minute - right.minute || left.part - right.part;
}
