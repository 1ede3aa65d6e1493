/**
 * What a click shard has done since its object was made, for the metrics: clicks that it had posted, by verdict, and
 * tokens that reached it, by algorithm. Cron asks each minute and adds what is more; nothing of it is on disk.
 *
 * Keeps: for operations alone, never for money: what a session did between the last question and its end is not told,
 * and what a revision takes back is not taken back here.
 */
import type { Facts } from "../core/facts.ts";
import { totalsOf } from "../core/facts.ts";
import { MEASURES } from "../core/fields.ts";
import { signatureLengthOf, TOKEN_ALGORITHMS, type TokenAlgorithm } from "../core/key-ring.ts";

/** Verdicts of clicks that have a measure of their own. */
export const TALLIED_VERDICTS = ["valid", "duplicate", "invalid", "late"] as const;
type Verdict = (typeof TALLIED_VERDICTS)[number];

export type SessionCounts = {
  /** Another for each object that is made under the shard's name. */
  readonly session: string;
  readonly clicks: Readonly<Record<Verdict, number>>;
  readonly tokens: Readonly<Record<TokenAlgorithm, number>>;
};

const AT = TALLIED_VERDICTS.map((verdict) => [verdict, MEASURES.indexOf(verdict)] as const);

export class SessionTally {
  readonly #session = crypto.randomUUID().slice(0, 8);
  readonly #clicks: Record<Verdict, number> = { valid: 0, duplicate: 0, invalid: 0, late: 0 };
  readonly #tokens: Record<TokenAlgorithm, number> = { HS256: 0, EdDSA: 0 };

  /** Takes note of a posting. */
  post(facts: Facts): void {
    for (const row of facts.values()) {
      const totals = totalsOf(row);
      for (const [verdict, at] of AT) this.#clicks[verdict] += Math.max(totals[at] ?? 0, 0);
    }
  }

  /** Takes note of an event's token: where its signature begins tells the algorithm. */
  take(token: string): void {
    const length = token.length - token.lastIndexOf(".") - 1;
    for (const algorithm of TOKEN_ALGORITHMS) {
      if (length === signatureLengthOf(algorithm)) this.#tokens[algorithm]++;
    }
  }

  counts(): SessionCounts {
    return { session: this.#session, clicks: { ...this.#clicks }, tokens: { ...this.#tokens } };
  }
}
