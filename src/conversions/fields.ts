/**
 * Fields that submissions have in common, as schemas that validate them and document them.
 *
 * Keeps: invisible characters at either end of a text are no part of it. What a schema says in `meta` its refinement
 * checks: patterns are for generators of other languages, which have no Unicode classes. Loaded with the routes that
 * take submissions, never with clicks.
 */
import * as z from "zod";
import { readInstant } from "../core/instant.ts";
import { ORDER_ID_LENGTH_MAX } from "../core/limits.ts";
import { isReference, isUnfilledTemplate, toReference, trimInvisible } from "../core/reference.ts";

/** Escapes that generators of other languages read too. */
const CONTROLS = "\\x00-\\x1f\\x7f-\\x9f";

/** Printable and not blank; the length is that of UTF-16. */
const REFERENCE = `^[^${CONTROLS}]*[^\\s${CONTROLS}][^${CONTROLS}]*$`;

export const trimmed = (value: unknown): unknown => (typeof value === "string" ? trimInvisible(value) : value);
const named = (value: unknown): unknown => (typeof value === "string" ? toReference(value) : value);

const name = z
  .string()
  .max(ORDER_ID_LENGTH_MAX)
  .refine((text) => isReference(text) && !isUnfilledTemplate(text))
  .meta({ pattern: REFERENCE });
const blank = z
  .string()
  .refine((text) => text === "")
  .meta({ pattern: "^\\s*$" });

/** The name of a batch. An integer is its digits. */
export const reference = z.preprocess(named, z.union([name, z.int()]).transform(String));

/** The name of an order or a correction; null where there is none. An integer is its digits. */
export const maybeReference = z
  .preprocess(named, z.union([name, blank, z.int()]).nullable())
  .optional()
  .transform((value) => ((value ?? "") === "" ? null : String(value)));

const zoned = z.string().meta({
  pattern: "^\\d{4}-\\d{2}-\\d{2}[Tt ]\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,9})?)?([Zz]|[ +-]\\d{2}:?\\d{2})$",
});
/** Milliseconds since 1970 of this century, and the last decades of the one before. */
const milliseconds = z.int().min(100_000_000_000).max(9_999_999_999_999);
const digits = z.string().meta({ pattern: "^\\d{12,13}$" });

/** RFC 3339 with its zone, or milliseconds since 1970, as a number or its digits. */
export const instant = z.union([zoned, milliseconds, digits]).refine((value) => readInstant(value).ok);

/** The instant in milliseconds of a value that `instant` takes. */
export function toInstantMs(value: z.output<typeof instant>): number {
  const read = readInstant(value);
  return read.ok ? read.value : 0;
}
