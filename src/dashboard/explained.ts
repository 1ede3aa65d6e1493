/**
 * What the API says of single clicks and of tokens, as the pages read it (docs of `GET /v1/clicks/{id}` and
 * `POST /v1/explain`), and what its words mean.
 */
import type { Claims } from "../core/claims.ts";
import type { Signer } from "../core/token.ts";
import type { ProblemJson } from "../problem.ts";
import { reasonDefinitions, VERDICT_MEANINGS } from "../well-known/definitions.ts";

export type FirstClaim = { readonly eventId: string; readonly receivedAt: string } | null;

export type Explanation = {
  readonly eventId: string;
  readonly receivedAt: string;
  readonly occurredAt: string;
  readonly claims: Claims;
  readonly signer: Signer | null;
  readonly facts: {
    readonly type: string;
    readonly method: string;
    readonly count: number;
    readonly country: string | null;
    readonly device: string;
    readonly userAgent: string;
    readonly referrerHost: string | null;
    readonly asn: number | null;
    readonly gpc: boolean;
    readonly clock: string;
    readonly hasUser: boolean;
  };
  readonly verdict: string;
  readonly reason: string | null;
  readonly joins: string | null;
  readonly history: readonly {
    readonly verdict: string;
    readonly reason: string | null;
    readonly at: string;
    readonly cause: string;
    readonly by: string | null;
  }[];
  readonly rulesVersion: number;
  readonly ruleSet: string;
  readonly rules: readonly { readonly rule: string; readonly means: string; readonly applies: boolean }[];
  readonly rulesShownVersion: number;
  readonly lateByMs: number;
  readonly impression: { readonly key: string; readonly firstClaim: FirstClaim };
  readonly review: { readonly by: string; readonly at: string } | null;
  readonly countedInMinute: string | null;
  readonly loggedAt: string;
  readonly durable: { readonly redirectBy: string; readonly wasBeforeRedirect: boolean } | null;
  readonly foundIn: { readonly shard: string | null; readonly archiveObject: string | null };
};

export type TokenExplanation = {
  readonly claims: Claims;
  readonly signer: Signer | null;
  readonly firstClaim: FirstClaim;
  readonly click: Explanation | null;
  readonly now: {
    readonly at: string;
    readonly redirects: boolean;
    readonly landingUrl: string | null;
    readonly verdict: string | null;
    readonly reason: string | null;
    readonly problem: ProblemJson | null;
  };
};

const VERDICT_WORDS: Readonly<Record<string, string>> = {
  valid: "Valid",
  duplicate: "Duplicate",
  invalid: "Invalid",
  late: "Late",
  deferred: "Deferred",
};

export function verdictWord(verdict: string): string {
  return VERDICT_WORDS[verdict] ?? verdict;
}

export function verdictMeaning(verdict: string): string {
  return (VERDICT_MEANINGS as Readonly<Record<string, string>>)[verdict] ?? "";
}

/** What a reason says, in the methodology's words. */
export function reasonMeaning(reason: string): string {
  return reasonDefinitions().find(({ name }) => name === reason)?.means ?? "";
}

/** With which key a token was verified, as words behind "the signature"; nothing where it cannot be read. */
export function signedBy(signer: Signer | null): string {
  if (signer === null) return "";
  const whose = signer.alg === "EdDSA" ? "the ad server's own key, with which nobody here can sign" : "a shared secret";
  return ` (${signer.alg}, key ${signer.kid}: ${whose})`;
}
