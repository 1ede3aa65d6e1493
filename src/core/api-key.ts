/**
 * The form of an API key: 32 random bytes, and a check that tells a real key from a mistyped or made-up one.
 *
 *   clk_<43 characters base64url>                      the operator's, of the configuration: compared, never looked up
 *   clk_<43 characters base64url><6 characters check>  one that was issued: looked up by its hash
 *
 *   check   the first 6 characters of base64url(SHA-256(what stands before it))
 *
 * Keeps: whoever has a key has 256 random bits, so that none is found by guessing. The check is no secret and proves
 * nothing: it spares the look-up of what was never issued, and lets a scanner of leaked secrets know a key for sure.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeBase64url, encodeUtf8 } from "./base64url.ts";

const OPERATORS = /^clk_[A-Za-z0-9_-]{43}$/;
const SECRET_LENGTH = 47;
const CHECK_LENGTH = 6;

export function isOperatorKey(text: string): boolean {
  return OPERATORS.test(text);
}

export function isIssuedKey(text: string): boolean {
  const secret = text.slice(0, SECRET_LENGTH);
  return text.length === SECRET_LENGTH + CHECK_LENGTH && isOperatorKey(secret) && withCheck(secret) === text;
}

/** The issued form of a key. */
export function withCheck(secret: string): string {
  return secret + encodeBase64url(sha256(encodeUtf8(secret))).slice(0, CHECK_LENGTH);
}
