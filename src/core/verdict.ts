/**
 * The verdict on one event: what it is worth, why, and under which version of the rules.
 *
 *   invalid   test · expired_token · … · too_fast     the first rule on invalid traffic that applies (core/givt.ts)
 *   late      its minute ended more than the allowed lateness before it was received (LATE_POLICY=review)
 *   duplicate its impression is already claimed by another event
 *   valid     none of these: it claims its impression, and is billed
 *   deferred  the table that would tell valid from duplicate is already dropped; outside gross until the batch side.
 *             Or this log has given it up to the shard that owns it: it counts there alone (core/revision.ts)
 *
 * Keeps: pure and total; gross = valid + duplicate + invalid + late over all events that are not deferred. Only a valid
 * event claims, so a crawler that fetches a link first does not rob the human's click. Lateness compares two instants
 * that the edge recorded, so pipeline lag never makes a click late. `expired_token` compares receipt with `exp`, so
 * after `exp` no copy of a token can ever become valid: that is what bounds the dedup horizon.
 */
import { GIVT_REASONS, givtReasonOf, isAfterLife } from "./givt.ts";
import { MINUTE_MS, SECOND_MS } from "./limits.ts";
import type { OpenedEvent } from "./message.ts";
import { assertNever } from "./result.ts";
import { minuteOf } from "./time.ts";

/** Raise with any change that may alter a verdict; each logged event names the rules that judged it (core/rules.ts). */
export const RULES_VERSION = 4;

export const VERDICTS = ["valid", "duplicate", "invalid", "late", "deferred"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Reasons of events that a log holds and does not count. */
export const DEFERRED_REASONS = ["key_table_dropped", "other_shard"] as const;

/** Reasons that only a revision gives (core/revision.ts): of an audit, and of second looks (core/second-look.ts). */
export const REVISION_REASONS = [
  "signature_invalid",
  "high_frequency",
  "regular_intervals",
  "short_time_to_click",
] as const;

export const VERDICT_REASONS = [
  ...GIVT_REASONS,
  "late",
  "late_accepted",
  "late_rejected",
  "same_impression",
  ...DEFERRED_REASONS,
  ...REVISION_REASONS,
] as const;
export type VerdictReason = (typeof VERDICT_REASONS)[number];

export type Decision = { readonly verdict: Verdict; readonly reason: VerdictReason | null };

export type LatePolicy = { readonly mode: "review" | "accept"; readonly allowedLatenessS: number };

/** What the rules say before anybody asks whether the impression is taken; `valid` here means: may claim. */
export function judge({ event, claims }: OpenedEvent, policy: LatePolicy): Decision {
  const invalid = givtReasonOf({ ...event, claims });
  if (invalid !== null) return { verdict: "invalid", reason: invalid };
  if (latenessMs(event) <= policy.allowedLatenessS * SECOND_MS) return { verdict: "valid", reason: null };
  return policy.mode === "review" ? { verdict: "late", reason: "late" } : { verdict: "valid", reason: "late_accepted" };
}

/** True when the click was received after the token's life; such an event never claims, under any rules. */
export function isExpired({ event, claims }: OpenedEvent): boolean {
  return isAfterLife({ receivedAtMs: event.receivedAtMs, claims });
}

/**
 * The instant at which an event counts: its own, or that of its receipt when it came after its token's life, so that a
 * link that nobody can be billed for any more changes no day that may be closed, whatever its client says of the time.
 */
export function countedAtMs(opened: OpenedEvent): number {
  return isExpired(opened) ? opened.event.receivedAtMs : opened.event.occurredAtMs;
}

/** How long after the end of its own minute the edge received the event; negative inside the minute. */
export function latenessMs({ receivedAtMs, occurredAtMs }: { receivedAtMs: number; occurredAtMs: number }): number {
  return receivedAtMs - (minuteOf(occurredAtMs) + 1) * MINUTE_MS;
}

export type VerdictCounts = {
  readonly valid: number;
  readonly duplicate: number;
  readonly invalid: number;
  readonly late: number;
};

/** What an event of `count` identical requests adds to each total: of a valid one, all but the first are duplicates. */
export function countsOf(verdict: Verdict, count: number): VerdictCounts {
  switch (verdict) {
    case "valid":
      return { valid: 1, duplicate: count - 1, invalid: 0, late: 0 };
    case "duplicate":
      return { valid: 0, duplicate: count, invalid: 0, late: 0 };
    case "invalid":
      return { valid: 0, duplicate: 0, invalid: count, late: 0 };
    case "late":
      return { valid: 0, duplicate: 0, invalid: 0, late: count };
    case "deferred":
      return { valid: 0, duplicate: 0, invalid: 0, late: 0 };
    default:
      return assertNever(verdict);
  }
}
