/**
 * TokenEvent v1, the wire record of one click or one impression: the received token (the evidence; claims are decoded
 * from it wherever they are needed) and the facts that only the edge knew.
 *
 *   {"v":1,"type":"click","id":"…24…","token":"…","received_at_ms":…,"occurred_at_ms":…,"method":"GET","count":1,
 *    "country":"DE","region":"BE","colo":"TXL","asn":3320,"device":"mobile","ip_hash":"…","user_hash":"…",
 *    "user_agent":"…","hints":{…},"referrer_host":"…","gpc":false,"clock":"server","redirect_by_ms":null,
 *    "accepted_at_ms":…}
 *
 * Keeps: `parseTokenEvent(JSON.parse(encodeTokenEvent(e)))` is `e`. A raw address is never part of an event. `count` is
 * how many identical requests of one client this event stands for (queue/coalescer.ts). Records that are older than
 * `type` or `user_hash` are clicks without a user. Under `Sec-GPC: 1` no part of an event names a user: no hash, and no
 * claim of its token.
 * Relies on: whoever wrote the event verified the token, and its facts are as track/facts.ts reads them.
 */
import { type DeviceClass, isDeviceClass } from "./device.ts";
import { type EventId, isEventId } from "./event-id.ts";
import {
  CLIENT_HINT_LENGTH_MAX,
  FOLDED_COUNT_MAX,
  REFERRER_HOST_LENGTH_MAX,
  TOKEN_LENGTH_MAX,
  USER_AGENT_LENGTH_MAX,
} from "./limits.ts";
import { err, ok, type Result } from "./result.ts";

export const EVENT_TYPES = ["click", "impression"] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export const METHODS = ["GET", "HEAD", "POST"] as const;
export type Method = (typeof METHODS)[number];

export function isMethod(value: unknown): value is Method {
  return (METHODS as readonly unknown[]).includes(value);
}

/**
 * Whose time `occurredAtMs` is: ours, the client's, or ours because the client's lay outside [`iat`, receipt + 5 s].
 */
export const CLOCKS = ["server", "client", "client_refused"] as const;
export type Clock = (typeof CLOCKS)[number];

/** `Sec-CH-UA*` headers as sent, by their short name. */
export type ClientHints = Readonly<Partial<Record<"brands" | "platform" | "mobile", string>>>;

export type EdgeFacts = {
  readonly country: string | null;
  readonly region: string | null;
  readonly colo: string | null;
  readonly asn: number | null;
  readonly device: DeviceClass;
  /** Keyed hash of the address under a daily salt that is destroyed; null under `Sec-GPC: 1` or without a salt. */
  readonly ipHash: string | null;
  /** The same of address and agent together: one person's browser for a day. Null whenever `ipHash` is. */
  readonly userHash: string | null;
  readonly userAgent: string;
  readonly hints: ClientHints;
  readonly referrerHost: string | null;
  readonly gpc: boolean;
};

export type TokenEvent = EdgeFacts & {
  readonly type: EventType;
  readonly id: EventId;
  readonly token: string;
  readonly receivedAtMs: number;
  readonly occurredAtMs: number;
  readonly method: Method;
  readonly count: number;
  readonly clock: Clock;
  /** For a `dur: 1` token: the instant by which the redirect was sent at the latest; null when it was sent at once. */
  readonly redirectByMs: number | null;
  /** When the queue or the spool took the event; null while it is under way, and when it went straight to its shard. */
  readonly acceptedAtMs: number | null;
};

/** Why a queue message or one of its events cannot be counted and goes to `dead/`. */
export const DEAD_REASONS = [
  "message_not_json",
  "message_version",
  "message_shape",
  "event_shape",
  "event_token",
  "retries_exhausted",
  "submission_conflict",
  "submission_undecidable",
  "submission_undelivered",
] as const;
export type DeadReason = (typeof DEAD_REASONS)[number];

