/**
 * From what a schema does not take in a row to the problem that its sender is told: one, by name, with what to send.
 *
 * Keeps: of several the first in the order of the table; a name of the sender's is cut to 64 characters. Pure.
 */
import type * as z from "zod";
import { assert } from "../core/result.ts";
import type { SubmissionProblem } from "./problems.ts";

/** Field → what is said of a value that is refused there. */
export type FieldProblems = Readonly<Record<string, (value: unknown) => SubmissionProblem>>;

type Issues = readonly z.core.$ZodIssue[];

/** The members of a row; null for what is no object. */
export function toFields(given: unknown): Readonly<Record<string, unknown>> | null {
  return typeof given === "object" && given !== null && !Array.isArray(given)
    ? (given as Readonly<Record<string, unknown>>)
    : null;
}

export function isNoRow(): SubmissionProblem {
  return { reason: "field_invalid", detail: "A row is a JSON object." };
}

export function unknownField(issues: Issues, known: readonly string[]): SubmissionProblem | null {
  const unknown = issues.flatMap((issue) => (issue.code === "unrecognized_keys" ? issue.keys : []))[0];
  if (unknown === undefined) return null;
  return { reason: "field_unknown", field: unknown.slice(0, 64), detail: `Fields are ${known.join(", ")}.` };
}

/** The first field of the table that the schema has refused; there is one. */
export function firstProblem(
  issues: Issues,
  table: FieldProblems,
  given: (field: string) => unknown,
): SubmissionProblem {
  const refused = new Set(issues.map(({ path }) => path[0]));
  const field = Object.keys(table).find((name) => refused.has(name));
  assert(field !== undefined, "what a schema refuses is a field that it has");
  return { field, ...(table[field] as FieldProblems[string])(given(field)) };
}
