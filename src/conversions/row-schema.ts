/**
 * The schema of a row of conversions, which validates it and is its documentation.
 *
 *   click_id        the signed id that the landing page was given
 *   order_id?       text or integer, up to 128 characters; a blank one is none
 *   type?           one of CONVERSION_KINDS; purchase unless given
 *   value_micros?   integer micros of the advertiser's currency; 0 unless given; a negative one corrects the order
 *   occurred_at?    RFC 3339, or milliseconds since 1970; now unless given
 *   retract?        true takes the order back
 *   correction_id?  tells several corrections of one order apart
 *
 * Keeps: strict: an unknown field is refused, so that a misspelt one never means its default.
 */
import * as z from "zod";
import { CONVERSION_KINDS } from "../core/conversion.ts";
import { CONVERSION_VALUE_MICROS_MAX } from "../core/limits.ts";
import { instant, maybeReference, toInstantMs, trimmed } from "./fields.ts";

const value = z.int().min(-CONVERSION_VALUE_MICROS_MAX).max(CONVERSION_VALUE_MICROS_MAX);

export const ConversionRow = z.strictObject({
  click_id: z
    .preprocess(trimmed, z.string().min(1).meta({ minLength: undefined, pattern: "\\S" }))
    .describe("The signed id that the landing page was given."),
  order_id: maybeReference.describe(
    "What the advertiser calls the order, without invisible characters at its ends; a blank one is none.",
  ),
  type: z.preprocess(trimmed, z.enum(CONVERSION_KINDS).nullable()).optional().describe("purchase unless given."),
  value_micros: value
    .nullish()
    .describe("Micros of the advertiser's currency; 0 unless given. A negative one corrects the order."),
  occurred_at: z
    .preprocess(trimmed, instant.nullable())
    .optional()
    .transform((given) => (given == null ? null : toInstantMs(given)))
    .describe("RFC 3339 with its zone, or milliseconds since 1970; now unless given."),
  retract: z.boolean().nullish().describe("true takes the order back."),
  correction_id: maybeReference.describe("Tells several corrections of one order apart."),
});
