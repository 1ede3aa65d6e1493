/**
 * The report database as the report reads it: roll marks, then everything that a query needs in one batch.
 *
 *   marks ─▶ plan ─▶ batch: rows of the page · totals · the previous period and its totals · which objects count
 *         ─▶ sketches, where they are long ─▶ minutes of objects in R2
 *
 * Keeps: marks are read before facts (src/report/plan.ts says why that is exact); one `batch()` is one transaction, so
 * all statements see the same moment. Long sketches are read on in further steps: they only grow, and a user that is
 * read twice counts once. Where minutes were moved meanwhile, so that plan or sketches may have missed some, all is read
 * again.
 * Relies on: posting and roll write facts and marks in one transaction.
 */
import { ADVERTISER_BUCKETS, MINUTE_MS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { advertiserBucketOf } from "../core/routing.ts";
import type { ColdObject } from "../sinks/cold-reader.ts";
import { SELECT_COLD_MARKS } from "../sinks/cold-sql.ts";
import {
  type ColdMark,
  type ColdReading,
  coldMarkOf,
  ledgerStatement,
  type MarkRow,
  movedReads,
  readColdGroups,
  uniteUsers,
  withMoving,
} from "./cold-minutes.ts";
import { DatabaseFault, fromDatabase } from "./database.ts";
import { type Cutting, cutGroups, type Group, keyOf, type ReadRow, sumGroups } from "./groups.ts";
import { GROUPS_MAX } from "./limits.ts";
import { type Marks, type Page, planPage, planReads, type Read, type Segment, segmentsOf, wholePage } from "./plan.ts";
import type { ReportProblem } from "./problems.ts";
import type { ReportQuery } from "./query.ts";
import { type KeyAfter, type ReadScope, readStatements } from "./segments-sql.ts";
import { readSketches } from "./sketches.ts";
import { windowEdges } from "./windows.ts";

export { DatabaseFault, fromDatabase } from "./database.ts";

/** Readings that minutes may be moved under before the caller is asked to come again. */
const READINGS_MAX = 5;

const SELECT_MARKS = `
SELECT tier, bucket, mark, 0 AS generation
FROM roll_marks
UNION ALL
SELECT 'cold', bucket, mark, generation
FROM cold_marks`;

/** What was read for a query. */
export type Reading = Cutting & {
  readonly segments: readonly Segment[];
  readonly rowsRead: number;
  /** One group over the whole query, or none where nothing was counted; null unless asked. */
  readonly totals: readonly Group[] | null;
  /** The same of the previous period. */
  readonly previous: { readonly groups: readonly Group[]; readonly totals: readonly Group[] } | null;
};

/** One part of what is asked: a query of its own, and how far the database may cut it. */
type Ask = {
  readonly query: ReportQuery;
  readonly page: Page;
  readonly reads: readonly Read[];
  readonly after: KeyAfter | null;
};

export type ReportSources = { readonly database: D1Database; readonly bucket: R2Bucket };
type Asked = { readonly query: ReportQuery; readonly scope: ReadScope; readonly after: KeyAfter | null };

/** What a query asks for, within a scope and behind a key. Throws DatabaseFault. */
export async function readReport(sources: ReportSources, asked: Asked): Promise<Result<Reading, ReportProblem>> {
  for (let readings = 0; readings < READINGS_MAX; readings++) {
    const reading = await readOnce(sources, asked);
    if (reading !== "moved") return reading;
  }
  throw new DatabaseFault("minutes were moved under every reading");
}

async function readOnce(sources: ReportSources, asked: Asked): Promise<Result<Reading, ReportProblem> | "moved"> {
  const { database } = sources;
  const { query, scope, after } = asked;
  const buckets = bucketsOf(query, scope);
  const { results, meta } = await fromDatabase(() => database.prepare(SELECT_MARKS).all<MarkRow>());
  const cold = coldMarkOf(results, buckets);
  const asks = asksOf(query, after, { ...marksOf(results, buckets), cold });
  const statements = asks.map(({ reads, ...ask }) => reads.flatMap((read) => readStatements(read, { ...ask, scope })));
  const ledgers = asks.map(({ reads }) => ledgerStatement(movedReads(reads), buckets));
  const all = [...statements.flat(), ...ledgers, { sql: SELECT_COLD_MARKS, bound: [] }];
  const prepared = all.map(({ sql, bound }) => database.prepare(sql).bind(...bound));
  const answers = await fromDatabase(() => database.batch<ReadRow>(prepared));
  const now = coldMarkOf((answers.at(-1)?.results ?? []) as unknown as MarkRow[], buckets);
  if (now.mark > cold.mark) return "moved";

  let rowsRead = answers.reduce((sum, answer) => sum + answer.meta.rows_read, meta.rows_read);
  let at = 0;
  const summed: Group[][] = [];
  for (const [index, ask] of asks.entries()) {
    const count = statements[index]?.length ?? 0;
    const rows = answers.slice(at, at + count).map((answer) => answer.results);
    at += count;
    const objects = (answers[answers.length - 1 - asks.length + index]?.results ?? []) as unknown as ColdObject[];
    const read = await readColdGroups(sources.bucket, objects, { ...ask, scope, reads: movedReads(ask.reads) });
    if (!read.ok) return read;
    const added = await addUp(database, [...rows, read.value.rows], { ask, scope, cold: read.value });
    if (!added.ok) return added;
    rowsRead += read.value.cost.rows + added.value.rowsRead;
    summed.push(added.value.groups);
  }
  if (query.metrics.includes("unique_users") && (await hasMoved(database, now, buckets))) return "moved";
  return ok({ ...toReading(asks, summed, query), rowsRead });
}

/** The groups of one part from all rows that were read for it, with their users where they are asked. */
async function addUp(
  database: D1Database,
  rows: readonly (readonly ReadRow[])[],
  { ask, scope, cold }: { ask: Ask; scope: ReadScope; cold: ColdReading },
): Promise<Result<{ groups: Group[]; rowsRead: number }, ReportProblem>> {
  if (!ask.page.isExact && rows.some((some) => some.length > GROUPS_MAX)) return err(tooManyRows());
  const groups = sumGroups(rows, [], ask.query);
  if (!ask.query.metrics.includes("unique_users")) return ok({ groups, rowsRead: 0 });
  const sketched = await readSketches(database, ask.reads, { ...ask, scope, upTo: endOf(groups, ask) });
  if (!sketched.ok) return sketched;
  const users = uniteUsers(sketched.value.groups, cold.sketched);
  return ok({ groups: sumGroups(rows, users, ask.query), rowsRead: sketched.value.rowsRead });
}

/** Whether rows have changed their place since a reading. */
async function hasMoved(database: D1Database, since: ColdMark, buckets: readonly number[]): Promise<boolean> {
  const { results } = await fromDatabase(() => database.prepare(SELECT_COLD_MARKS).all<MarkRow>());
  return coldMarkOf(results, buckets).generation !== since.generation;
}

/** The page itself, then totals, then both of the previous period, as far as they are asked. */
function asksOf(query: ReportQuery, after: KeyAfter | null, marks: Marks & { readonly cold: ColdMark }): Ask[] {
  const readsOf = (of: ReportQuery) => withMoving(planReads(of.range, of, marks), marks.cold);
  const ask = (of: ReportQuery): Ask => ({ query: of, page: wholePage(of), reads: readsOf(of), after: null });
  const narrowed = after === null ? query : behind(query, after);
  const reads = readsOf(narrowed);
  const asks: Ask[] = [{ query: narrowed, page: planPage(narrowed, reads), reads, after }];
  if (query.wantsTotals) asks.push(ask(totalsOf(query)));
  if (query.previous !== null) {
    const before = { ...query, range: query.previous };
    asks.push(ask(before));
    if (query.wantsTotals) asks.push(ask(totalsOf(before)));
  }
  return asks;
}

/** The last group of a page that the database has cut: nobody asks for the users of those behind it. */
function endOf(groups: readonly Group[], { query, page }: Ask): KeyAfter | null {
  const last = page.isExact ? groups[page.limit - 1] : undefined;
  return last === undefined ? null : keyOf(last, query);
}

function totalsOf(query: ReportQuery): ReportQuery {
  return { ...query, granularity: "all", dimensions: [], order: [] };
}

/** Behind a key whose first field is the window, nothing on the other side of that window is left to read. */
function behind(query: ReportQuery, after: KeyAfter): ReportQuery {
  const [first] = query.order;
  const [window] = after;
  if (first?.by.kind !== "window" || typeof window !== "number") return query;
  const { fromMs, toMs } = query.range;
  const startMs = window * MINUTE_MS;
  if (!first.isDescending) return { ...query, range: { fromMs: Math.max(fromMs, startMs), toMs } };
  const [, end = toMs / MINUTE_MS] = windowEdges({ fromMs: startMs, toMs: startMs + MINUTE_MS }, query);
  return { ...query, range: { fromMs, toMs: Math.min(toMs, end * MINUTE_MS) } };
}

function toReading(
  asks: readonly Ask[],
  summed: readonly (readonly Group[])[],
  query: ReportQuery,
): Omit<Reading, "rowsRead"> {
  const [main] = asks;
  const parts = summed.map(
    (groups, index) => cutGroups(groups, asks[index]?.page ?? wholePage(query), Infinity).groups,
  );
  const cutting = cutGroups(summed[0] ?? [], main?.page ?? wholePage(query), query.limit);
  const totals = query.wantsTotals ? (parts[1] ?? []) : null;
  const [groups = [], previousTotals = []] = parts.slice(query.wantsTotals ? 2 : 1);
  const previous = query.previous === null ? null : { groups, totals: previousTotals };
  return { ...cutting, segments: segmentsOf(main?.reads ?? []), totals, previous };
}

function tooManyRows(): ReportProblem {
  const detail = `A part of the range has more than ${GROUPS_MAX} rows; order by time or a dimension, or narrow it.`;
  return { reason: "too_many_rows", detail, parameter: "order" };
}

/** The buckets of the advertisers that a query can read; all when they are not listed. */
export function bucketsOf(
  { filters }: Pick<ReportQuery, "filters">,
  { advertiserId }: Pick<ReadScope, "advertiserId">,
): number[] {
  if (advertiserId !== null) return [advertiserBucketOf(advertiserId)];
  const listed = filters.find((filter) => filter.dimension === "advertiser_id")?.include ?? [];
  if (listed.length > 0) return [...new Set(listed.map(advertiserBucketOf))];
  return Array.from({ length: ADVERTISER_BUCKETS }, (_, bucket) => bucket);
}

/** The lowest mark of each tier over the buckets; a bucket without one has nothing rolled. */
export function marksOf(rows: readonly Omit<MarkRow, "generation">[], buckets: readonly number[]): Marks {
  const lowest = (tier: MarkRow["tier"]) =>
    Math.min(...buckets.map((bucket) => rows.find((row) => row.tier === tier && row.bucket === bucket)?.mark ?? 0));
  return { hour: lowest("hour"), day: lowest("day") };
}
