/**
 * The rules, written a second time and from the outside: what one event is worth before anybody asks whether its
 * impression is taken. Uses what the workload knows of the request (its nature), never the deciding code.
 *
 * Sources: DESIGN §3, §6, §11: test traffic, expiry by receipt, HEAD, declared crawlers, clicks within 300 ms of an `iat`
 * with a fraction; lateness by the edge's instants.
 */
import { MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import type { EventType } from "../../src/core/token-event.ts";
import type { Note } from "./witness.ts";

export type Worth = "invalid" | "late" | "candidate";

export type TruthPolicy = { readonly mode: "review" | "accept"; readonly allowedLatenessS: number };

export function worthOf({ request, event }: Note, { mode, allowedLatenessS }: TruthPolicy): Worth {
  const { claims } = request.impression;
  if (claims.tst || request.nature === "machine") return "invalid";
  if (event.receivedAtMs > claims.exp * SECOND_MS) return "invalid";
  if (isTooFast(request.type, event.receivedAtMs, claims.iat)) return "invalid";
  const minuteEndsMs = event.occurredAtMs - (event.occurredAtMs % MINUTE_MS) + MINUTE_MS;
  const isLate = event.receivedAtMs - minuteEndsMs > allowedLatenessS * SECOND_MS;
  return isLate && mode === "review" ? "late" : "candidate";
}

function isTooFast(type: EventType, receivedAtMs: number, iat: number): boolean {
  const elapsedMs = receivedAtMs - Math.floor(iat * SECOND_MS);
  return type === "click" && iat % 1 !== 0 && elapsedMs >= 0 && elapsedMs < 300;
}

/** The client's time counts only within [issued, the earlier of received + 5 s and expiry]; otherwise the server's does, and the event says so. */
export function isClockRight({ request, event }: Note): boolean {
  const told = request.timestampMs;
  if (told === null) return event.clock === "server" && event.occurredAtMs === event.receivedAtMs;
  const { iat, exp } = request.impression.claims;
  const isCredible = told >= iat * SECOND_MS && told <= exp * SECOND_MS && told <= event.receivedAtMs + 5 * SECOND_MS;
  return isCredible
    ? event.clock === "client" && event.occurredAtMs === told
    : event.clock === "client_refused" && event.occurredAtMs === event.receivedAtMs;
}
