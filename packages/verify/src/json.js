/**
 * JSON in its one canonical spelling (RFC 8785), and the first place in which two values differ.
 */
import { createHash } from "node:crypto";
import { Differs } from "./outcome.js";

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
 * The value of canonical bytes, and their hash.
 * @param {Uint8Array} bytes
 * @param {string} what
 * @returns {{ value: any, sha256: string }}
 */
export function parseCanonical(bytes, what) {
  let value;
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw new Differs(`${what} is not JSON in UTF-8`);
  }
  if (value === null || typeof value !== "object" || canonical(value) !== text) {
    throw new Differs(`${what} is not written as RFC 8785 says`);
  }
  return { value, sha256: sha256Hex(bytes) };
}

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
  if (value === undefined) return "missing";
  const text = canonical(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
