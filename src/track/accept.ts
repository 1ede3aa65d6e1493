/**
 * Accepting a click or an impression: verify its token, and set its event on the way.
 *
 * Keeps: a token that does not verify makes no event. One that does is accepted whatever happens to the counting; what
 * is lost is counted as lost. Nothing here waits, except for a `dur: 1` token, and then bounded.
 */
import type { Claims } from "../core/claims.ts";
import type { DeviceClass } from "../core/device.ts";
import { type EventId, makeEventId } from "../core/event-id.ts";
import { CLIENT_CLOCK_AHEAD_MAX_MS, SECOND_MS } from "../core/limits.ts";
import type { Refusal } from "../core/refusal.ts";
import { err, ok, type Result } from "../core/result.ts";
import { routingHashOf } from "../core/routing.ts";
import { minuteOf } from "../core/time.ts";
import { tokenWithin, verifyToken } from "../core/token.ts";
import type { Clock, EventType, Method, TokenEvent } from "../core/token-event.ts";
import { withoutUser } from "../core/unnamed-token.ts";
import { logFault } from "../log.ts";
import { writeLostPoint } from "../operations.ts";
import type { EncodedEvent, Handover } from "../queue/coalescer.ts";
import { deliverEvents } from "../queue/producer.ts";
import type { Edge } from "./edge.ts";
import { type RequestFacts, readAddress, readFacts } from "./facts.ts";
import { isSpeculative } from "./speculative.ts";

/** How long a `dur: 1` click waits for its acknowledgement before it is redirected all the same. */
const DURABLE_WAIT_MS = 2 * SECOND_MS;

/** What the sender of an event may tell about it. */
export type ClientReport = { readonly occurredAtMs: number | null; readonly device: DeviceClass | null };
export const NO_REPORT: ClientReport = { occurredAtMs: null, device: null };

export type Arrival = {
  readonly type: EventType;
  readonly request: Request;
  readonly token: string;
  readonly method: Method;
  readonly report: ClientReport;
};

export type Accepted = {
  readonly claims: Claims;
  readonly id: EventId;
  readonly receivedAtMs: number;
  readonly occurredAtMs: number;
  readonly country: string | null;
  readonly device: DeviceClass;
};

/** Verifies an arrival and sets its event on the way. */
export async function acceptEvent(
  arrival: Arrival,
  edge: Edge,
  ctx: ExecutionContext,
): Promise<Result<Accepted, Refusal>> {
  const { type, request, report } = arrival;
  const { config, ring } = edge;
  if (isSpeculative(request.headers)) return err({ reason: "speculative" });
  const receivedAtMs = Date.now();
  const token = tokenWithin(arrival.token, ring);
  const verified = await verifyToken(token, { ring, policy: config.token, nowMs: receivedAtMs });
  if (!verified.ok) return verified;
  const claims = verified.value;
  const id = makeEventId({ receivedAtMs, routingHash: routingHashOf(claims) }, edge.random.next());
  const accepted = { claims, id, receivedAtMs, ...eventTime(report.occurredAtMs, claims, receivedAtMs) };
  const facts = factsOf(request);
  if (facts === null) {
    lose(edge, type, "the facts could not be read");
    return ok({ ...accepted, country: null, device: "other" });
  }
  const enqueued = enqueue({ ...arrival, token, ...accepted, facts }, edge);
  if (enqueued instanceof Promise) {
    ctx.waitUntil(enqueued);
    if (claims.dur) await Promise.race([acknowledged(enqueued), sleep(DURABLE_WAIT_MS)]);
  }
  return ok({ ...accepted, country: facts.country, device: report.device ?? facts.device });
}

/**
 * Resolves once the event is durable, and never when it is lost: a step that failed may still take effect before the
 * bound, and the event says of itself that the redirect waited until then (core/log-line.ts).
 */
async function acknowledged(enqueued: Promise<Handover>): Promise<void> {
  if ((await enqueued) !== "durable") await new Promise(() => {});
}