export function encodeTokenEvent(event: TokenEvent): string {
  return JSON.stringify({
    v: 1,
    type: event.type,
    id: event.id,
    token: event.token,
    received_at_ms: event.receivedAtMs,
    occurred_at_ms: event.occurredAtMs,
    method: event.method,
    count: event.count,
    country: event.country,
    region: event.region,
    colo: event.colo,
    asn: event.asn,
    device: event.device,
    ip_hash: event.ipHash,
    user_hash: event.userHash,
    user_agent: event.userAgent,
    hints: event.hints,
    referrer_host: event.referrerHost,
    gpc: event.gpc,
    clock: event.clock,
    redirect_by_ms: event.redirectByMs,
    accepted_at_ms: event.acceptedAtMs,
  });
}

const isInstant = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isInstantOrNull = (value: unknown): value is number | null => value === null || isInstant(value);
const isText = (value: unknown, max: number): value is string => typeof value === "string" && value.length <= max;
const isShortOrNull = (value: unknown): value is string | null => value === null || isText(value, 64);

/** Checks unknown JSON against the shape above. The token inside is not opened. */
export function parseTokenEvent(value: unknown): Result<TokenEvent, DeadReason> {
  if (typeof value !== "object" || value === null) return err("event_shape");
  const wire = value as Record<string, unknown>;
  const { type = "click", user_hash: userHash = null } = wire;
  const isValid =
    wire["v"] === 1 &&
    (EVENT_TYPES as readonly unknown[]).includes(type) &&
    isEventId(wire["id"]) &&
    isText(wire["token"], TOKEN_LENGTH_MAX) &&
    isInstant(wire["received_at_ms"]) &&
    isInstant(wire["occurred_at_ms"]) &&
    isMethod(wire["method"]) &&
    isInstant(wire["count"]) &&
    wire["count"] >= 1 &&
    wire["count"] <= FOLDED_COUNT_MAX &&
    isShortOrNull(wire["country"]) &&
    isShortOrNull(wire["region"]) &&
    isShortOrNull(wire["colo"]) &&
    (wire["asn"] === null || isInstant(wire["asn"])) &&
    isDeviceClass(wire["device"]) &&
    isShortOrNull(wire["ip_hash"]) &&
    isShortOrNull(userHash) &&
    isText(wire["user_agent"], USER_AGENT_LENGTH_MAX) &&
    areHints(wire["hints"]) &&
    (wire["referrer_host"] === null || isText(wire["referrer_host"], REFERRER_HOST_LENGTH_MAX)) &&
    typeof wire["gpc"] === "boolean" &&
    (CLOCKS as readonly unknown[]).includes(wire["clock"]) &&
    isInstantOrNull(wire["redirect_by_ms"]) &&
    isInstantOrNull(wire["accepted_at_ms"]);
  if (!isValid) return err("event_shape");
  return ok({
    type: type as EventType,
    id: wire["id"] as EventId,
    token: wire["token"] as string,
    receivedAtMs: wire["received_at_ms"] as number,
    occurredAtMs: wire["occurred_at_ms"] as number,
    method: wire["method"] as Method,
    count: wire["count"] as number,
    country: wire["country"] as string | null,
    region: wire["region"] as string | null,
    colo: wire["colo"] as string | null,
    asn: wire["asn"] as number | null,
    device: wire["device"] as DeviceClass,
    ipHash: wire["ip_hash"] as string | null,
    userHash: userHash as string | null,
    userAgent: wire["user_agent"] as string,
    hints: wire["hints"] as ClientHints,
    referrerHost: wire["referrer_host"] as string | null,
    gpc: wire["gpc"] as boolean,
    clock: wire["clock"] as Clock,
    redirectByMs: wire["redirect_by_ms"] as number | null,
    acceptedAtMs: wire["accepted_at_ms"] as number | null,
  });
}

function areHints(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([name, text]) => ["brands", "platform", "mobile"].includes(name) && isText(text, CLIENT_HINT_LENGTH_MAX),
  );
}
