/**
 * Why a report, a list or an act is refused, as a value on its way to an answer.
 *
 *   { reason: "unknown_parameter", detail: "…", field: "campain_id" } → /problems/unknown-parameter
 *
 * Keeps: status and words are the catalogue's (src/problems/). A detail repeats only what the caller sent or what these
 * files define, so it never tells one tenant about another.
 */
import { type Problem, problemResponse } from "../problem.ts";

export type ReportProblem = Problem & {
  /** After how long it may be otherwise. */
  readonly retryAfterS?: number;
};

/** The answer for a problem. Total. */
export function toProblemResponse(
  { retryAfterS, ...problem }: ReportProblem,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const retry = retryAfterS === undefined ? {} : { "Retry-After": String(retryAfterS) };
  return problemResponse(problem, { ...retry, ...headers });
}
