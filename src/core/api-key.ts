/**
 * The form of an API key: `clk_` and 43 characters base64url, which is 32 random bytes.
 *
 * Keeps: whoever has a key has 256 random bits, the operator of the configuration too, so that none is found by
 * guessing.
 */
const FORM = /^clk_[A-Za-z0-9_-]{43}$/;

export function isApiKey(text: string): boolean {
  return FORM.test(text);
}
