/**
 * Every way in which the administration says no: the report's problems, and its own.
 *
 *   {"type":"/problems/already-exists","title":"…","status":409,"detail":"…","field":"…"}        RFC 9457
 *
 * Keeps: a reason is a metric label, stable and without values; the same reason has the same body on every route.
 */
import { problemResponse } from "../problem.ts";
import { isReportProblemReason, type ReportProblem, toProblemResponse } from "../report/problems.ts";

export const OWN_PROBLEMS = {
  already_exists: { status: 409, title: "There is another one with this id." },
  fixed_field: { status: 409, title: "This field can no longer be changed." },
  key_revoked: { status: 409, title: "The API key is revoked or replaced." },
  unknown_parent: { status: 422, title: "It would belong to something that does not exist." },
  foreign_parent: { status: 422, title: "It would belong to parents that do not belong together." },
} as const satisfies Record<string, { status: number; title: string }>;

type OwnProblem = {
  readonly reason: keyof typeof OWN_PROBLEMS;
  readonly detail?: string;
  /** The field at fault, as the caller spelled it. */
  readonly parameter?: string;
};

export type AdminProblem = ReportProblem | OwnProblem;

/** The answer for a problem. Total. */
export function toAdminResponse(problem: AdminProblem): Response {
  if (isReport(problem)) return toProblemResponse(problem);
  const { reason, detail, parameter } = problem;
  return problemResponse({
    reason,
    ...OWN_PROBLEMS[reason],
    ...(detail === undefined ? {} : { detail }),
    ...(parameter === undefined ? {} : { field: parameter }),
  });
}

function isReport(problem: AdminProblem): problem is ReportProblem {
  return isReportProblemReason(problem.reason);
}
