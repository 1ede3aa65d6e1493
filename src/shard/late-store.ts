/**
 * The port to the late clicks that wait for a decision, and to the decisions made.
 *
 * Contract (test/contract/late-store.test.ts, over memory and SQLite): what is put stays until `dropBefore`, put again
 * it changes nothing; what joins it adds to its clicks; a decision is remembered with it.
 */
import type { EventId } from "../core/event-id.ts";
import type { ImpressionKey } from "../core/impression-key.ts";
import type { Review, ReviewChoice } from "../core/review.ts";
import type { Decision } from "../core/verdict.ts";

export type LateClick = {
  readonly event: EventId;
  readonly key: ImpressionKey;
  readonly receivedAtMs: number;
  /** Clicks that it stands for. */
  readonly clicks: number;
  readonly encoded: string;
};

export type DecidedReview = { readonly choice: ReviewChoice; readonly decision: Decision; readonly review: Review };

export type ShelvedClick = LateClick & { readonly decided: DecidedReview | null };

export interface LateStore {
  put(clicks: readonly LateClick[]): void;
  /** Lets further clicks join one that is there. */
  join(event: EventId, clicks: number): void;
  /** Those of one impression, in the order of their ids. */
  ofKey(key: ImpressionKey): ShelvedClick[];
  find(event: EventId): ShelvedClick | null;
  decide(event: EventId, decided: DecidedReview): void;
  /** Forgets clicks received before the instant, decided or not. */
  dropBefore(receivedAtMs: number): void;
}
