/**
 * ConversionEvent v1: what an advertiser says that a click led to.
 *
 *   {"v":1,"type":"conversion","id":"…24…","click_id":"2~…","order_id":"A-1001","kind":"purchase",
 *    "value_micros":4990000,"occurred_at_ms":…,"received_at_ms":…,"action":"record","correction_id":null,
 *    "window_days":7,"by":"key_7"}
 *
 *   action   record: the order as it is · correct: adds a (negative) value to it · retract: takes it back
 *   by       the API key that sent it, or "postback"
 *
 * Keeps: `parseConversion(JSON.parse(encodeConversion(e)))` is `e`. The click id was verified by whoever made the
 * event.
 */
import { type ClickIdentity, readClickId } from "./click-id.ts";
import { type EventId, isEventId } from "./event-id.ts";
import { CONVERSION_VALUE_MICROS_MAX } from "./limits.ts";
import { isReference } from "./reference.ts";

export const CONVERSION_KINDS = [
  "purchase",
  "lead",
  "signup",
  "install",
  "subscription",
  "add_to_cart",
  "other",
] as const;
/** What the field `type` of the API names. */
export type ConversionKind = (typeof CONVERSION_KINDS)[number];

export const CONVERSION_ACTIONS = ["record", "correct", "retract"] as const;
export type ConversionAction = (typeof CONVERSION_ACTIONS)[number];

export type ConversionEvent = {
  readonly type: "conversion";
  readonly id: EventId;
  /** The signed click id, as it came. */
  readonly clickId: string;
  readonly click: ClickIdentity;
  /** Null: this click's only conversion of its kind. */
  readonly orderId: string | null;
  readonly kind: ConversionKind;
  readonly action: ConversionAction;
  /** Tells corrections of one order apart; null for its only one. */
  readonly correctionId: string | null;
  /** Micros of the advertiser's currency. */
  readonly valueMicros: number;
  readonly occurredAtMs: number;
  readonly receivedAtMs: number;
  /** The advertiser's attribution window when the conversion was received. */
  readonly windowDays: number;
  readonly by: string;
};

export function encodeConversion(event: ConversionEvent): string {
  return JSON.stringify({
    v: 1,
    type: event.type,
    id: event.id,
    click_id: event.clickId,
    order_id: event.orderId,
    kind: event.kind,
    action: event.action,
    correction_id: event.correctionId,
    value_micros: event.valueMicros,
    occurred_at_ms: event.occurredAtMs,
    received_at_ms: event.receivedAtMs,
    window_days: event.windowDays,
    by: event.by,
  });
}

/** Checks unknown JSON against the shape above; null when it is none. */
export function parseConversion(value: unknown): ConversionEvent | null {
  if (typeof value !== "object" || value === null) return null;
  const wire = value as Record<string, unknown>;
  const clickId = wire["click_id"];
  const click = typeof clickId === "string" ? readClickId(clickId) : null;
  const isValid =
    wire["v"] === 1 &&
    wire["type"] === "conversion" &&
    click !== null &&
    isEventId(wire["id"]) &&
    (wire["order_id"] === null || isReference(wire["order_id"])) &&
    (CONVERSION_KINDS as readonly unknown[]).includes(wire["kind"]) &&
    (CONVERSION_ACTIONS as readonly unknown[]).includes(wire["action"]) &&
    (wire["correction_id"] === null || isReference(wire["correction_id"])) &&
    isConversionValue(wire["value_micros"]) &&
    Number.isSafeInteger(wire["occurred_at_ms"]) &&
    Number.isSafeInteger(wire["received_at_ms"]) &&
    Number.isSafeInteger(wire["window_days"]) &&
    typeof wire["by"] === "string";
  if (!isValid) return null;
  return {
    type: "conversion",
    id: wire["id"] as EventId,
    clickId: clickId as string,
    click,
    orderId: wire["order_id"] as string | null,
    kind: wire["kind"] as ConversionKind,
    action: wire["action"] as ConversionAction,
    correctionId: wire["correction_id"] as string | null,
    valueMicros: wire["value_micros"] as number,
    occurredAtMs: wire["occurred_at_ms"] as number,
    receivedAtMs: wire["received_at_ms"] as number,
    windowDays: wire["window_days"] as number,
    by: wire["by"] as string,
  };
}

export function isConversionValue(value: unknown): value is number {
  return Number.isSafeInteger(value) && Math.abs(value as number) <= CONVERSION_VALUE_MICROS_MAX;
}
