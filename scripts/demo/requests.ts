/**
 * The words of the traffic plan: a request with its expected outcome, and the impression and the visit it belongs to.
 *
 * Expectations follow the demonstration's own model of the rules, not the Worker's code:
 *   claims    counted; of all requests of one type and impression that claim, the first is valid, the others duplicates
 *   soon      invalid when it is received sooner after its token than a person clicks, else it claims
 *   counted   invalid, or late, whatever else happens to the impression
 *   refused   no event at all: an HTTP problem of a named type        unseen   no event, and an answer like any other
 */
import type { SigningKey } from "./tokens.ts";

export type Expectation =
  | { readonly kind: "claims" }
  | { readonly kind: "soon"; readonly issuedAtMs: number }
  | { readonly kind: "counted"; readonly verdict: "invalid" | "late"; readonly reason: string }
  | { readonly kind: "refused"; readonly problem: string; readonly status: number }
  | { readonly kind: "unseen"; readonly reason: string };

/** What an ad belongs to. */
export type AdIds = { readonly adId: string; readonly campaignId: string; readonly advertiserId: string };

export type PlannedRequest = {
  readonly type: "click" | "impression";
  /** When to send it, from the start of the traffic. */
  readonly atMs: number;
  readonly method: "GET" | "HEAD" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Which requests are of one impression. */
  readonly impression: number;
  readonly ids: AdIds;
  readonly cpcMicros: number;
  /** Whom a valid click is one of; null when nobody can tell. */
  readonly user: string | null;
  /** The minute that the client reports, where it reports a time; otherwise the server's receipt decides. */
  readonly reportedAtMs: number | null;
  readonly expect: Expectation;
};

/** An impression as a scenario meets it. */
export type Impression = {
  readonly ids: AdIds;
  readonly claims: { readonly iat: number; readonly exp: number };
  /** A token with these claims, some changed; by an active key unless told. */
  readonly sign: (changes?: Readonly<Record<string, unknown>>, key?: SigningKey) => string;
  readonly keys: Keys;
};

/** A request of a visit, `afterMs` after its beginning. */
export type Step = Omit<PlannedRequest, "atMs" | "impression" | "ids" | "cpcMicros"> & { readonly afterMs: number };

/** `active` verify; `forged` bears an active kid with other bytes; `foreign` bears a kid that is not in the ring. */
export type Keys = {
  readonly active: readonly SigningKey[];
  readonly forged: SigningKey;
  readonly foreign: SigningKey;
};
