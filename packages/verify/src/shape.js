/**
 * Shapes: what a value out of a document must be, described once and checked where the document is read. What stands
 * behind a check meets no member of another type, and nothing that is nested deeper than its shape.
 *
 *   const PART = object({ name: TEXT, sha256: HASH, rows: COUNT });
 *   checkShape(value, PART, "manifest-0001.json");        NOT VERIFIED: manifest-0001.json: rows is "5", and must be …
 */
import { must } from "./outcome.js";

/**
 * @typedef {{ must: string, is: (value: any) => boolean, within?: (value: any, path: string) => string | null,
 *   isOptional?: true, take?: (value: any) => any }} Shape
 *   `within` says what is wrong inside of a value that is one, or null; `take` is how a value of a column is read
 */

/** What stands in names and what places are joined by has none: a name with one would pass for two. */
const CONTROL = /\p{Cc}/u;
const TOLD_CHARS = 100;

/** Any text. @type {Shape} */
export const PROSE = { must: "a text", is: (value) => typeof value === "string" && value.isWellFormed() };

/** A text that holds no control characters. @type {Shape} */
export const TEXT = {
  must: "a text without control characters",
  is: (value) => PROSE.is(value) && !CONTROL.test(value),
};

/** @type {Shape} */
export const NUMBER = { must: "a number", is: Number.isFinite };

/**
 * An integer that a number holds exactly, as JSON writes it.
 * @param {number} [min]
 * @param {number} [max]
 * @returns {Shape}
 */
export function integer(min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER) {
  const range =
    min === Number.MIN_SAFE_INTEGER ? "" : ` from ${min}${max === Number.MAX_SAFE_INTEGER ? "" : ` to ${max}`}`;
  return {
    must: `an integer${range}`,
    is: (value) => Number.isSafeInteger(value) && value >= min && value <= max,
  };
}

/**
 * A text of a form.
 * @param {RegExp} form
 * @param {string} must
 * @returns {Shape}
 */
export const spelled = (form, must) => ({ must, is: (value) => typeof value === "string" && form.test(value) });

/**
 * One value out of few.
 * @param {...(string | number | null)} values
 * @returns {Shape}
 */
export const oneOf = (...values) => ({
  must: values.map(tell).join(" or "),
  is: (value) => values.includes(value),
});

/**
 * @param {Shape} shape
 * @returns {Shape}
 */
export const optional = (shape) => ({ ...shape, isOptional: true });

/**
 * @param {Shape} shape
 * @returns {Shape}
 */
export const nullOr = (shape) => ({
  must: `${shape.must}, or null`,
  is: (value) => value === null || shape.is(value),
  within: (value, path) => (value === null ? null : (shape.within?.(value, path) ?? null)),
});

/**
 * @param {Shape} each
 * @returns {Shape}
 */
export const list = (each) => ({
  must: "a list",
  is: Array.isArray,
  within: (/** @type {unknown[]} */ values, path) =>
    first(values, (value, at) => wrongIn(each, value, `${path}[${at}]`)),
});

const isObject = (/** @type {unknown} */ value) => value !== null && typeof value === "object" && !Array.isArray(value);

/**
 * An object with these members and, unless it is open, no other.
 * @param {Record<string, Shape>} members
 * @param {{ isOpen?: boolean }} [how]
 * @returns {Shape}
 */
export function object(members, { isOpen = false } = {}) {
  const own = Object.entries(members);
  return {
    must: "an object",
    is: isObject,
    within: (value, path) => {
      const wrong = first(own, ([name, shape]) => {
        // What an object inherits is no member of it.
        const isThere = Object.hasOwn(value, name) && value[name] !== undefined;
        return !isThere && shape.isOptional
          ? null
          : wrongIn(shape, isThere ? value[name] : undefined, inner(path, name));
      });
      if (wrong !== null || isOpen) return wrong;
      const other = Object.keys(value).find((name) => !Object.hasOwn(members, name));
      return other === undefined ? null : `${inner(path, other)} is ${tell(value[other])}, and must not be there`;
    },
  };
}

/**
 * An object whose members all have one shape, whatever they are called.
 * @param {Shape} each
 * @returns {Shape}
 */
export const mapOf = (each) => ({
  must: "an object",
  is: isObject,
  within: (value, path) => first(Object.keys(value), (name) => wrongIn(each, value[name], inner(path, name))),
});

/**
 * Throws Differs with what is wrong where.
 * @param {unknown} value
 * @param {Shape} shape
 * @param {string} what the document
 * @param {string} [path] the place in it
 */
export function checkShape(value, shape, what, path = "") {
  const wrong = wrongIn(shape, value, path);
  must(wrong === null, () => `${what}: ${wrong}`);
}

/**
 * @param {unknown} value
 * @param {Shape} shape
 */
export const fits = (value, shape) => wrongIn(shape, value, "") === null;

/**
 * @param {Shape} shape
 * @param {unknown} value
 * @param {string} path
 */
function wrongIn(shape, value, path) {
  if (!shape.is(value)) return `${path || "the whole"} is ${tell(value)}, and must be ${shape.must}`;
  return shape.within?.(value, path) ?? null;
}

/**
 * What is said of the first of which something is said.
 * @template T
 * @param {readonly T[]} values
 * @param {(value: T, at: number) => string | null} say
 */
function first(values, say) {
  for (const [at, value] of values.entries()) {
    const said = say(value, at);
    if (said !== null) return said;
  }
  return null;
}

/**
 * @param {string} path
 * @param {string} name
 */
function inner(path, name) {
  const told = /^\w{1,100}$/.test(name) ? name : tell(name);
  return path === "" ? told : `${path}.${told}`;
}

/** A value in a few words: one that is nested is not spelled, however deep it is. @param {unknown} value */
export function tell(value) {
  if (value === undefined) return "missing";
  if (typeof value === "string") {
    return JSON.stringify(value.length > TOLD_CHARS ? `${value.slice(0, TOLD_CHARS)}…` : value);
  }
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  return String(value);
}
