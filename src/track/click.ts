/**
 * The click: verify → redirect → (after the response) enqueue.
 *
 *   GET|HEAD /c/:token, /v1/click/:token       other query parameters are ignored
 *
 * Keeps: before the 302 there is no network call and no storage call; only a token of `dur: 1` waits, bounded, until its
 * click is durable. If the signature verifies, the redirect is sent whatever happens to the counting; if it does not,
 * there is no redirect. Bots, HEAD and expired links get the same 302 as everybody, so that nothing is telegraphed.
 * A speculative fetch gets 503 `no-store`, so that a compliant browser asks again when the person really clicks.
 */

import type { Claims } from "../core/claims.ts";
import { type ClickEvent, type ClickMethod, type Clock, encodeClickEvent } from "../core/click-event.ts";
import { expandDestination } from "../core/destination.ts";
import type { DeviceClass } from "../core/device.ts";
import { type EventId, makeEventId } from "../core/event-id.ts";
import { CLIENT_CLOCK_AHEAD_MAX_MS, SECOND_MS } from "../core/limits.ts";
import type { Refusal } from "../core/refusal.ts";
import { err, ok, type Result } from "../core/result.ts";
import { routingHashOf } from "../core/routing.ts";
import { minuteOf } from "../core/time.ts";
import { verifyToken } from "../core/token.ts";
import { logFault } from "../log.ts";
import type { EncodedClick, Handover } from "../queue/coalescer.ts";
import { deliverEvents } from "../queue/producer.ts";
import { writeLostPoint } from "../sinks/operations.ts";
import { type Edge, edgeOf, knownEdge } from "./edge.ts";
import { readAddress, readFacts } from "./facts.ts";
import { refuse } from "./refuse.ts";

/** How long a `dur: 1` click waits for its acknowledgement before it is redirected all the same. */
const DURABLE_WAIT_MS = 2 * SECOND_MS;

/** What a caller of `POST /v1/click` may tell about the click. */
export type ClientReport = { readonly occurredAtMs: number | null; readonly device: DeviceClass | null };
const NO_REPORT: ClientReport = { occurredAtMs: null, device: null };

export type AcceptedClick = { readonly claims: Claims; readonly id: EventId; readonly location: string };

/** Answers a click link. */
export async function handleClick(request: Request, token: string, env: Env, ctx: ExecutionContext): Promise<Response> {
  const edge = knownEdge(env) ?? (await edgeOf(env));
  const { method } = request;
  if (method !== "GET" && method !== "HEAD") return refuse({ reason: "method_not_allowed" }, request, env.OPERATIONS);
  const accepted = await acceptClick({ request, token, method, report: NO_REPORT }, edge, ctx);
  return accepted.ok ? redirectTo(accepted.value.location) : refuse(accepted.error, request, env.OPERATIONS);
}

/** Verifies a click and sets its event on the way; the result says where to send the browser. */
export async function acceptClick(
  { request, token, method, report }: { request: Request; token: string; method: ClickMethod; report: ClientReport },
  edge: Edge,
  ctx: ExecutionContext,
): Promise<Result<AcceptedClick, Refusal>> {
  const { config, ring } = edge;
  if (isSpeculative(request.headers)) return err({ reason: "speculative" });
  const receivedAtMs = Date.now();
  const verified = await verifyToken(token, { ring, policy: config.token, nowMs: receivedAtMs });
  if (!verified.ok) return verified;
  const claims = verified.value;
  const id = makeEventId({ receivedAtMs, routingHash: routingHashOf(claims) }, edge.random.next());
  const location = expandDestination(claims.url, macroValues(claims, id, receivedAtMs), config.clickIdParam);

  const enqueued = enqueue({ request, token, method, report, claims, id, receivedAtMs }, edge);
  if (enqueued instanceof Promise) {
    ctx.waitUntil(enqueued);
    if (claims.dur) await Promise.race([acknowledged(enqueued), sleep(DURABLE_WAIT_MS)]);
  }
  return ok({ claims, id, location });
}

/**
 * Resolves once the click is durable, and never when it is lost: a step that failed may still take effect before the
 * bound, and the event says of itself that the redirect waited until then (core/log-line.ts).
 */
async function acknowledged(enqueued: Promise<Handover>): Promise<void> {
  if ((await enqueued) !== "durable") await new Promise(() => {});
}