/** The facts, or null when reading them met a bug: the answer is sent whatever happens to the counting. */
function factsOf(request: Request): RequestFacts | null {
  try {
    return readFacts(request);
  } catch (fault) {
    logFault("facts_not_read", fault);
    return null;
  }
}

type DatedArrival = Arrival &
  Pick<Accepted, "claims" | "id" | "receivedAtMs" | "occurredAtMs"> & {
    readonly clock: Clock;
    readonly facts: RequestFacts;
  };

/** Sets the event on its way. A promise means that this request has to stay for it. Neither throws nor rejects. */
function enqueue(arrival: DatedArrival, edge: Edge): Handover | Promise<Handover> {
  try {
    const { hasher } = edge;
    if (!arrival.facts.gpc && hasher.isReady(arrival.receivedAtMs)) return enqueueEvent(arrival, arrival.token, edge);
    return enqueuePrepared(arrival, edge).catch((fault: unknown) => lose(edge, arrival.type, fault));
  } catch (fault) {
    return lose(edge, arrival.type, fault);
  }
}

/** For the first client of a day, whose hash needs the day's salt, and for who asks not to be tracked. */
async function enqueuePrepared(arrival: DatedArrival, edge: Edge): Promise<Handover> {
  if (arrival.facts.gpc) return enqueueEvent(arrival, await withoutUser(arrival.token, edge.ring), edge);
  await edge.hasher.load(arrival.receivedAtMs);
  return enqueueEvent(arrival, arrival.token, edge);
}

/** Counts an event that a bug kept from being made or enqueued. */
function lose({ operations }: Edge, type: EventType, fault: unknown): Handover {
  writeLostPoint(operations, "edge", 1);
  logFault("events_lost", fault, { type, events: 1 });
  return "lost";
}

/** `kept` is the token as the event holds it. */
function enqueueEvent(arrival: DatedArrival, kept: string, edge: Edge): Handover | Promise<Handover> {
  const { type, request, token, method, report, claims, id, receivedAtMs, occurredAtMs, clock, facts } = arrival;
  const address = readAddress(request);
  // Who asks not to be tracked is counted, and not recognised again: neither by address nor by the ad server's key.
  const client = facts.gpc ? "" : address;
  const event: TokenEvent = {
    ...facts,
    ...edge.hasher.hash({ address: client, agent: facts.userAgent }, receivedAtMs),
    type,
    device: report.device ?? facts.device,
    id,
    token: kept,
    receivedAtMs,
    occurredAtMs,
    method,
    count: 1,
    clock,
    redirectByMs: claims.dur ? receivedAtMs + DURABLE_WAIT_MS : null,
    acceptedAtMs: null,
  };
  const { coalescer, producer } = edge.stations[type];
  const deliver = async (events: readonly EncodedEvent[]) =>
    (await deliverEvents(events, edge.config.enqueueChain, { ...producer, isAwaited: claims.dur })) !== null;
  // A verified signature stands for its whole token, and is a tenth as long.
  const signature = token.slice(token.lastIndexOf(".") + 1);
  const minute = minuteOf(occurredAtMs);
  const identity = `${signature}\n${address}\n${facts.userAgent}\n${method}\n${event.device}\n${clock}\n${minute}`;
  return claims.dur ? coalescer.enqueueAwaited(event, identity, deliver) : coalescer.enqueue(event, identity, deliver);
}

/** The client's time if it lies in [`iat`, the earlier of receipt + 5 s and `exp`], else ours. */
function eventTime(
  reportedMs: number | null,
  { iat, exp }: Claims,
  receivedAtMs: number,
): { occurredAtMs: number; clock: Clock } {
  if (reportedMs === null) return { occurredAtMs: receivedAtMs, clock: "server" };
  const latestMs = Math.min(receivedAtMs + CLIENT_CLOCK_AHEAD_MAX_MS, exp * SECOND_MS);
  return reportedMs >= iat * SECOND_MS && reportedMs <= latestMs
    ? { occurredAtMs: reportedMs, clock: "client" }
    : { occurredAtMs: receivedAtMs, clock: "client_refused" };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
