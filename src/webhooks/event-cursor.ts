/**
 * Up to where a caller has read events.
 *
 *   payload = {"v":1,"atMs":…,"at":{"REPORT_DB":[life, seq], …}}
 *
 * Keeps: the seal covers whose events they are, so a cursor opens for that account, whichever of its keys asks.
 */

import type { KeyRing } from "../core/key-ring.ts";
import { DAY_MS, EVENTS_KEPT_DAYS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { ReportProblem } from "../report/problems.ts";
import { openPayload, sealPayload } from "../report/sealed-payload.ts";
import type { OutboxPositions } from "./outbox.ts";

export type CursorContext = { readonly ring: KeyRing; readonly of: string; readonly nowMs: number };
type Payload = { readonly atMs: number; readonly at: OutboxPositions };

const BEGIN_AGAIN =
  `Ask without \`after\`: all events of ${EVENTS_KEPT_DAYS} days follow, each with the id that it had. ` +
  "Read statements, days and reports once where you may have missed older ones.";

export function sealEvents(at: OutboxPositions, { ring, of, nowMs }: CursorContext): Promise<string> {
  return sealPayload(ring, purposeOf(of), { v: 1, atMs: nowMs, at });
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
  return err(staleEvents(`Events are told for ${EVENTS_KEPT_DAYS} days, and this cursor is older.`));
}

export function staleEvents(why: string): ReportProblem {
  return { reason: "stale_cursor", detail: `${why} ${BEGIN_AGAIN}`, field: "after" };
}

function purposeOf(of: string): string {
  return `events cursor v1\n${of}`;
}
