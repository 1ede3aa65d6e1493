/**
 * Why a field names no order, correction or batch, in words for its sender. What names one is decided by the schemas
 * (fields.ts). Pure.
 *
 * Keeps: a template that nobody filled is told by name, or it would make one order of many. So is an integer that JSON
 * has rounded already.
 */
import { isUnfilledTemplate, toReference } from "../core/reference.ts";
import type { SubmissionProblem } from "./problems.ts";

/** What is wrong with a value that is no reference. */
export function whyNoReference(field: string, value: unknown): SubmissionProblem {
  if (typeof value === "string" && isUnfilledTemplate(toReference(value)))
    return { reason: "template_unfilled", field };
  if (typeof value !== "number") {
    return { reason: "field_invalid", field, detail: "Text of 1 to 128 printable characters." };
  }
  const detail = Number.isInteger(value)
    ? `JSON numbers above ${Number.MAX_SAFE_INTEGER} are not exact: send the digits as text.`
    : "Text of 1 to 128 printable characters, or an integer.";
  return { reason: "field_invalid", field, detail };
}
