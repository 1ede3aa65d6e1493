/**
 * What this isolate has refused, lost and taken off queues, counted in memory and handed over through R2 for the
 * metrics (metrics/).
 *
 *   refused("expired"), lost(3) ──▶ memory ──at most once in ten seconds──▶ metrics/v1/told/<instant>-<random>.json
 *   consumed(100)               ──▶ memory ──with these, or at most once a minute──▶
 *
 * Keeps: an ordinary request pays one comparison. A tally that R2 did not take is kept, and added to the next one; what
 * an isolate has not handed over when it ends is in Analytics Engine alone. Reasons are those of the catalogue.
 */
import { SECOND_MS } from "./core/limits.ts";
import { logFault } from "./log.ts";

/** Where isolates leave what they have counted. */
export const TOLD_PREFIX = "metrics/v1/told/";
const EVERY_MS = 10 * SECOND_MS;
/** What is not urgent is told seldom: each time is a write to R2. */
const SELDOM_MS = 60 * SECOND_MS;

/** Batches that a consumer was given, and the messages in them. */
type Consumed = { readonly batches: number; readonly messages: number };
export type Told = {
  readonly refused: Readonly<Record<string, number>>;
  readonly lost: number;
  /** Absent: of the version before. */
  readonly consumed?: Consumed;
};

let refusals: Record<string, number> = {};
let losses = 0;
let consumed: Consumed = { batches: 0, messages: 0 };
let isEmpty = true;
let handedOverMs = Number.NEGATIVE_INFINITY;

export function countRefused(reason: string): void {
  refusals[reason] = (refusals[reason] ?? 0) + 1;
  isEmpty = false;
}

export function countLost(events: number): void {
  losses += events;
  isEmpty = false;
}

export function countConsumed({ batches, messages }: Consumed): void {
  consumed = { batches: consumed.batches + batches, messages: consumed.messages + messages };
}

/** Whether it is time to hand over what a consumer has counted. */
export function isConsumedDue(clock: () => number): boolean {
  return isTallyDue(clock) || (consumed.batches > 0 && clock() - handedOverMs >= SELDOM_MS);
}

/** Whether there is something to hand over, and it is time. */
export function isTallyDue(clock: () => number): boolean {
  return !isEmpty && clock() - handedOverMs >= EVERY_MS;
}

/** Hands over what was counted. Never rejects. */
export async function handOverTally(bucket: Pick<R2Bucket, "put">, nowMs: number): Promise<void> {
  const before = consumed;
  const told: Told = { refused: refusals, lost: losses, ...(before.batches === 0 ? {} : { consumed: before }) };
  [refusals, losses, isEmpty, handedOverMs] = [{}, 0, true, nowMs];
  consumed = { batches: 0, messages: 0 };
  try {
    await bucket.put(`${TOLD_PREFIX}${nowMs}-${crypto.randomUUID()}.json`, JSON.stringify(told));
  } catch (fault) {
    logFault("tally_not_told", fault);
    for (const [reason, count] of Object.entries(told.refused)) refusals[reason] = (refusals[reason] ?? 0) + count;
    losses += told.lost;
    isEmpty = false;
    countConsumed(before);
  }
}
