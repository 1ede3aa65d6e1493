/**
 * A field that names an order, a correction or a batch → the name, or why it is none. Pure.
 *
 * Keeps: a blank one is none, since templates leave one where they know nothing. A template that nobody filled is
 * refused, or it would make one order of many. An integer is its digits; one that JSON has rounded already is refused.
 */
import { isReference, isUnfilledTemplate, toReference } from "../core/reference.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { SubmissionProblem } from "./problems.ts";

/** The name in a field, null when there is none. */
export function readReference(field: string, value: unknown): Result<string | null, SubmissionProblem> {
  if (value === null || value === undefined) return ok(null);
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    const detail = Number.isInteger(value)
      ? `JSON numbers above ${Number.MAX_SAFE_INTEGER} are not exact: send the digits as text.`
      : "Text of 1 to 128 printable characters, or an integer.";
    return err({ reason: "field_invalid", field, detail });
  }
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") return unprintable(field);
  const name = toReference(text);
  if (name === "") return ok(null);
  if (isUnfilledTemplate(name)) return err({ reason: "template_unfilled", field });
  return isReference(name) ? ok(name) : unprintable(field);
}

function unprintable(field: string): Result<never, SubmissionProblem> {
  return err({ reason: "field_invalid", field, detail: "Text of 1 to 128 printable characters." });
}
