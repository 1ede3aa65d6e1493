/**
 * What a refused submission gets: problem+json, and a count of its reason.
 *
 * Keeps: a metric's labels are names of ours: what the sender called its field, and which row it was, stay out of them.
 */
import { RATE_PERIOD_S } from "../access/rate-limit.ts";
import { OPERATIONS_POINTS_MAX } from "../core/limits.ts";
import { type OperationsDataset, writeRefusedPoint } from "../operations.ts";
import { problemResponse } from "../problem.ts";
import type { SubmissionProblem } from "./problems.ts";

/** Problems whose field is the sender's own word. */
const FOREIGN_FIELDS: readonly string[] = ["field_unknown", "field_repeated"];

/** Counts the refusal and answers it. */
export function refuseSubmission(problem: SubmissionProblem, operations: OperationsDataset): Response {
  countRefused([problem], operations);
  return submissionProblem(problem);
}

/** Counts refusals by reason and field, as many as one invocation may. */
export function countRefused(problems: readonly SubmissionProblem[], operations: OperationsDataset): void {
  for (const { reason, field = "" } of problems.slice(0, OPERATIONS_POINTS_MAX)) {
    const named = FOREIGN_FIELDS.includes(reason) ? "" : field.replace(/^rows\[\d+\]\.?/, "");
    writeRefusedPoint(operations, { reason, field: named });
  }
}

export function submissionProblem(problem: SubmissionProblem): Response {
  const isHasty = problem.reason === "postbacks_too_many";
  return problemResponse(problem, isHasty ? { "Retry-After": String(RATE_PERIOD_S) } : {});
}
