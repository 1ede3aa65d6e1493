/**
 * The report database as the report reads it: roll marks, then the facts of every segment in one batch.
 *
 * Keeps: marks are read before facts (src/report/plan.ts says why that is exact); one `batch()` is one transaction, so
 * all segments see the same moment. A failure of the database becomes a `DatabaseFault` here and only here.
 * Relies on: posting and roll write facts and marks in one transaction.
 */
import { ADVERTISER_BUCKETS } from "../core/limits.ts";
import { AssertionError, err, ok, type Result } from "../core/result.ts";
import { advertiserBucketOf } from "../core/routing.ts";
import { cutGroups, type Reading, type SegmentRow, sumGroups } from "./groups.ts";
import { GROUPS_MAX } from "./limits.ts";
import { type Marks, planPage, planSegments } from "./plan.ts";
import type { ReportProblem } from "./problems.ts";
import type { ReportQuery } from "./query.ts";
import { type ReadScope, segmentStatement } from "./segments-sql.ts";

type MarkRow = { readonly tier: "hour" | "day"; readonly bucket: number; readonly mark: number };

const SELECT_MARKS = `
SELECT tier, bucket, mark
FROM roll_marks`;

/** The database failed and may answer later; the cause is the platform's error. */
export class DatabaseFault extends Error {
  override readonly name = "DatabaseFault";
}

/** Runs a read; what the platform throws becomes DatabaseFault, except that a statement of ours was wrong. */
export async function fromDatabase<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (isBug(cause)) throw cause;
    throw new DatabaseFault(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** SQLITE_ERROR and D1_TYPE_ERROR mean a malformed statement or value, which no retry mends. */
function isBug(cause: unknown): boolean {
  if (cause instanceof TypeError || cause instanceof AssertionError) return true;
  return cause instanceof Error && /\bSQLITE_ERROR\b|\bD1_TYPE_ERROR\b/.test(cause.message);
}

/** The groups that a query asks for, within a scope. Two round trips; throws DatabaseFault. */
export async function readGroups(
  database: D1Database,
  { query, scope }: { query: ReportQuery; scope: ReadScope },
): Promise<Result<Reading, ReportProblem>> {
  const { results: marks, meta } = await fromDatabase(() => database.prepare(SELECT_MARKS).all<MarkRow>());
  const segments = planSegments(query.range, query.granularity, marksOf(marks, bucketsOf(query, scope)));
  const page = planPage(query, segments);
  const statements = segments.map((segment) => {
    const { sql, bound } = segmentStatement(segment, { query, scope, page });
    return database.prepare(sql).bind(...bound);
  });
  const answers = await fromDatabase(() => database.batch<SegmentRow>(statements));
  if (!page.isExact && answers.some(({ results }) => results.length > GROUPS_MAX)) {
    const detail = `A part of the range has more than ${GROUPS_MAX} rows; order by time or a dimension, or narrow it.`;
    return err({ reason: "too_many_rows", detail, parameter: "order" });
  }
  const rows = answers.map(({ results }) => results);
  return ok({
    segments,
    ...cutGroups(sumGroups(rows, query), page, query.limit),
    rowsRead: answers.reduce((sum, answer) => sum + answer.meta.rows_read, meta.rows_read),
  });
}

/** The buckets of the advertisers that a query can read; all when they are not listed. */
export function bucketsOf({ filters }: Pick<ReportQuery, "filters">, { advertiserId }: ReadScope): number[] {
  if (advertiserId !== null) return [advertiserBucketOf(advertiserId)];
  const listed = filters.find((filter) => filter.dimension === "advertiser_id")?.include ?? [];
  if (listed.length > 0) return [...new Set(listed.map(advertiserBucketOf))];
  return Array.from({ length: ADVERTISER_BUCKETS }, (_, bucket) => bucket);
}

/** The lowest mark of each tier over the buckets; a bucket without one has nothing rolled. */
export function marksOf(rows: readonly MarkRow[], buckets: readonly number[]): Marks {
  const lowest = (tier: MarkRow["tier"]) =>
    Math.min(...buckets.map((bucket) => rows.find((row) => row.tier === tier && row.bucket === bucket)?.mark ?? 0));
  return { hour: lowest("hour"), day: lowest("day") };
}
