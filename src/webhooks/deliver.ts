/**
 * What an endpoint does when it is woken: it takes what has happened since, and delivers what is due.
 *
 *   outboxes ──read behind its positions──▶ waiting ──try──▶ delivered
 *                                                      └──▶ waiting again, later ──last try──▶ failed
 *
 * Keeps: events and the place behind them are written together, so that none is left out and none waits twice; a
 * receiver that was away is told everything, each event once by its id. While it fails one try is made at a time, as
 * far apart as its failures say. 410 stops it, and 20 failures in a row do; what waits goes on waiting.
 */
import { SECOND_MS } from "../core/limits.ts";
import { afterFailure, dueAfter, FAILURES_MAX, FAILURES_WARNED, HEALTHY } from "../core/webhook-schedule.ts";
import type { Delivery, DeliveryLog } from "./delivery-log.ts";
import type { EventJson } from "./event-json.ts";
import type { OutboxPositions } from "./outbox.ts";
import type { Message, Outcome } from "./send.ts";

/** What waits at most before more is taken. */
const WAITING_MAX = 100;
/** A run that has tried for so long goes on with the next one. */
const RUN_MS = 20 * SECOND_MS;
const GONE = 410;

export type Taken = { readonly events: readonly EventJson[]; readonly positions: OutboxPositions };
export type Stop = "gone" | "failing";

export type DeliverPorts = {
  readonly log: DeliveryLog;
  readonly clock: () => number;
  /** Runs writes as one transaction. */
  readonly atOnce: (write: () => void) => void;
  /** The types that are wanted; empty for all. */
  readonly types: readonly string[];
  /** What has happened behind the positions; at most so much. */
  readonly take: (positions: OutboxPositions, limit: number) => Promise<Taken>;
  /** Null where nothing is to be sent any more. */
  readonly send: (message: Message) => Promise<Outcome | null>;
  /** Is told that nothing is sent any more. */
  readonly stop: (why: Stop) => Promise<void>;
  /** Is told of the failures that warn. */
  readonly warn: (failures: number) => void;
};

/** Delivers what is due. Resolves to when to go on; null for not before something happens. */
export async function deliverDue(ports: DeliverPorts): Promise<number | null> {
  const { log, clock } = ports;
  const startedMs = clock();
  log.forgetOld(startedMs);
  const mayBeMore = await takeEvents(ports);
  while (clock() - startedMs < RUN_MS) {
    const [next] = log.waiting(1);
    const nowMs = clock();
    if (next === undefined || dueOf(next, log) > nowMs) break;
    const outcome = await tryOnce(ports, next);
    if (outcome === null || (await isStopped(ports, outcome))) return null;
  }
  const [next] = log.waiting(1);
  // More may have happened than there was room for.
  if (next === undefined) return mayBeMore ? clock() : null;
  return Math.max(dueOf(next, log), clock());
}

function dueOf({ dueAtMs, createdAtMs }: Delivery, { health }: DeliveryLog): number {
  return Math.max(dueAtMs ?? createdAtMs, health.notBeforeMs);
}

/** Resolves to whether there may be more to take. */
async function takeEvents({ log, take, types, atOnce, clock }: DeliverPorts): Promise<boolean> {
  const room = WAITING_MAX - log.waiting(WAITING_MAX).length;
  if (room === 0) return true;
  const { events, positions } = await take(log.positions ?? {}, room);
  const wanted = events.filter(({ type }) => types.length === 0 || types.includes(type));
  atOnce(() => {
    for (const event of wanted) log.add({ eventId: event.id, type: event.type, body: JSON.stringify(event) }, clock());
    log.positions = positions;
  });
  return events.length > 0;
}

/** Tries a delivery, and writes down what became of it and how the endpoint is; null where it was not to be sent. */
async function tryOnce({ log, send, atOnce, clock, warn }: DeliverPorts, delivery: Delivery): Promise<Outcome | null> {
  const { eventId, body } = delivery;
  const outcome = await send({ id: eventId, body });
  if (outcome === null) return null;
  const nowMs = clock();
  const tries = delivery.tries + 1;
  const said = { tries, lastAtMs: nowMs, lastStatus: outcome.status };
  if (outcome.isDelivered) {
    atOnce(() => {
      log.note(eventId, { ...said, state: "delivered", dueAtMs: null, lastError: null });
      log.health = HEALTHY;
    });
    return outcome;
  }
  const health = afterFailure(log.health, nowMs);
  const dueAtMs = dueAfter({ tries, failures: health.failures }, nowMs);
  const state = dueAtMs === null ? "failed" : "waiting";
  atOnce(() => {
    log.note(eventId, { ...said, state, dueAtMs, lastError: outcome.error });
    log.health = health;
  });
  if (health.failures === FAILURES_WARNED) warn(health.failures);
  return outcome;
}

async function isStopped({ log, stop }: DeliverPorts, outcome: Outcome): Promise<boolean> {
  const isGone = outcome.status === GONE;
  if (!isGone && log.health.failures < FAILURES_MAX) return false;
  await stop(isGone ? "gone" : "failing");
  return true;
}

/** Begins anew after a stop: what waits is tried now. */
export function resume({ log, atOnce, clock }: Pick<DeliverPorts, "log" | "atOnce" | "clock">): void {
  atOnce(() => {
    log.hasten(clock());
    log.health = HEALTHY;
  });
}
