/**
 * One page of a table: read anew behind a key, or taken from what was kept when its first page was made.
 *
 *   no cursor, or {after}   watermark, then facts behind the key
 *   {kept, offset}          rows of the object in R2 from there on
 *
 * Keeps: the watermark is read before the facts that it speaks for. A page that is cut names the next one, except where
 * an order by a metric has more rows than are ever read, or than may be kept: then it says why.
 */
import type { ReadScope } from "../../access/read-scope.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { type ReadFacts, toTotals } from "../answer/meta.ts";
import { pairRows, type Row } from "../answer/table.ts";
import type { WatermarkReading } from "../answer/watermark.ts";
import { GROUPS_MAX } from "../limits.ts";
import { isOrderedByKey } from "../plan/plan.ts";
import type { ReportProblem } from "../problems.ts";
import type { ReportQuery } from "../query/query.ts";
import { type Reading, type ReportSources, readReport } from "../read/executor.ts";
import { type Group, keyOf } from "../read/groups.ts";
import { type CursorContext, openCursor, type PagePlace, sealCursor, staleCursor } from "./cursor.ts";
import { keepRows, readKept } from "./page-store.ts";

export type PageSources = ReportSources & {
  readonly watermark: () => Promise<WatermarkReading>;
  readonly random: () => Uint8Array;
  /** Whether so many bytes of further pages may be kept for the asker. */
  readonly mayKeep: (bytes: number) => Promise<boolean>;
};

export type TablePage = {
  readonly rows: readonly Row[];
  readonly isCut: boolean;
  readonly nextCursor: string | null;
  readonly read: ReadFacts;
};

/** The page that a query asks for. Throws DatabaseFault. */
export async function readTablePage(
  sources: PageSources,
  scope: ReadScope,
  context: CursorContext,
): Promise<Result<TablePage, ReportProblem>> {
  const { query } = context;
  const place = query.cursor === undefined ? ok(null) : await openCursor(query.cursor, context);
  if (!place.ok) return place;
  if (place.value !== null && "kept" in place.value) return readKeptPage(sources, place.value, context);
  const watermark = await sources.watermark();
  const after = place.value?.after ?? null;
  const reading = await readReport(sources, { query, scope, after, nowMs: context.nowMs });
  return reading.ok ? ok(await toPage(sources, reading.value, { watermark, context })) : reading;
}

/** What is said of a reading, whatever it is shaped into. */
export function toReadFacts(reading: Reading, watermark: WatermarkReading, query: ReportQuery): ReadFacts {
  const { segments, rowsRead, totals, previous } = reading;
  const shown = totals === null ? null : toTotals(totals, previous?.totals ?? null, query);
  return { segments, rowsRead, watermark, totals: shown };
}

async function toPage(
  sources: PageSources,
  reading: Reading,
  { watermark, context }: { watermark: WatermarkReading; context: CursorContext },
): Promise<TablePage> {
  const { query } = context;
  const { groups, rest, isCut, isWhole, last, previous } = reading;
  const rowsOf = (some: readonly Group[]) => pairRows(some, previous?.groups ?? null, query);
  const read = toReadFacts(reading, watermark, query);
  const page = { rows: rowsOf(groups), isCut, nextCursor: null, read };
  if (last === null) return page;
  if (isOrderedByKey(query)) return { ...page, nextCursor: await sealCursor({ after: keyOf(last, query) }, context) };
  const without = (detail: string) => ({ ...page, read: { ...read, watermark: withoutCursor(watermark, detail) } });
  if (!isWhole) return without(TOO_LONG);
  const { random, mayKeep } = sources;
  const name = await keepRows(
    sources.bucket,
    { rows: rowsOf(rest), read },
    { nowMs: context.nowMs, random: random(), mayKeep },
  );
  if (name === null) return without(TOO_MUCH_KEPT);
  return { ...page, nextCursor: await sealCursor({ kept: name, offset: 0 }, context) };
}

const TOO_LONG =
  `More than ${GROUPS_MAX} rows are ordered by a metric: only the first page is offered. ` +
  "Order by time or a dimension.";
const TOO_MUCH_KEPT =
  "Further pages of this account's tables are kept for an hour and have filled their room: only the first page is " +
  "offered. Order by time or a dimension, whose pages need none, or raise limit.";

function withoutCursor(watermark: WatermarkReading, detail: string): WatermarkReading {
  return { ...watermark, warnings: [...watermark.warnings, { code: "no_next_page", detail }] };
}

async function readKeptPage(
  { bucket }: PageSources,
  { kept: name, offset }: Extract<PagePlace, { kept: string }>,
  context: CursorContext,
): Promise<Result<TablePage, ReportProblem>> {
  const kept = await readKept<ReadFacts>(bucket, name);
  if (kept === null) return err(staleCursor());
  const end = offset + context.query.limit;
  const isCut = end < kept.rows.length;
  const nextCursor = isCut ? await sealCursor({ kept: name, offset: end }, context) : null;
  return ok({ rows: kept.rows.slice(offset, end), isCut, nextCursor, read: { ...kept.read, rowsRead: 0 } });
}
