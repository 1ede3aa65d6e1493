/**
 * The arithmetic of a bill: integers of micros, rounded once, with what is left over carried to the next one.
 *
 *   due = spend + adjustments − credits + carried in        rounded half to even to the currency's minor unit
 *   carried out = due − what it was rounded to
 *
 * Keeps: exact; nothing is a floating point number. Source of minor units: ISO 4217, table A.1: two digits but where
 * listed here.
 */

const NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
const THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND";
const FOUR_DIGITS = "CLF UYW";
const MINOR_DIGITS = new Map([
  ...NO_DIGITS.split(" ").map((code) => [code, 0] as const),
  ...THREE_DIGITS.split(" ").map((code) => [code, 3] as const),
  ...FOUR_DIGITS.split(" ").map((code) => [code, 4] as const),
]);
const MICRO_DIGITS = 6;

/** How many digits behind the point the currency's minor unit has. */
export function minorDigitsOf(currency: string): number {
  return MINOR_DIGITS.get(currency) ?? 2;
}

/** Micros as whole minor units, half to even, and what is left over, in micros. */
export function roundToMinor(micros: bigint, digits: number): { minor: bigint; remainderMicros: bigint } {
  const unit = 10n ** BigInt(MICRO_DIGITS - digits);
  // Towards minus infinity, so that the rest is never negative.
  const rest = ((micros % unit) + unit) % unit;
  const floor = (micros - rest) / unit;
  const isUp = 2n * rest > unit || (2n * rest === unit && floor % 2n !== 0n);
  const minor = isUp ? floor + 1n : floor;
  return { minor, remainderMicros: micros - minor * unit };
}

/** `1234` at two digits is `12.34`. */
export function spellMinor(minor: bigint, digits: number): string {
  const sign = minor < 0n ? "-" : "";
  const text = String(minor < 0n ? -minor : minor).padStart(digits + 1, "0");
  return digits === 0 ? `${sign}${text}` : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** What a budget takes off a spend. */
export function creditOf(spendMicros: bigint, budgetMicros: bigint | null): bigint {
  return budgetMicros === null || spendMicros <= budgetMicros ? 0n : spendMicros - budgetMicros;
}
