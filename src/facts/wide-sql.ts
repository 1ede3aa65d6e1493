/**
 * Integers of a report database on their way out: D1 hands 64-bit integers over as doubles, so those that a double does
 * not hold leave as text.
 *
 * Keeps: `toExact` (core/exact.ts) of what is read is what the database holds.
 */
export const WIDE = (integer: string) =>
  `iif(${integer} BETWEEN ${Number.MIN_SAFE_INTEGER} AND ${Number.MAX_SAFE_INTEGER}, ${integer}, CAST(${integer} AS TEXT))`;
