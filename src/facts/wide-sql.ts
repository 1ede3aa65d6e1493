/**
 * Integers of a report database on their way out: D1 hands 64-bit integers over as doubles, so those that a double does
 * not hold leave as text.
 *
 * Keeps: `toExact` (core/exact.ts) of what is read is what the database holds.
 */
const { MIN_SAFE_INTEGER: LEAST, MAX_SAFE_INTEGER: MOST } = Number;

export const WIDE = (integer: string) =>
  `iif(${integer} BETWEEN ${LEAST} AND ${MOST}, ${integer}, CAST(${integer} AS TEXT))`;
