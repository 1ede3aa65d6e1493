/**
 * The problems that operations answer, as the document and the pages of `/problems/` show them: rows of the catalogue
 * (src/problems/).
 */
import { problemType } from "../problem.ts";
import { PROBLEM_AREAS, PROBLEMS, type Reason } from "../problems/catalog.ts";
import { OF_BODIES, OF_KEYS } from "../problems/everywhere.ts";
import type { ProblemTable } from "../problems/row.ts";

export type ProblemInfo = { readonly type: string; readonly status: number; readonly title: string };

export type ProblemMeaning = ProblemInfo & {
  /** Where it is answered. */
  readonly area: string;
  /** What a caller changes to get another answer. */
  readonly advice: string;
};

/** Type → what it means. */
export const PROBLEM_MEANINGS: ReadonlyMap<string, ProblemMeaning> = new Map(
  Object.entries(PROBLEM_AREAS).flatMap(([area, table]) =>
    (Object.entries(table) as [Reason, (typeof PROBLEMS)[Reason]][]).map(
      ([reason, { status, title, advice }]): [string, ProblemMeaning] => {
        const type = problemType(reason);
        return [type, { type, status, title, area, advice }];
      },
    ),
  ),
);

/** Problems by their reasons. */
export function problems(...reasons: readonly Reason[]): ProblemInfo[] {
  return reasons.map((reason) => {
    const { status, title } = PROBLEMS[reason];
    return { type: problemType(reason), status, title };
  });
}

/** The reasons of a table of the catalogue. */
export function reasonsOf<T extends ProblemTable>(table: T): (keyof T & Reason)[] {
  return Object.keys(table) as (keyof T & Reason)[];
}

/** What a route that takes a body may answer to it. */
export const BODIES = problems(...reasonsOf(OF_BODIES));

/** What a route that reads for a tenant may answer while it has read too much, or others do. */
export const READING = problems("read_budget_spent", "too_many_reads", "reports_busy");
export const STREAMING = problems("too_many_streams", "reports_busy");

/** What a route that takes a key may answer first. */
export const KEYED = problems(...reasonsOf(OF_KEYS));
