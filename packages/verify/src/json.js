/**
 * JSON in its one canonical spelling (RFC 8785), and the first place in which two values differ.
 */
import { createHash } from "node:crypto";
import { Differs } from "./outcome.js";
import { checkShape, tell } from "./shape.js";

/**
 * The canonical text of what `JSON.parse` gives. ECMAScript writes numbers and strings as RFC 8785 wants them.
 * @param {any} value
 * @returns {string}
 */
export function canonical(value) {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

/**
 * What a text or bytes say in JSON, once its shape is checked.
 * @param {Uint8Array | string} written
 * @param {string} what
 * @param {import("./shape.js").Shape} shape
 * @returns {any}
 */
export function parseJson(written, what, shape) {
  let value;
  try {
    value = JSON.parse(typeof written === "string" ? written : decodeUtf8(written));
  } catch {
    throw new Differs(`${what} is not JSON in UTF-8`);
  }
  checkShape(value, shape, what);
  return value;
}

/**
 * The value of canonical bytes, and their hash.
 * @param {Uint8Array} bytes
 * @param {string} what
 * @param {import("./shape.js").Shape} shape
 * @returns {{ value: any, sha256: string }}
 */
export function parseCanonical(bytes, what, shape) {
  const value = parseJson(bytes, what, shape);
  // Its shape is known by now, and with it how deep it is.
  if (canonical(value) !== decodeUtf8(bytes)) throw new Differs(`${what} is not written as RFC 8785 says`);
  return { value, sha256: sha256Hex(bytes) };
}

/** @param {Uint8Array} bytes */
const decodeUtf8 = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

/** @param {Uint8Array | string} bytes */
export function sha256Hex(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * The first place in which `found` is not `expected`, or null.
 * @param {any} expected
 * @param {any} found
 * @param {string} [path]
 * @returns {string | null}
 */
export function firstDifference(expected, found, path = "") {
  const areObjects = [expected, found].every((value) => value !== null && typeof value === "object");
  if (!areObjects || Array.isArray(expected) !== Array.isArray(found)) {
    if (expected === found) return null;
    return `${path || "the whole"} is ${brief(found)}, and must be ${brief(expected)}`;
  }
  // What is expected comes in the order in which it is computed, so the cause is named before what follows from it.
  const names = new Set([...Object.keys(expected), ...Object.keys(found)]);
  for (const name of names) {
    const inner = Array.isArray(expected) ? `${path}[${name}]` : path === "" ? name : `${path}.${name}`;
    const own = (/** @type {any} */ value) => (Object.hasOwn(value, name) ? value[name] : undefined);
    const difference = firstDifference(own(expected), own(found), inner);
    if (difference !== null) return difference;
  }
  return null;
}

/** @param {unknown} value */
function brief(value) {
  if (value === null || typeof value !== "object") return tell(value);
  const text = canonical(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
