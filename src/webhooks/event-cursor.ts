/**
 * Up to where a caller has read events.
 *
 *   payload = {"v":1,"atMs":…,"at":{"REPORT_DB":[life, seq], …}}
 *
 *   atMs   when the oldest event behind it happened, or when it was made where there was none: past the time for which
 *          events are told, that one may be gone
 *
 * Keeps: the seal covers whose events they are, so a cursor opens for that account, whichever of its keys asks.
 */

import type { KeyRing } from "../core/key-ring.ts";
import { DAY_MS, EVENTS_KEPT_DAYS, HOUR_MS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { ReportProblem } from "../report/problems.ts";
import { openPayload, sealPayload } from "../report/sealed-payload.ts";
import type { EventPage, OutboxPositions } from "./outbox.ts";

export type CursorContext = { readonly ring: KeyRing; readonly of: string; readonly nowMs: number };
type Payload = { readonly atMs: number; readonly at: OutboxPositions };

const BEGIN_AGAIN =
  `Ask without \`after\`: all events of ${EVENTS_KEPT_DAYS} days follow, each with the id that it had. ` +
  "Read statements, days and reports once where you may have missed older ones.";

type Read = Pick<EventPage, "positions" | "unreadSinceMs">;

/** So long a cursor is good at least, for who begins with the oldest events; they are forgotten a day later. */
const LIFE_MIN_MS = HOUR_MS;

export function sealEvents({ positions: at, unreadSinceMs }: Read, context: CursorContext): Promise<string> {
  const { ring, of, nowMs } = context;
  const atMs = Math.max(unreadSinceMs, nowMs - EVENTS_KEPT_DAYS * DAY_MS + LIFE_MIN_MS);
  return sealPayload(ring, purposeOf(of), { v: 1, atMs, at });
}

export async function openEvents(
  cursor: string,
  { ring, of, nowMs }: CursorContext,
): Promise<Result<OutboxPositions, ReportProblem>> {
  const payload = (await openPayload(ring, purposeOf(of), cursor)) as Payload | null;
  if (payload === null) {
    const unchanged = "Send the `cursor` of an event or an answer unchanged, with a key of the same account.";
    return err({ reason: "tampered_cursor", detail: `${unchanged} ${BEGIN_AGAIN}`, field: "after" });
  }
  if (nowMs - payload.atMs <= EVENTS_KEPT_DAYS * DAY_MS) return ok(payload.at);
  return err(staleEvents(`Events are told for ${EVENTS_KEPT_DAYS} days, and this cursor stands before older ones.`));
}

export function staleEvents(why: string): ReportProblem {
  return { reason: "stale_cursor", detail: `${why} ${BEGIN_AGAIN}`, field: "after" };
}

function purposeOf(of: string): string {
  return `events cursor v1\n${of}`;
}
