/**
 * What the routes of billing take.
 */
import * as z from "zod";
import { currency, id } from "../admin/parse.ts";

const edge = z.string().min(1).max(40);
/** 10^15 currency units, in micros: more than 64 bits of them no sum of clicks can reach. */
const MICROS = /^(0|[1-9]\d{0,20})$/;

export const draftSchema = z.strictObject({
  advertiserId: id.optional().describe("Whose bill; or else publisherId and currency."),
  publisherId: id.optional().describe("Who earned it: with currency, since each has statements of its own."),
  currency: currency.optional(),
  from: edge
    .optional()
    .describe(
      "Of a first statement: a local date or an instant, before which nothing is billed; 31 days before its first " +
        "day of evidence unless told. Later ones begin where the one before ends.",
    ),
  to: edge.describe("A local date, which is billed to its end, or an instant behind the last one."),
});

export const budgetSchema = z.strictObject({
  advertiserId: id,
  from: edge.describe("A local date or an instant: statements whose period begins then or later are bound by it."),
  micros: z
    .string()
    .regex(MICROS)
    .nullable()
    .describe("What one statement bills at most, in micros of the advertiser's currency; null takes a budget away."),
});

const whose = {
  advertiser_id: id.optional().describe("Whose; the operator names it, an advertiser's key is bound to its own."),
  publisher_id: id.optional().describe("The same of a publisher."),
};
export const tenantQuery = z.strictObject(whose);
export const advertiserQuery = z.strictObject({ advertiser_id: whose.advertiser_id });
export const ownerQuery = z.strictObject({
  ...whose,
  currency: currency.optional().describe("Of a publisher's statements, which are apart by the currency earned."),
});
export const manifestQuery = tenantQuery.extend({
  revision: z.coerce.number().int().min(1).max(9_999).optional().describe("The last one unless told."),
});
