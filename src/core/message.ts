/**
 * The queue message: events of one isolate that arrived within one hold.
 *
 *   {"v":1,"events":[<TokenEvent>, …]}     at most 100 events and 96 000 bytes
 *
 * Keeps: one broken event never hides its neighbours: `decodeMessage` returns each event or the reason why not.
 */
import { parseJson } from "./base64url.ts";
import { type Claims, decodeClaims } from "./claims.ts";
import { MESSAGE_EVENTS_MAX } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";
import { type DeadReason, encodeTokenEvent, parseTokenEvent, type TokenEvent } from "./token-event.ts";

/** An event with the claims of its token; under `Sec-GPC: 1` they name no user, whoever wrote the event. */
export type OpenedEvent = { readonly event: TokenEvent; readonly claims: Claims };

/** One event of a message that could not be read, with its text as evidence. */
export type DeadEvent = { readonly reason: DeadReason; readonly payload: string };

/** How an event is written and read; a port, so that a simulation can carry events as they are. */
export type EventCodec = {
  readonly encode: (event: TokenEvent) => string;
  /** Checks one event, which is JSON already parsed, and opens its token. */
  readonly open: (value: unknown) => Result<OpenedEvent, DeadEvent>;
};

export const WIRE_CODEC: EventCodec = { encode: encodeTokenEvent, open: openEvent };

/** Joins events that are already encoded (`encodeTokenEvent`). */
export function encodeMessage(encodedEvents: readonly string[]): string {
  return `{"v":1,"events":[${encodedEvents.join(",")}]}`;
}

/** The events of a message, each opened or named dead. The error is for a message of which nothing can be read. */
export function decodeMessage(
  body: unknown,
  { open } = WIRE_CODEC,
): Result<Result<OpenedEvent, DeadEvent>[], DeadReason> {
  const message = typeof body === "string" ? parseJson(body) : body;
  if (typeof message !== "object" || message === null) return err("message_not_json");
  const { v, events } = message as { v?: unknown; events?: unknown };
  if (v !== 1) return err("message_version");
  if (!Array.isArray(events) || events.length === 0 || events.length > MESSAGE_EVENTS_MAX) return err("message_shape");
  return ok(events.map((event) => open(event)));
}

/** Checks one event and opens its token. */
export function openEvent(value: unknown): Result<OpenedEvent, DeadEvent> {
  const event = parseTokenEvent(value);
  if (!event.ok) return err({ reason: event.error, payload: JSON.stringify(value) ?? "null" });
  const claims = decodeClaims(event.value.token);
  if (!claims.ok) return err({ reason: "event_token", payload: JSON.stringify(value) });
  return ok({ event: event.value, claims: event.value.gpc ? { ...claims.value, uid: null } : claims.value });
}
