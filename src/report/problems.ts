/**
 * Every way in which the report API says no: one closed union, with the status and the sentence of each in one table.
 *
 *   {"type":"/problems/unknown-parameter","title":"…","status":400,"detail":"…","field":"…"}        RFC 9457
 *
 * Keeps: a reason is a metric label, stable and without values; values travel in `detail` and `parameter`. A detail
 * repeats only what the caller sent or what these files define, so it never tells one tenant about another.
 */
import { problemResponse } from "../problem.ts";

export const REPORT_PROBLEMS = {
  authentication_required: { status: 401, title: "A valid API key is required." },
  insufficient_scope: { status: 403, title: "The API key may not do this." },
  unknown_parameter: { status: 400, title: "The request has a parameter that this route does not know." },
  repeated_parameter: { status: 400, title: "A parameter that takes one value is given more than once." },
  missing_parameter: { status: 400, title: "A required parameter is missing." },
  empty_value: { status: 400, title: "A list holds an empty value." },
  invalid_value: { status: 400, title: "A parameter has a value outside its rule." },
  too_many_values: { status: 400, title: "A list holds too many values." },
  invalid_instant: { status: 400, title: "An instant does not parse." },
  reversed_range: { status: 400, title: "The range ends before it starts." },
  empty_range: { status: 400, title: "The range from, to holds no minute." },
  range_too_long: { status: 400, title: "The range is longer than this granularity allows." },
  unknown_granularity: { status: 400, title: "The granularity is not known." },
  conflicting_granularity: { status: 400, title: "The request names more than one granularity." },
  unknown_time_zone: { status: 400, title: "The time zone is not known." },
  unknown_dimension: { status: 400, title: "The dimension is not known." },
  repeated_dimension: { status: 400, title: "A dimension is named more than once." },
  unknown_metric: { status: 400, title: "The metric is not known." },
  repeated_metric: { status: 400, title: "A metric is named more than once." },
  uniques_not_mergeable: { status: 400, title: "Unique users cannot be counted for such groups." },
  reasons_not_splittable: { status: 400, title: "Reasons cannot be counted for such groups." },
  unknown_order_field: { status: 400, title: "The order names a field that the answer does not have." },
  too_many_points: { status: 400, title: "The series would hold too many points." },
  too_many_rows: { status: 400, title: "The table has too many rows to be ordered by a metric." },
  tampered_cursor: { status: 400, title: "The cursor is none that was given to this key." },
  stale_cursor: { status: 410, title: "The cursor is too old; begin again at the first page." },
  cursor_of_another_query: { status: 400, title: "The cursor belongs to another query." },
  body_too_large: { status: 413, title: "The body is larger than this route takes." },
  body_encoding: { status: 415, title: "The body is packed in an encoding." },
  body_not_json: { status: 400, title: "The body is not the JSON that this route takes." },
  not_found: { status: 404, title: "There is nothing here." },
  method_not_allowed: { status: 405, title: "The method is not allowed here." },
  internal_error: { status: 500, title: "The request failed through a fault of ours." },
  database_unavailable: { status: 503, title: "The report database does not answer at the moment." },
  store_unavailable: { status: 503, title: "A store behind this answer does not answer at the moment." },
} as const satisfies Record<string, { status: number; title: string }>;

export type ReportProblemReason = keyof typeof REPORT_PROBLEMS;

export type ReportProblem = {
  readonly reason: ReportProblemReason;
  readonly detail?: string;
  /** The query parameter at fault, as the caller spelled it. */
  readonly parameter?: string;
};

/** The caller may try again after this long when the database does not answer. */
const RETRY_AFTER_S = 5;

/** Headers that a reason needs beside its body. */
const PROBLEM_HEADERS: Partial<Record<ReportProblemReason, Record<string, string>>> = {
  authentication_required: { "WWW-Authenticate": "Bearer" },
  insufficient_scope: { "WWW-Authenticate": 'Bearer error="insufficient_scope"' },
  body_encoding: { "Accept-Encoding": "identity" },
  database_unavailable: { "Retry-After": String(RETRY_AFTER_S) },
  store_unavailable: { "Retry-After": String(RETRY_AFTER_S) },
};

export function isReportProblemReason(value: unknown): value is ReportProblemReason {
  return typeof value === "string" && Object.hasOwn(REPORT_PROBLEMS, value);
}

/** The answer for a problem. Total. */
export function toProblemResponse(
  { reason, detail, parameter }: ReportProblem,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const { status, title } = REPORT_PROBLEMS[reason];
  const body = {
    reason,
    status,
    title,
    ...(detail === undefined ? {} : { detail }),
    ...(parameter === undefined ? {} : { field: parameter }),
  };
  return problemResponse(body, { ...PROBLEM_HEADERS[reason], ...headers });
}
