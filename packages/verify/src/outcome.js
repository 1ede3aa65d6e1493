/**
 * The two ways in which a verification ends without success.
 */

/** Something is not what it must be. Exit code 1. */
export class Differs extends Error {
  /** @override */
  name = "Differs";
}

/** Nothing can be said, for the reason given. Exit code 2. */
export class Unchecked extends Error {
  /** @override */
  name = "Unchecked";
}

/**
 * A text as a terminal may show it: what was served moves no cursor and begins no line of its own.
 * @param {string} text
 */
export function printable(text) {
  return text.replaceAll(/\p{Cc}/gu, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * @param {unknown} condition
 * @param {() => string} message
 * @returns {asserts condition}
 */
export function must(condition, message) {
  if (!condition) throw new Differs(message());
}
