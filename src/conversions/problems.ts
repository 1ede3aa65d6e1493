/**
 * Why a submission is not taken, as a value on its way to an answer; status and words are the catalogue's
 * (src/problems/submissions.ts).
 */
import type { Problem } from "../problem.ts";
import type { SubmissionReason } from "../problems/catalog.ts";

export type SubmissionProblem = Problem<SubmissionReason>;
