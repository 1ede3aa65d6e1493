/**
 * The claims of an impression token: their types, their rules, and the check that turns unknown JSON into them.
 *
 *   jti  impression id      iat, exp  seconds          adv cmp ad pub  ids            url  landing URL
 *   cpc  integer micros     grp crt plc fmt uid  optional ids         fwd dur tst  0 or 1
 *
 * Keeps: a `Claims` value obeys every rule that needs neither clock nor configuration. Unknown claims are ignored, so
 * that an ad server may carry its own; `slt` of older minters is one of them (core/routing.ts). Relies on: the caller
 * has verified the signature, or knows that somebody did.
 */
import { decodeBase64url, decodeUtf8, parseJson } from "./base64url.ts";
import { checkLandingUrl } from "./destination.ts";
import { CPC_MICROS_MAX, ID_LENGTH_MAX } from "./limits.ts";
import type { Refusal } from "./refusal.ts";
import { err, ok, type Result } from "./result.ts";

export type Claims = {
  readonly jti: string;
  /** Seconds since 1970, perhaps with a fraction. */
  readonly iat: number;
  readonly exp: number;
  readonly adv: string;
  readonly cmp: string;
  readonly ad: string;
  readonly pub: string;
  readonly url: string;
  /** Price of a valid click in micros of the advertiser's currency. */
  readonly cpc: number;
  readonly grp: string | null;
  readonly crt: string | null;
  readonly plc: string | null;
  readonly fmt: string | null;
  readonly uid: string | null;
  /** Whether the landing page gets the click's own query parameters. */
  readonly fwd: boolean;
  readonly dur: boolean;
  readonly tst: boolean;
};

/** Not only dots: a path segment that a macro fills can then never become `.` or `..`. */
const ID = new RegExp(`^(?!\\.+$)[A-Za-z0-9_.-]{1,${ID_LENGTH_MAX}}$`);

export function isId(value: unknown): value is string {
  return typeof value === "string" && ID.test(value);
}

/** Decodes the payload of a token without verifying anything; for stations behind the edge, which verified it. */
export function decodeClaims(token: string): Result<Claims, Refusal> {
  const segments = token.split(".");
  if (segments.length !== 3) return err({ reason: "token_segments" });
  return decodePayload(segments[1] ?? "");
}

/** The claims in a base64url payload segment. */
export function decodePayload(segment: string): Result<Claims, Refusal> {
  const bytes = decodeBase64url(segment);
  if (bytes === null) return err({ reason: "token_encoding" });
  const text = decodeUtf8(bytes);
  return text === null ? err({ reason: "payload_invalid" }) : parseClaims(parseJson(text));
}

/** Checks unknown JSON against every claim rule; reports the first claim at fault. */
export function parseClaims(value: unknown): Result<Claims, Refusal> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return err({ reason: "payload_invalid" });
  }
  const read = new ClaimReader(value as Record<string, unknown>);
  const claims: Claims = {
    jti: read.id("jti"),
    iat: read.number("iat", 0, Number.MAX_SAFE_INTEGER),
    exp: read.number("exp", 0, Number.MAX_SAFE_INTEGER),
    adv: read.id("adv"),
    cmp: read.id("cmp"),
    ad: read.id("ad"),
    pub: read.id("pub"),
    url: read.text("url"),
    cpc: read.integer("cpc", 0, CPC_MICROS_MAX),
    grp: read.optionalId("grp"),
    crt: read.optionalId("crt"),
    plc: read.optionalId("plc"),
    fmt: read.optionalId("fmt"),
    uid: read.optionalId("uid"),
    fwd: read.optionalInteger("fwd", 0, 1) === 1,
    dur: read.optionalInteger("dur", 0, 1) === 1,
    tst: read.optionalInteger("tst", 0, 1) === 1,
  };
  if (read.refusal !== null) return err(read.refusal);
  const refusal = checkLandingUrl(claims.url);
  if (refusal !== null) return err(refusal);
  return claims.exp > claims.iat ? ok(claims) : err({ reason: "life_invalid", field: "exp" });
}

/** Reads claims one by one and remembers the first refusal; values read after it are never used. */
class ClaimReader {
  refusal: Refusal | null = null;
  readonly #payload: Record<string, unknown>;

  constructor(payload: Record<string, unknown>) {
    this.#payload = payload;
  }

  id(field: string): string {
    const value = this.text(field);
    if (this.refusal === null && !ID.test(value)) this.refusal = { reason: "claim_value", field };
    return value;
  }

  optionalId(field: string): string | null {
    return this.#payload[field] === undefined ? null : this.id(field);
  }

  text(field: string): string {
    const value = this.#required(field);
    if (typeof value === "string") return value;
    return this.#refuse("claim_type", field, "");
  }

  number(field: string, min: number, max: number): number {
    const value = this.#required(field);
    if (typeof value !== "number") return this.#refuse("claim_type", field, min);
    return value >= min && value <= max ? value : this.#refuse("claim_value", field, min);
  }

  integer(field: string, min: number, max: number): number {
    const value = this.number(field, min, max);
    return Number.isSafeInteger(value) ? value : this.#refuse("claim_value", field, min);
  }

  optionalInteger(field: string, min: number, max: number): number | null {
    return this.#payload[field] === undefined ? null : this.integer(field, min, max);
  }

  #required(field: string): unknown {
    const value = Object.hasOwn(this.#payload, field) ? this.#payload[field] : undefined;
    if (value === undefined || value === null) this.#refuse("claim_missing", field, null);
    return value;
  }

  #refuse<T>(reason: "claim_missing" | "claim_type" | "claim_value", field: string, fallback: T): T {
    this.refusal ??= { reason, field };
    return fallback;
  }
}
