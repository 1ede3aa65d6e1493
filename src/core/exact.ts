/**
 * Exact integers of any size: a number while it is a safe one, else a bigint, so that ordinary sums cost what numbers
 * cost.
 *
 *   9007199254740991 → number        9007199254740992n → bigint        JSON: the digits, 9100999999990899
 *
 * Keeps: one value has one form, so `===`, `<` and `>` are right for any two of them, and 0 is the number 0. JSON is
 * read and written digit by digit where a double would round; other JSON takes the usual way.
 * Sources: ECMAScript, "JSON.parse source text access" (`JSON.rawJSON`, `context.source`).
 */
import { parseJson } from "./base64url.ts";
import { assert } from "./result.ts";

export type Exact = number | bigint;

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown;
const json = JSON as unknown as {
  rawJSON(text: string): unknown;
  parse(text: string, reviver: Reviver): unknown;
};

const DIGITS = /^-?\d+$/;
/** Digits that may be an integer which a double does not hold; the least such has sixteen. */
const MAY_BE_LARGE = /\d{16}/;

/** The one form of an integer. */
export function toExact(value: number | bigint | string): Exact {
  if (typeof value === "number") {
    assert(Number.isSafeInteger(value), "an exact integer was not rounded before");
    return value === 0 ? 0 : value;
  }
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number === 0 ? 0 : number;
  return BigInt(value);
}

export function addExact(left: Exact, right: Exact): Exact {
  if (typeof left === "number" && typeof right === "number") {
    const sum = left + right;
    // A rounded sum of two safe integers is no safe one, so this is exact.
    if (Number.isSafeInteger(sum)) return sum;
  }
  return toExact(BigInt(left) + BigInt(right));
}

/** left · factor + right */
export function multiplyAdd(left: Exact, factor: number, right: Exact): Exact {
  if (left === 0) return right;
  if (typeof left === "number" && typeof right === "number") {
    const product = left * factor;
    const sum = product + right;
    if (Number.isSafeInteger(product) && Number.isSafeInteger(sum)) return sum;
  }
  return toExact(BigInt(left) * BigInt(factor) + BigInt(right));
}

/** A member of an object that `JSON.stringify` writes with all its digits. */
export function toJsonNumber(value: Exact): unknown {
  return typeof value === "bigint" ? json.rawJSON(String(value)) : value;
}

/** JSON with the digits of every bigint in it. O(members), slower than `JSON.stringify`. */
export function stringifyExact(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => (typeof member === "bigint" ? toJsonNumber(member) : member));
}

/** JSON with every integer exact. */
export function parseExact(text: string): unknown {
  if (!MAY_BE_LARGE.test(text)) return parseJson(text);
  return json.parse(text, (_, member, { source }) =>
    typeof member === "number" && source !== undefined && DIGITS.test(source) ? toExact(source) : member,
  );
}