export function redirectTo(location: string): Response {
  return new Response(null, {
    status: 302,
    headers: {
      Location: location,
      "Cache-Control": "no-store",
      "Referrer-Policy": "strict-origin-when-cross-origin",
      "X-Robots-Tag": "noindex",
    },
  });
}

type Arrival = {
  readonly request: Request;
  readonly token: string;
  readonly method: ClickMethod;
  readonly report: ClientReport;
  readonly claims: Claims;
  readonly id: EventId;
  readonly receivedAtMs: number;
};

/** Sets the event on its way. A promise means that this request has to stay for it. Neither throws nor rejects. */
function enqueue(arrival: Arrival, edge: Edge): Handover | Promise<Handover> {
  const lose = (fault: unknown): Handover => {
    // A bug in making or enqueueing the event; the redirect is sent whatever happens to the counting.
    writeLostPoint(edge.producer.operations, "edge", 1);
    logFault("clicks_lost", fault, { events: 1 });
    return "lost";
  };
  try {
    const { hasher } = edge;
    if (hasher.isLoaded(arrival.receivedAtMs)) return enqueueEvent(arrival, edge);
    return hasher
      .load(arrival.receivedAtMs)
      .then(() => enqueueEvent(arrival, edge))
      .catch(lose);
  } catch (fault) {
    return lose(fault);
  }
}

function enqueueEvent(arrival: Arrival, { config, coalescer, hasher, producer }: Edge): Handover | Promise<Handover> {
  const { request, token, method, report, claims, id, receivedAtMs } = arrival;
  const facts = readFacts(request);
  const address = readAddress(request);
  const ipHash = facts.gpc || address === "" ? null : hasher.hash(address, receivedAtMs);
  const { occurredAtMs, clock } = eventTime(report.occurredAtMs, claims, receivedAtMs);
  const event: ClickEvent = {
    ...facts,
    device: report.device ?? facts.device,
    ipHash,
    id,
    token,
    receivedAtMs,
    occurredAtMs,
    method,
    count: 1,
    clock,
    redirectByMs: claims.dur ? receivedAtMs + DURABLE_WAIT_MS : null,
    acceptedAtMs: null,
  };
  const deliver = async (events: readonly EncodedClick[]) =>
    (await deliverEvents(events, config.enqueueChain, producer)) !== null;
  // Somebody waits for this acknowledgement: it does not wait for company.
  if (claims.dur) {
    return deliver([{ id, count: 1, text: encodeClickEvent(event) }]).then((isDurable) =>
      isDurable ? "durable" : "lost",
    );
  }
  // A verified signature stands for its whole token, and is a tenth as long.
  const signature = token.slice(token.lastIndexOf(".") + 1);
  const identity = `${signature}\n${address}\n${facts.userAgent}\n${method}\n${event.device}\n${clock}\n${minuteOf(occurredAtMs)}`;
  return coalescer.enqueue(event, identity, deliver);
}

/** The client's time if it lies in [`iat`, receipt + 5 s], else ours. */
function eventTime(
  reportedMs: number | null,
  { iat }: Claims,
  receivedAtMs: number,
): { occurredAtMs: number; clock: Clock } {
  if (reportedMs === null) return { occurredAtMs: receivedAtMs, clock: "server" };
  const isCredible = reportedMs >= iat * SECOND_MS && reportedMs <= receivedAtMs + CLIENT_CLOCK_AHEAD_MAX_MS;
  return isCredible
    ? { occurredAtMs: reportedMs, clock: "client" }
    : { occurredAtMs: receivedAtMs, clock: "client_refused" };
}

function macroValues({ jti, ad, cmp, pub }: Claims, id: EventId, receivedAtMs: number) {
  return {
    click_id: id,
    impression_id: jti,
    ad_id: ad,
    campaign_id: cmp,
    publisher_id: pub,
    ts: String(receivedAtMs),
  };
}

/** Prefetch and prerender, by the standard header and by those that came before it. */
function isSpeculative(headers: Headers): boolean {
  const purpose = headers.get("Sec-Purpose") ?? headers.get("Purpose") ?? headers.get("X-Moz");
  return purpose !== null && /\bpre(fetch|render|view)\b/i.test(purpose);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
