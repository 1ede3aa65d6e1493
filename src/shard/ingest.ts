/**
 * Ingest: gather what is known → decide (core/ingest.ts) → append to the log, keys beside it → remember late clicks, in
 * one transaction.
 *
 * Everything else a shard does is derived from the log, so a crash anywhere loses nothing and repeats nothing: either
 * all of a batch is logged and remembered, or none of it is and the queue delivers it again.
 *
 * Keeps: no `await` between the first and the last statement. Without a transaction a throw would leave earlier
 * statements committed; test/shard/ingest.test.ts throws between each pair and finds nothing half done.
 */
import { parseJson } from "../core/base64url.ts";
import { type PreparedEvent, planIngest, prepareEvent } from "../core/ingest.ts";
import { INGEST_EVENTS_MAX } from "../core/limits.ts";
import type { TokenContent } from "../core/log-line.ts";
import { type EventCodec, openEvent, WIRE_CODEC } from "../core/message.ts";
import type { LatePolicy } from "../core/verdict.ts";
import { appendEntries } from "./append.ts";
import type { KeyIndex } from "./key-index.ts";
import { LateArrivals } from "./late-arrivals.ts";
import type { LateStore } from "./late-store.ts";
import type { NewEntry, ShardLog } from "./shard-log.ts";

/** An event as it arrived, and opened. */
export type Arrival = { readonly encoded: string; readonly prepared: PreparedEvent };

/** What one ingest did: which events it decided, by their place; deliveries recognised, characters added to the log. */
export type Ingested = { readonly decided: readonly number[]; readonly redelivered: number; readonly chars: number };

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

export type IngestPorts = {
  readonly log: ShardLog;
  readonly index: KeyIndex;
  readonly lateStore: LateStore;
  readonly codec?: EventCodec | undefined;
};

/** Decides and logs a batch. To be called inside a transaction of the index. */
export function ingest(
  arrivals: readonly Arrival[],
  { log, index, lateStore, codec = WIRE_CODEC, policy, nowMs }: IngestPorts & { policy: LatePolicy; nowMs: number },
): Ingested {
  const batch = arrivals.map(({ prepared }) => prepared);
  const known = index.lookup({
    keys: batch.map(({ key, keyHour }) => ({ hour: keyHour, key })),
    events: batch.map(({ opened, repeatHour }) => ({ hour: repeatHour, event: opened.event.id })),
  });
  const plan = planIngest(batch, known, policy);
  const lates = new LateArrivals(lateStore, codec);
  const entries = plan.decided.map(({ index: at, decision }): NewEntry => {
    const { encoded, prepared } = arrivals[at] as Arrival;
    const content: TokenContent = { ...prepared.opened, ...decision, review: null };
    return decision.verdict === "late" ? lates.place(content, encoded, prepared.key) : { content, encoded };
  });
  index.insert(plan.claims, plan.repeats);
  const chars = appendEntries(log, entries, nowMs, index.unlogged());
  lates.remember();
  return { decided: plan.decided.map(({ index: at }) => at), redelivered: plan.redelivered, chars };
}

/** How many events of each call were decided, where the calls came one behind the other as one batch. */
export function decidedOfEach(calls: readonly (readonly Arrival[])[], { decided }: Ingested): number[] {
  let until = 0;
  return calls.map(({ length }) => {
    const from = until;
    until += length;
    return decided.filter((at) => at >= from && at < until).length;
  });
}
