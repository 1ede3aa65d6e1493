/**
 * Why a report, a list or an act is refused, as a value on its way to an answer.
 *
 *   { reason: "unknown_parameter", detail: "…", parameter: "campain_id" } → /problems/unknown-parameter
 *
 * Keeps: status and words are the catalogue's (src/problems/). A detail repeats only what the caller sent or what these
 * files define, so it never tells one tenant about another.
 */
import { problemResponse } from "../problem.ts";
import type { Reason } from "../problems/catalog.ts";

export type ReportProblem = {
  readonly reason: Reason;
  readonly detail?: string;
  /** The query parameter at fault, as the caller spelled it. */
  readonly parameter?: string;
  /** After how long it may be otherwise. */
  readonly retryAfterS?: number;
};

/** The answer for a problem. Total. */
export function toProblemResponse(
  { reason, detail, parameter, retryAfterS }: ReportProblem,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const retry = retryAfterS === undefined ? {} : { "Retry-After": String(retryAfterS) };
  return problemResponse({ reason, detail, field: parameter }, { ...retry, ...headers });
}
