/**
 * What may be submitted, and its answers. The validators are written by hand (src/conversions/row.ts, counts-row.ts),
 * since the submission path loads no zod; test/openapi/agree.test.ts compares both.
 */
import * as z from "zod";
import { id } from "../admin/parse.ts";
import { CONVERSION_KINDS } from "../core/conversion.ts";
import { COUNTRIES } from "../core/country.ts";
import { DEVICE_CLASSES } from "../core/device.ts";
import { DIMENSION_FIELDS, DIMENSIONS } from "../core/fields.ts";
import {
  CONVERSION_VALUE_MICROS_MAX,
  CONVERSIONS_PER_CALL_MAX,
  COUNTS_PER_ROW_MAX,
  COUNTS_PER_UPLOAD_MAX,
  ORDER_ID_LENGTH_MAX,
} from "../core/limits.ts";
import { count, text } from "./report-answers.ts";
import { RowProblem } from "./track-schemas.ts";

/** Escapes that generators of other languages read too. */
const CONTROLS = "\\x00-\\x1f\\x7f-\\x9f";

/** Printable and not blank; the length is that of UTF-16. */
const REFERENCE = `^[^${CONTROLS}]*[^\\s${CONTROLS}][^${CONTROLS}]*$`;
const reference = text.max(ORDER_ID_LENGTH_MAX).meta({ pattern: REFERENCE });
const blank = text.meta({ pattern: "^\\s*$" });
const maybeReference = z.union([reference, blank, z.int()]).nullish();

const zoned = text.meta({
  pattern: "^\\d{4}-\\d{2}-\\d{2}[Tt ]\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,9})?)?([Zz]|[ +-]\\d{2}:?\\d{2})$",
});
/** Milliseconds since 1970 of this century, and the last decades of the one before. */
const milliseconds = z.int().min(100_000_000_000).max(9_999_999_999_999);
const digits = text.meta({ pattern: "^\\d{12,13}$" });
const kind = z.enum(CONVERSION_KINDS);
const value = z.int().min(-CONVERSION_VALUE_MICROS_MAX).max(CONVERSION_VALUE_MICROS_MAX);

export const ConversionRow = z.strictObject({
  click_id: text.meta({ pattern: "\\S" }).describe("The signed id that the landing page was given."),
  order_id: maybeReference.describe(
    "What the advertiser calls the order, without invisible characters at its ends; a blank one is none.",
  ),
  type: kind.nullish().describe("purchase unless given."),
  value_micros: value
    .nullish()
    .describe("Micros of the advertiser's currency; 0 unless given. A negative one corrects the order."),
  occurred_at: z
    .union([zoned, milliseconds, digits])
    .nullish()
    .describe("RFC 3339 with its zone, or milliseconds since 1970; now unless given."),
  retract: z.boolean().nullish().describe("true takes the order back."),
  correction_id: maybeReference.describe("Tells several corrections of one order apart."),
});

const rows = z.array(ConversionRow).min(1).max(CONVERSIONS_PER_CALL_MAX);
export const ConversionRows = z.union([z.strictObject({ conversions: rows }), rows, ConversionRow]);

/** The same fields as texts of a query string. */
export const PostbackQuery = z.object({
  click_id: text.min(1).describe("The signed id that the landing page was given."),
  order_id: text.optional(),
  type: kind.optional(),
  value_micros: value.optional(),
  occurred_at: text.optional(),
  retract: z.enum(["true", "false", "1", "0"]).optional(),
  correction_id: text.optional(),
  format: z.literal("gif").optional().describe("Answers a pixel, whatever became of the conversion."),
  kid: text.optional().describe("Which key the signature is made with."),
  sig: text.optional().describe("Signature over all other parameters (docs/CONVERSIONS.md)."),
});

export const ConversionStatus = z.enum([
  "recorded",
  "repeated",
  "reattributed",
  "duplicate",
  "not_attributed",
  "corrected",
  "retracted",
  "accepted",
]);

export const ConversionResults = z.object({
  results: z
    .array(z.union([z.object({ row: count, status: ConversionStatus }), z.object({ row: count, problem: RowProblem })]))
    .describe("In the order of the request."),
});
export const ConversionResult = z.object({ status: ConversionStatus });

export const SecretQuery = z.object({
  advertiser_id: id.optional().describe("Whose secret; only the operator says so, a key has its own."),
});
export const PostbackSecret = z.object({ advertiser_id: text, epoch: count, kid: text, secret: text });

const maybeId = z.union([id, z.literal("")]).nullish();

const VALUES = {
  id: { required: id, optional: maybeId },
  country: z
    .union([z.enum([...COUNTRIES, "XX"]), z.literal("")])
    .nullish()
    .describe("ISO 3166-1, two letters."),
  device: z.enum(DEVICE_CLASSES).nullish().describe("other unless given."),
} as const;
const dimensionMembers = Object.fromEntries(
  DIMENSIONS.map((name): [string, z.ZodType] => {
    const { values, isRequired } = DIMENSION_FIELDS[name];
    return [name, values === "id" ? VALUES.id[isRequired ? "required" : "optional"] : VALUES[values]];
  }),
);

export const CountsRow = z.strictObject({
  minute: z.union([zoned, milliseconds, digits]).describe("RFC 3339 with its zone, or milliseconds since 1970."),
  ...dimensionMembers,
  impressions: z.int().min(0).max(COUNTS_PER_ROW_MAX).describe("Valid ones."),
  gross_impressions: z
    .int()
    .min(0)
    .max(COUNTS_PER_ROW_MAX)
    .optional()
    .describe("All of them, no fewer than the valid ones; as many unless given."),
});
export const CountsUpload = z.strictObject({
  batch_id: reference.describe("Counted once for each sender."),
  rows: z.array(CountsRow).min(1).max(COUNTS_PER_UPLOAD_MAX),
});
export const CountsAnswer = z.object({
  batch_id: text,
  status: z.enum(["counted", "repeated"]),
  rows: count,
  impressions: count,
});
