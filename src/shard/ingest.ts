/**
 * Ingest: gather what is known → decide (core/ingest.ts) → append to the log → remember the keys, in one transaction.
 *
 * Everything else a shard does is derived from the log, so a crash anywhere loses nothing and repeats nothing: either
 * all of a batch is logged and remembered, or none of it is and the queue delivers it again.
 *
 * Keeps: no `await` between the first and the last statement. Without `transactionSync` a throw would leave earlier
 * statements committed; test/shard/ingest.test.ts throws between each pair and finds nothing half done.
 */
import { parseJson } from "../core/base64url.ts";
import { type IngestPlan, type PreparedEvent, planIngest, prepareEvent } from "../core/ingest.ts";
import { INGEST_EVENTS_MAX, LOG_ROW_CHARS_MAX } from "../core/limits.ts";
import { encodeLogLine } from "../core/log-line.ts";
import { openEvent } from "../core/message.ts";
import type { LatePolicy } from "../core/verdict.ts";
import type { KeyIndex } from "./key-index.ts";
import type { LogStore } from "./log-store.ts";

/** An event as it arrived, and opened. */
export type Arrival = { readonly encoded: string; readonly prepared: PreparedEvent };

/** What one ingest did: events decided, deliveries recognised, characters added to the log. */
export type Ingested = { readonly decided: number; readonly redelivered: number; readonly chars: number };

/**
 * Opens the encoded events of a call. Throws when one cannot be read: the caller has checked them, so this is a mix of
 * versions during a deployment, and the batch is to be delivered again.
 */
export function openArrivals(encodedEvents: readonly string[]): Arrival[] {
  if (encodedEvents.length > INGEST_EVENTS_MAX) throw new Error(`ingest takes at most ${INGEST_EVENTS_MAX} events`);
  return encodedEvents.map((encoded) => {
    const opened = openEvent(parseJson(encoded));
    if (!opened.ok) throw new Error(`ingest met an unreadable event: ${opened.error.reason}`);
    return { encoded, prepared: prepareEvent(opened.value) };
  });
}

/** Decides and logs a batch. To be called inside `transactionSync`. */
export function ingest(
  arrivals: readonly Arrival[],
  { log, index, policy, nowMs }: { log: LogStore; index: KeyIndex; policy: LatePolicy; nowMs: number },
): Ingested {
  const batch = arrivals.map(({ prepared }) => prepared);
  const known = index.lookup({
    keys: batch.map(({ key, keyHour }) => ({ hour: keyHour, key })),
    events: batch.map(({ opened, repeatHour }) => ({ hour: repeatHour, event: opened.event.id })),
  });
  const plan = planIngest(batch, known, policy);
  const chars = append(plan, arrivals, log, nowMs);
  index.insert(plan.claims, plan.repeats);
  return { decided: plan.decided.length, redelivered: plan.redelivered, chars };
}

/** Appends the decided events, as one row unless they are too long for one. Returns the characters appended. */
function append(plan: IngestPlan, arrivals: readonly Arrival[], log: LogStore, nowMs: number): number {
  if (plan.decided.length === 0) return 0;
  const last = log.last();
  const loggedAtMs = Math.max(nowMs, last.loggedAtMs);
  let seq = last.seq + 1;
  let lines: string[] = [];
  let chars = 0;
  let total = 0;
  let receivedFromMs = Number.POSITIVE_INFINITY;
  for (const { index, decision } of plan.decided) {
    const { encoded, prepared } = arrivals[index] as Arrival;
    if (chars > 0 && chars + encoded.length > LOG_ROW_CHARS_MAX) {
      log.append(seq, loggedAtMs, { lines, receivedFromMs });
      seq++;
      lines = [];
      chars = 0;
      receivedFromMs = Number.POSITIVE_INFINITY;
    }
    const line = encodeLogLine({ seq, loggedAtMs }, decision, encoded);
    lines.push(line);
    chars += line.length;
    total += line.length;
    receivedFromMs = Math.min(receivedFromMs, prepared.opened.event.receivedAtMs);
  }
  log.append(seq, loggedAtMs, { lines, receivedFromMs });
  return total;
}
