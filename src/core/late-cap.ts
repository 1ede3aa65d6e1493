/**
 * How many late clicks of one token are kept apart, and where the further ones are counted.
 *
 *   the first LATE_EVENTS_PER_TOKEN_MAX     each waits on its own, in its own minute
 *   a further one                           joins the last one that waits: counted in that one's minute and cell,
 *                                           decided with it, one row for any number of them
 *   a further one, when all are decided     goes the way of the last decision: duplicate after "accept", which left the
 *                                           impression claimed, invalid after "reject"
 *
 * Keeps: pure. Gross, and late until the decision, count every click; a decision on a row moves exactly what joined it,
 * since that stands in one minute and cell. A token's text is its signed part: whoever cannot sign cannot vary it, and
 * what is counted by its claims (price, campaign) is the same for all that join.
 */
import type { DeviceClass } from "./device.ts";
import type { EventId } from "./event-id.ts";
import { FOLDED_COUNT_MAX, LATE_EVENTS_PER_TOKEN_MAX } from "./limits.ts";
import type { ReviewChoice } from "./review.ts";
import type { TokenEvent } from "./token-event.ts";
import type { Decision } from "./verdict.ts";

/** The late click that another one joins, and what of it says where both are counted. */
export type Joined = {
  readonly to: EventId;
  readonly occurredAtMs: number;
  readonly country: string | null;
  readonly device: DeviceClass;
};

/** A late click that is kept: with how many it stands for by now, and what was decided on it. */
export type KeptLate = {
  readonly event: Pick<TokenEvent, "id" | "token" | "occurredAtMs" | "country" | "device">;
  readonly clicks: number;
  readonly choice: ReviewChoice | null;
};

/** What becomes of a further late click: kept on its own, joined, or decided as the others were. */
export type LatePlace =
  | { readonly kind: "kept" }
  | { readonly kind: "joins"; readonly joins: Joined }
  | { readonly kind: "decided"; readonly decision: Decision };

/** Places a late click beside those kept of its impression, in their order. */
export function placeLate(event: Pick<TokenEvent, "token" | "count">, kept: readonly KeptLate[]): LatePlace {
  const mine = kept.filter((other) => signedPart(other.event.token) === signedPart(event.token));
  if (mine.length < LATE_EVENTS_PER_TOKEN_MAX) return { kind: "kept" };
  const waiting = mine.filter(({ choice }) => choice === null);
  if (waiting.length === 0) {
    const isAccepted = mine.at(-1)?.choice === "accept";
    const decision: Decision = isAccepted
      ? { verdict: "duplicate", reason: "same_impression" }
      : { verdict: "invalid", reason: "late_rejected" };
    return { kind: "decided", decision };
  }
  const target = waiting.findLast(({ clicks }) => clicks + event.count <= FOLDED_COUNT_MAX);
  if (target === undefined) return { kind: "kept" };
  const { id: to, occurredAtMs, country, device } = target.event;
  return { kind: "joins", joins: { to, occurredAtMs, country, device } };
}

/** Header and payload: the signature's last character has spellings that mean the same. */
function signedPart(token: string): string {
  return token.slice(0, Math.max(0, token.lastIndexOf(".")));
}
