/**
 * Money: integers of micros as BigInt, rounded once, half to even, to the currency's minor unit (ISO 4217).
 */

const MICRO_DIGITS = 6;

/** Digits of minor units by ISO 4217, table A.1, where they are not two. @type {Record<string, string>} */
const OTHER_DIGITS = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "CLF UYW",
};

/**
 * How many digits a currency's minor unit has.
 * @param {string} currency
 */
export function minorDigits(currency) {
  const found = Object.entries(OTHER_DIGITS).find(([, codes]) => codes.split(" ").includes(currency));
  return found === undefined ? 2 : Number(found[0]);
}

/**
 * What is due in words of the currency, and what is carried.
 * @param {bigint} micros
 * @param {string} currency
 */
export function roundDue(micros, currency) {
  const digits = minorDigits(currency);
  const unit = 10n ** BigInt(MICRO_DIGITS - digits);
  const size = micros < 0n ? -micros : micros;
  let whole = size / unit;
  const twice = (size % unit) * 2n;
  // Half to even is the same on both sides of nothing.
  if (twice > unit || (twice === unit && whole % 2n === 1n)) whole += 1n;
  const minor = micros < 0n ? -whole : whole;
  const scale = 10n ** BigInt(digits);
  const fraction = digits === 0 ? "" : `.${String(whole % scale).padStart(digits, "0")}`;
  const text = `${minor < 0n ? "-" : ""}${whole / scale}${fraction}`;
  return { due: text, isCredit: minor < 0n, carried: micros - minor * unit };
}
