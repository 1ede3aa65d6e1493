/** Money out of a fold, to compare with evidence. */
import { HUNDREDS, type Measure, type MoneyMeasure } from "../../src/core/fields.ts";
import { MICROS_PER_HUNDRED } from "../../src/core/measures.ts";

/** The amount that two measures hold, in micros. */
export function valueOfMoney(name: MoneyMeasure, totals: Partial<Record<Measure, number>>): bigint {
  return BigInt(totals[HUNDREDS[name]] ?? 0) * BigInt(MICROS_PER_HUNDRED) + BigInt(totals[name] ?? 0);
}
