/**
 * One logged decision judged again: whether the rules, without anybody's memory, allow what the line says.
 *
 *   rules say invalid    → invalid, for that reason
 *   rules say late       → late; or decided as the late clicks of its token were (core/late-cap.ts)
 *   rules say valid      → valid for that reason, duplicate of a claim, or deferred
 *   a review             → what a choice can make of a late click (core/review.ts)
 *
 * Keeps: pure. Whether the claim was free is another question (core/claim-check.ts).
 */
import type { TokenContent } from "./log-line.ts";
import type { Decision } from "./verdict.ts";

const DUPLICATE: Decision = { verdict: "duplicate", reason: "same_impression" };
const DEFERRED: Decision = { verdict: "deferred", reason: "key_table_dropped" };
const ACCEPTED: Decision = { verdict: "valid", reason: "late_accepted" };
const REJECTED: Decision = { verdict: "invalid", reason: "late_rejected" };

/** Null where the line is one of those that the rules allow, else what it should be. */
export function recheck(entry: TokenContent, judged: Decision): Decision | null {
  const allowed = entry.review === null ? allowedAfter(judged) : [ACCEPTED, DUPLICATE, REJECTED];
  if (allowed.some(({ verdict, reason }) => verdict === entry.verdict && reason === entry.reason)) return null;
  return entry.review === null ? judged : REJECTED;
}

function allowedAfter(judged: Decision): Decision[] {
  if (judged.verdict === "valid") return [judged, DUPLICATE, DEFERRED];
  if (judged.verdict === "late") return [judged, DUPLICATE, REJECTED, DEFERRED];
  return [judged, DEFERRED];
}
