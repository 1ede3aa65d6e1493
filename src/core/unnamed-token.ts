/**
 * A verified token without its user, for clicks under `Sec-GPC: 1`: the claims that counting needs, signed anew.
 *
 *   {jti, iat, exp, adv, …, uid: "u_42", email: "…"} → {jti, iat, exp, adv, …, without_user: 1}, under our signing key
 *
 * Keeps: what is left verifies and names the same impression, landing URL and price, so that it can be re-verified,
 * re-decided and replayed like any other. `uid` goes, and so do claims that an ad server carries for itself, which may
 * name a person too (`sub`, an address); the claim `without_user` says so. A token that has neither stays as it is, the
 * ad server's own evidence. What is signed anew is short enough for a token, since each claim that is kept is bounded.
 * Relies on: the caller has verified the token.
 */
import { decodeBase64url, decodeUtf8, parseJson } from "./base64url.ts";
import type { Claims } from "./claims.ts";
import type { KeyRing } from "./key-ring.ts";
import { assert } from "./result.ts";
import { signPayload } from "./token.ts";

/** Every claim but the user's; the compiler names one that is missing. */
const KEPT: Readonly<Record<Exclude<keyof Claims, "uid">, true>> = {
  ...{ jti: true, iat: true, exp: true, adv: true, cmp: true, ad: true, pub: true, url: true, cpc: true },
  ...{ grp: true, crt: true, plc: true, fmt: true, fwd: true, dur: true, tst: true },
};

/** Where an erased click's token leads, instead of to the page that it led to. */
export const ERASED_URL = "https://erased.invalid/";

/**
 * What an erasure leaves of a token: the claims that counting needs, without the page, which may name a person as well.
 * Signed by us, whoever signed it before.
 */
export async function bareToken(token: string, { signing }: Pick<KeyRing, "signing">): Promise<string> {
  const kept = claimsIn(token).filter(([name]) => Object.hasOwn(KEPT, name));
  return signPayload({ ...Object.fromEntries(kept), url: ERASED_URL, erased: 1 }, signing);
}

/** The token itself where it names nobody, else the same without its user. */
export async function withoutUser(token: string, { signing }: Pick<KeyRing, "signing">): Promise<string> {
  const claims = claimsIn(token);
  const kept = claims.filter(([name]) => Object.hasOwn(KEPT, name));
  if (kept.length === claims.length) return token;
  return signPayload({ ...Object.fromEntries(kept), without_user: 1 }, signing);
}

function claimsIn(token: string): [string, unknown][] {
  const text = decodeUtf8(decodeBase64url(token.split(".")[1] ?? "") ?? new Uint8Array());
  const payload = text === null ? null : parseJson(text);
  assert(typeof payload === "object" && payload !== null, "a verified token has a payload");
  return Object.entries(payload);
}
