/** The reads of a query, planned as for one database. */
import type { ReadScope } from "../../src/access/read-scope.ts";
import { type Marks, planReads, type Read } from "../../src/report/plan/plan.ts";
import { type HourSumsMark, withSources } from "../../src/report/plan/sources.ts";
import type { ReportQuery } from "../../src/report/query/query.ts";
import { aScope } from "./scopes.ts";

/** Nothing is summed unless `summed` says so, and no minute was ever moved. */
export function readsOf(
  query: ReportQuery,
  {
    summed = 0,
    hourSums = null,
    ...marks
  }: Marks & { readonly summed?: number; readonly hourSums?: HourSumsMark | null },
  scope: ReadScope = aScope(),
): Read[] {
  return withSources(planReads(query.range, query, marks), { query, scope }, { summed, hourSums, cold: { mark: 0 } });
}
