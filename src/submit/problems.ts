/**
 * Why a submission is not taken: the closed list of problems, each with its HTTP status and a sentence for the sender.
 *
 * Keeps: a forged, a damaged and another tenant's click id are one problem, so that nobody learns which ids exist.
 */
import { problemWords } from "../problem.ts";

export const SUBMISSION_PROBLEMS = {
  click_id_missing: { status: 400, title: "A conversion names the click id that its landing page was given." },
  click_id_refused: { status: 403, title: "The click id is none of yours." },
  click_id_expired: { status: 422, title: "The click is older than conversions are remembered." },
  field_invalid: { status: 400, title: "A field has a value that it cannot have." },
  template_unfilled: { status: 400, title: "A field holds a template that nobody filled." },
  field_unknown: { status: 400, title: "There is no such field." },
  field_repeated: { status: 400, title: "A field is given twice." },
  unknown_type: { status: 400, title: "There is no such type of conversion." },
  occurred_before_click: { status: 422, title: "The conversion is said to have occurred before its click." },
  occurred_in_future: { status: 422, title: "The conversion is said to occur in the future." },
  order_conflict: { status: 409, title: "The order was recorded with another value." },
  order_retracted: { status: 409, title: "The order was retracted." },
  order_unknown: { status: 404, title: "There is no such order to correct." },
  correction_conflict: {
    status: 409,
    title: "The order was corrected by another value; a further correction needs a correction_id of its own.",
  },
  corrections_exhausted: { status: 422, title: "The order was corrected as often as an order may be." },
  correction_exceeds_value: { status: 422, title: "The correction takes more than the order's value." },
  correction_exceeds_limit: {
    status: 422,
    title: "The order's value with the correction is more than an order may have.",
  },
  rows_invalid: { status: 400, title: "The body holds 1 to 1000 rows." },
  signature_invalid: { status: 403, title: "The signature does not match the fields." },
  postbacks_too_many: { status: 429, title: "The advertiser's postbacks come too often; send it again later." },
  minute_too_old: { status: 422, title: "The minute is too old to be counted." },
  minute_in_future: { status: 422, title: "The minute lies in the future." },
  key_limit_advertiser: { status: 403, title: "The API key may not count for this advertiser." },
  key_limit_publisher: { status: 403, title: "The API key may not count for this publisher." },
  batch_conflict: { status: 409, title: "The batch was counted with other rows." },
  unavailable: { status: 503, title: "The submission could not be taken; send it again." },
} as const satisfies Record<string, { status: number; title: string }>;

export type SubmissionReason = keyof typeof SUBMISSION_PROBLEMS;

export type SubmissionProblem = {
  readonly reason: SubmissionReason;
  /** The field at fault. */
  readonly field?: string;
  readonly detail?: string;
};

/** The problem as RFC 9457 writes it. */
export function toProblemJson({ reason, field, detail }: SubmissionProblem): Record<string, unknown> {
  const { status, title } = SUBMISSION_PROBLEMS[reason];
  const words = problemWords({ reason, title, ...(detail === undefined ? {} : { detail }) });
  return { ...words, status, field };
}
