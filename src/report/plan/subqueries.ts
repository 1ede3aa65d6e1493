/**
 * What a query asks for, part by part, and what is read for it in each database. Pure.
 *
 *   query ─▶ page behind the cursor · totals · the previous period · its totals
 *   each part, each database's marks ─▶ reads of that database
 *
 * Keeps: each database is planned by its own marks, so that one that is rolled late, or is new and not rolled at all,
 * costs rows in itself alone. What is added up does not depend on the tier that it was read from.
 */
import type { ReadScope } from "../../access/read-scope.ts";
import { ADVERTISER_BUCKETS, MINUTE_MS } from "../../core/limits.ts";
import { advertiserBucketOf } from "../../core/routing.ts";
import { keyOrder, type ReportQuery } from "../query/query.ts";
import { windowEdges } from "../query/windows.ts";
import type { ColdMark, MarkRow } from "../read/cold-minutes.ts";
import type { KeyAfter } from "../read/segments-sql.ts";
import {
  isOpen,
  type Marks,
  type Page,
  planPage,
  planReads,
  type Read,
  type Segment,
  segmentsOf,
  wholePage,
} from "./plan.ts";
import { type HourSumsFrom, type HourSumsMark, withSources } from "./sources.ts";

/** How far the rows of some buckets of one database are rolled, summed and moved. */
export type DatabaseMarks = Marks & {
  /** First day that is not summed over advertisers, for every bucket that the query may read. */
  readonly summed: number;
  readonly hourSums: HourSumsMark | null;
  readonly cold: ColdMark;
};

/** One part of what is asked: a query of its own, and how far a database may cut it. */
type Part = { readonly query: ReportQuery; readonly page: Page; readonly after: KeyAfter | null };

/** A part with its reads in each database, in the order of the databases. */
export type Ask = Part & { readonly reads: readonly (readonly Read[])[] };

/** A part with its reads in one database. */
export type Share = Part & { readonly reads: readonly Read[] };

/** The page itself, then totals, then both of the previous period, as far as they are asked. */
export function planAsks(
  { query, scope, after }: { query: ReportQuery; scope: ReadScope; after: KeyAfter | null },
  marks: readonly DatabaseMarks[],
): Ask[] {
  const readsOf = (of: ReportQuery) =>
    marks.map((mark) => withSources(planReads(of.range, of, mark), { query: of, scope }, mark));
  const ask = (of: ReportQuery): Ask => ({ query: of, page: wholePage(of), reads: readsOf(of), after: null });
  const narrowed = after === null ? query : behind(query, after);
  const reads = readsOf(narrowed);
  const asks: Ask[] = [{ query: narrowed, page: planPage(narrowed, reads.flat().filter(isPosted)), reads, after }];
  if (query.wantsTotals) asks.push(ask(totalsOf(query)));
  if (query.previous !== null) {
    const before = { ...query, range: query.previous };
    asks.push(ask(before));
    if (query.wantsTotals) asks.push(ask(totalsOf(before)));
  }
  return asks;
}

const isPosted = (read: Read): boolean => !isOpen(read);

/** What database number `at` is asked for. */
export function sharesOf(asks: readonly Ask[], at: number): Share[] {
  return asks.map((ask) => ({ ...ask, reads: ask.reads[at] ?? [] }));
}

/**
 * The finest tier that any database was read from, stretch by stretch: that of the lowest marks, since days are rolled
 * from rolled hours. What a database read from a coarser one is the same sum, kept for longer.
 */
export function segmentsRead({ query }: Ask, marks: readonly DatabaseMarks[]): Segment[] {
  const lowest = {
    hour: Math.min(...marks.map(({ hour }) => hour)),
    day: Math.min(...marks.map(({ day }) => day)),
  };
  return segmentsOf(planReads(query.range, query, lowest));
}

/** The advertisers that a query can read; null when they are not listed. */
export function advertisersOf(
  { filters }: Pick<ReportQuery, "filters">,
  { advertiserId }: Pick<ReadScope, "advertiserId">,
): readonly string[] | null {
  if (advertiserId !== null) return [advertiserId];
  const listed = filters.find((filter) => filter.dimension === "advertiser_id")?.include ?? [];
  return listed.length > 0 ? listed : null;
}

/** The buckets of the advertisers that a query can read; all when they are not listed. */
export function bucketsOf(query: Pick<ReportQuery, "filters">, scope: Pick<ReadScope, "advertiserId">): number[] {
  const ids = advertisersOf(query, scope);
  if (ids !== null) return [...new Set(ids.map(advertiserBucketOf))];
  return Array.from({ length: ADVERTISER_BUCKETS }, (_, bucket) => bucket);
}

/** The lowest mark of each kind over the buckets; a bucket without one has nothing rolled. `hours` answer. */
export function marksOf(
  rows: readonly Omit<MarkRow, "generation">[],
  buckets: readonly number[],
  hours: HourSumsFrom | null = null,
): Omit<DatabaseMarks, "cold"> {
  const lowest = (tier: MarkRow["tier"]) =>
    Math.min(...buckets.map((bucket) => rows.find((row) => row.tier === tier && row.bucket === bucket)?.mark ?? 0));
  const hourSums = hours === null ? null : { ...hours, mark: lowest("hour_sum") };
  return { hour: lowest("hour"), day: lowest("day"), summed: lowest("day_sum"), hourSums };
}

function totalsOf(query: ReportQuery): ReportQuery {
  const dimensions = query.isByCurrency ? ([{ dimension: "currency", name: "currency" }] as const) : [];
  return { ...query, granularity: "all", dimensions, order: keyOrder("all", dimensions.length) };
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
