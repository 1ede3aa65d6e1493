/**
 * The reasons that a report can count, in one order, so that a table of them has the same columns whatever was counted.
 *
 *   clicks       same_impression, declared_crawler, …         impressions    impression.declared_crawler, …
 *   conversions  conversion.later_click, …
 *
 * Relies on: facts name reasons as they are folded (src/core/facts.ts). One that is not here, of rules that are no
 * more, is counted with the others.
 */
import { CONVERSION_REASONS } from "../../core/order.ts";
import { DEFERRED_REASONS, VERDICT_REASONS } from "../../core/verdict.ts";

/** A deferred event is in no row. */
const COUNTED = VERDICT_REASONS.filter((reason) => !(DEFERRED_REASONS as readonly string[]).includes(reason));

export const COUNTED_REASONS: readonly string[] = [
  ...COUNTED,
  ...COUNTED.map((reason) => `impression.${reason}`),
  "impression.filtered_by_sender",
  ...CONVERSION_REASONS.map((reason) => `conversion.${reason}`),
];

/** Where reasons are counted that are not listed. */
export const OTHER_REASON = "other";
