/**
 * What the Worker itself counts of its bill: units by the line of the price table, and their dollars.
 *
 *   { queueOperations: 3_000 } × 0.4 dollars of a million  →  1 200 micros of a dollar
 *
 * Keeps: pure. Dollars of a million units are micros of a dollar of one, so micros a click are dollars of a million
 * clicks. What is only announced costs nothing yet.
 */
import { OBJECT_GB, PRICED_UNITS, PRICES, type PricedUnit } from "./prices.ts";

export type Units = Readonly<Partial<Record<PricedUnit, number>>>;

export function plusUnits(left: Units, right: Units): Units {
  const sum: Partial<Record<PricedUnit, number>> = { ...left };
  for (const unit of PRICED_UNITS) if (right[unit] !== undefined) sum[unit] = (left[unit] ?? 0) + right[unit];
  return sum;
}

/** What `now` has more than `before`: nothing of it is negative. */
export function unitsSince(now: Units, before: Units = {}): Units {
  const grown = PRICED_UNITS.map((unit) => [unit, Math.max((now[unit] ?? 0) - (before[unit] ?? 0), 0)] as const);
  return Object.fromEntries(grown.filter(([, more]) => more > 0));
}

/** Micros of a dollar by line, of the lines that were counted. */
export function microsByUnit(units: Units): [PricedUnit, number][] {
  return PRICED_UNITS.flatMap((unit) => {
    const counted = units[unit];
    return counted === undefined || "isAnnounced" in PRICES[unit] ? [] : [[unit, counted * PRICES[unit].perMillion]];
  });
}

export function microsOf(units: Units): number {
  return microsByUnit(units).reduce((sum, [, micros]) => sum + micros, 0);
}

/** GB-seconds of an object that is active so long. */
export const gbSecondsOf = (activeMs: number): number => (activeMs / 1_000) * OBJECT_GB;
