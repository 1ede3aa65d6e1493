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
 * @param {unknown} condition
 * @param {() => string} message
 * @returns {asserts condition}
 */
export function must(condition, message) {
  if (!condition) throw new Differs(message());
}
