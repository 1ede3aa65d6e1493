/**
 * What may be submitted, and its answers. Rows are documented by the schemas that validate them.
 */
import * as z from "zod";
import { id } from "../admin/parse.ts";
import { reference } from "../conversions/fields.ts";
import { ConversionRow } from "../conversions/row-schema.ts";
import { CONVERSION_KINDS } from "../core/conversion.ts";
import { CONVERSION_VALUE_MICROS_MAX, CONVERSIONS_PER_CALL_MAX, COUNTS_PER_UPLOAD_MAX } from "../core/limits.ts";
import { CountsRow } from "../impression-counts/counts-schema.ts";
import { count, text } from "./report-answers.ts";
import { RowProblem } from "./track-schemas.ts";

export { ConversionRow, CountsRow };

const rows = z.array(ConversionRow).min(1).max(CONVERSIONS_PER_CALL_MAX);
export const ConversionRows = z.union([z.strictObject({ conversions: rows }), rows, ConversionRow]);

/** The same fields as texts of a query string. */
export const PostbackQuery = z.object({
  click_id: text.min(1).describe("The signed id that the landing page was given."),
  order_id: text.optional(),
  type: z.enum(CONVERSION_KINDS).optional(),
  value_micros: z.int().min(-CONVERSION_VALUE_MICROS_MAX).max(CONVERSION_VALUE_MICROS_MAX).optional(),
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
