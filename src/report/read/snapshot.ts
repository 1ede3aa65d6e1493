/**
 * One report database at one moment: what it holds of everything that a query asks for.
 *
 *   marks ─▶ plan (plan/subqueries.ts) ─▶ one batch: rows of each part · which objects count for each part · cold marks
 *
 * Keeps: marks are read before facts (src/report/plan/plan.ts says why that is exact); one `batch()` is one
 * transaction, so all statements see the same moment. Where minutes were moved between the two, so that the plan may
 * have missed some, there is no snapshot.
 * Relies on: posting and roll write facts and marks in one transaction.
 */

import { fromDatabase } from "../../access/database.ts";
import type { ReadScope } from "../../access/read-scope.ts";
import type { ColdObject } from "../../cold/reader.ts";
import { SELECT_COLD_MARKS } from "../../cold/sql.ts";
import type { HourSumsFrom } from "../plan/sources.ts";
import { type DatabaseMarks, marksOf, type Share } from "../plan/subqueries.ts";
import { type ColdMark, coldMarkOf, ledgerStatement, type MarkRow, movedReads } from "./cold-minutes.ts";
import type { ReadRow } from "./groups.ts";
import { partStatements } from "./segments-sql.ts";
import type { SketchLook } from "./sketches.ts";

const SELECT_MARKS = `
SELECT tier, bucket, mark, 0 AS generation
FROM roll_marks
UNION ALL
SELECT 'day_sum', bucket, mark, 0
FROM day_sum_marks
UNION ALL
SELECT 'hour_sum', bucket, mark, 0
FROM hour_sum_marks
WHERE dimension = ?1
UNION ALL
SELECT 'cold', bucket, mark, generation
FROM cold_marks`;

/**
 * What was read for one part: the rows of each statement, the objects that hold further minutes, and of what, where its
 * users are still to be read.
 */
export type PartRead = {
  readonly rows: readonly (readonly ReadRow[])[];
  readonly objects: readonly ColdObject[];
  readonly looks: readonly SketchLook[];
};

export type Snapshot = {
  /** In the order of what was asked. */
  readonly parts: readonly PartRead[];
  readonly cold: ColdMark;
  readonly rowsRead: number;
};

/** The marks of the buckets, and those of the sums of hours that answer. Throws DatabaseFault. */
export async function readMarks(
  database: D1Database,
  buckets: readonly number[],
  hours: HourSumsFrom | null,
): Promise<{ readonly marks: DatabaseMarks; readonly rowsRead: number }> {
  const by = hours?.by ?? null;
  const { results, meta } = await fromDatabase(() => database.prepare(SELECT_MARKS).bind(by).all<MarkRow>());
  const marks = { ...marksOf(results, buckets, hours), cold: coldMarkOf(results, buckets) };
  return { marks, rowsRead: meta.rows_read };
}

/**
 * All parts in one transaction; "moved" where minutes were moved after the marks `since`, which the reads were planned
 * by. Throws DatabaseFault.
 */
export async function readSnapshot(
  database: D1Database,
  shares: readonly Share[],
  { scope, buckets, since }: { scope: ReadScope; buckets: readonly number[]; since: ColdMark },
): Promise<Snapshot | "moved"> {
  const statements = shares.map(({ reads, ...part }) => partStatements(reads, { ...part, scope }));
  const ledgers = shares.map(({ reads }) => ledgerStatement(movedReads(reads), buckets));
  const all = [...statements.flat(), ...ledgers, { sql: SELECT_COLD_MARKS, bound: [] }];
  const prepared = all.map(({ sql, bound }) => database.prepare(sql).bind(...bound));
  const answers = await fromDatabase(() => database.batch<ReadRow>(prepared));
  const cold = coldMarkOf((answers.at(-1)?.results ?? []) as unknown as MarkRow[], buckets);
  if (cold.mark > since.mark) return "moved";

  let at = 0;
  const parts = shares.map(({ reads, ...share }, part): PartRead => {
    const length = statements[part]?.length ?? 0;
    const rows = answers.slice(at, at + length).map(({ results }) => results);
    at += length;
    const ledger = answers[answers.length - 1 - shares.length + part];
    const looks = reads.map((read) => ({ read, selection: { ...share, scope } }));
    return { rows, objects: (ledger?.results ?? []) as unknown as ColdObject[], looks };
  });
  return { parts, cold, rowsRead: answers.reduce((sum, { meta }) => sum + meta.rows_read, 0) };
}

/** Whether rows have changed their place since a snapshot. Throws DatabaseFault. */
export async function hasMoved(database: D1Database, since: ColdMark, buckets: readonly number[]): Promise<boolean> {
  const { results } = await fromDatabase(() => database.prepare(SELECT_COLD_MARKS).all<MarkRow>());
  return coldMarkOf(results, buckets).generation !== since.generation;
}
