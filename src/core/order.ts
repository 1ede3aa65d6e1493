/**
 * The decision on a conversion: what one order is credited to, and that it is credited once.
 *
 *   record      first of its order, in the window     → recorded: its click is credited
 *               again, under the same click           → repeated: nothing happens, the first answer stands
 *               again, under a later click            → reattributed: the credit moves (last click)
 *               again, under an earlier click         → duplicate
 *               outside the window, or test traffic   → not_attributed; a later click of the same order may still be
 *               from the 33rd click that moves nothing → the same answers, without a line
 *   correct     adds a value to the order             → corrected: where the order is credited
 *   retract     takes the order back                  → retracted; for good
 *
 * Keeps: pure. A conversion occurred when its order was first credited, whatever later copies say. Whatever the order
 * in which copies arrive and however many they are, an order ends credited to its latest click in the window, with its
 * value plus each correction once, of which it has neither fewer than none nor more than a conversion may have. What
 * contradicts an earlier word (another value, a correction's other value, an order that was retracted) is refused, and
 * nothing changes. A plan without a line changes no figure. A state is ASCII of at most 8 000 characters, as the bounds
 * below and that of a click id come to, whatever the sender's names are.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { encodeBase64url, encodeUtf8 } from "./base64url.ts";
import { type ClickIdentity, readClickId } from "./click-id.ts";
import type { ConversionEvent } from "./conversion.ts";
import { hash32 } from "./hash.ts";
import { CONVERSION_VALUE_MICROS_MAX, CORRECTIONS_PER_ORDER_MAX, DAY_MS } from "./limits.ts";
import { assert, err, ok, type Result } from "./result.ts";
import type { Verdict } from "./verdict.ts";

export const CONVERSION_REASONS = [
  "outside_window",
  "test",
  "same_order",
  "later_click",
  "corrected",
  "retracted",
] as const;
export type ConversionReason = (typeof CONVERSION_REASONS)[number];

/** What one order adds to the figures. */
export type Credit = {
  readonly clickId: string;
  readonly click: ClickIdentity;
  readonly valueMicros: number;
  readonly occurredAtMs: number;
};

/** What is remembered of an order; JSON as it is. */
export type OrderState = {
  /** The value that it was first given. */
  readonly valueMicros: number;
  /** With every correction. */
  readonly netMicros: number;
  readonly credit: { readonly clickId: string; readonly clickedAtMs: number; readonly occurredAtMs: number } | null;
  readonly isRetracted: boolean;
  /** Event ids of the clicks it was recorded under, as many as are told apart. */
  readonly clicks: readonly string[];
  /** `correctionKeyOf` a correction → value. */
  readonly corrections: Readonly<Record<string, number>>;
};

export type ConversionLine = {
  readonly verdict: Verdict;
  readonly reason: ConversionReason | null;
  /** The order's credit before this line; what it takes away. */
  readonly prior: Credit | null;
  /** The order's credit from this line on; what it adds. */
  readonly next: Credit | null;
};

export type ConversionStatus =
  | "recorded"
  | "repeated"
  | "reattributed"
  | "duplicate"
  | "not_attributed"
  | "corrected"
  | "retracted";

export type ConversionPlan = {
  readonly status: ConversionStatus;
  /** What is logged; null when nothing changes. */
  readonly line: ConversionLine | null;
  readonly state: OrderState;
};

export type ConversionConflict =
  | "order_conflict"
  | "order_retracted"
  | "order_unknown"
  | "correction_conflict"
  | "corrections_exhausted"
  | "correction_exceeds_value"
  | "correction_exceeds_limit";

/** Clicks of one order that are told apart, so that what moves nothing is logged once. */
export const CLICKS_PER_ORDER_MAX = 32;
const CORRECTION_KEY_BYTES = 16;

/**
 * What is credited once: the order of an advertiser and kind, or, where it has no id, the click and kind. 32
 * hexadecimal digits of SHA-256 over the length-prefixed parts.
 */
export function orderKeyOf({ click, kind, orderId }: Pick<ConversionEvent, "click" | "kind" | "orderId">): string {
  const named = orderId === null ? ["click", click.eventId] : ["order", orderId];
  let text = "conversion";
  for (const part of [click.advertiserId, kind, ...named]) text += `${part.length}:${part}`;
  return bytesToHex(sha256(encodeUtf8(text)).subarray(0, 16));
}

/** The part of the event ids of an order's conversions that they share; where it is decided is kept from senders. */
export function orderHashOf(orderKey: string): number {
  return hash32(orderKey);
}

/** Decides one conversion, given what is remembered of its order. */
export function decideConversion(
  event: ConversionEvent,
  state: OrderState | null,
): Result<ConversionPlan, ConversionConflict> {
  if (event.action === "record") return decideRecord(event, state);
  if (state === null) return err("order_unknown");
  const prior = priorOf(state);
  if (event.action === "retract") {
    if (state.isRetracted) return ok({ status: "repeated", line: null, state });
    const line: ConversionLine = { verdict: "valid", reason: "retracted", prior, next: null };
    return ok({ status: "retracted", line, state: { ...state, isRetracted: true, credit: null } });
  }
  return decideCorrection(event, state, prior);
}

function decideRecord(event: ConversionEvent, state: OrderState | null): Result<ConversionPlan, ConversionConflict> {
  const { click, clickId, valueMicros, occurredAtMs } = event;
  const known: OrderState = state ?? {
    valueMicros,
    netMicros: valueMicros,
    credit: null,
    isRetracted: false,
    clicks: [],
    corrections: {},
  };
  if (known.isRetracted) return err("order_retracted");
  if (known.valueMicros !== valueMicros) return err("order_conflict");
  const prior = priorOf(known);
  const isKnownClick = known.clicks.includes(click.eventId) || prior?.click.eventId === click.eventId;
  if (isKnownClick) return ok({ status: "repeated", line: null, state: known });

  const reason = notAttributable(event);
  if (reason !== null) return unmoved(click, known, { verdict: "invalid", reason });
  if (prior !== null && !isLater(click, prior.click)) {
    return unmoved(click, known, { verdict: "duplicate", reason: "same_order" });
  }
  // What is forgotten for this click can move nothing any more: it is earlier, or was not to be credited.
  const seen = { ...known, clicks: [...known.clicks.slice(1 - CLICKS_PER_ORDER_MAX), click.eventId] };
  const next: Credit = {
    clickId,
    click,
    valueMicros: known.netMicros,
    occurredAtMs: prior?.occurredAtMs ?? occurredAtMs,
  };
  const line: ConversionLine = { verdict: "valid", reason: prior === null ? null : "later_click", prior, next };
  return ok({
    status: prior === null ? "recorded" : "reattributed",
    line,
    state: { ...seen, credit: rememberedOf(next) },
  });
}

/** A click to which nothing moves; told apart from others while there is room. */
function unmoved(
  { eventId }: ClickIdentity,
  known: OrderState,
  said: Pick<ConversionLine, "verdict" | "reason">,
): Result<ConversionPlan, never> {
  const status = said.verdict === "duplicate" ? "duplicate" : "not_attributed";
  if (known.clicks.length >= CLICKS_PER_ORDER_MAX) return ok({ status, line: null, state: known });
  const line: ConversionLine = { ...said, prior: null, next: null };
  return ok({ status, line, state: { ...known, clicks: [...known.clicks, eventId] } });
}

/**
 * A name of bounded length for a correction, whatever its sender calls it; of its order's only one, if it has no name.
 */
function correctionKeyOf(correctionId: string | null): string {
  if (correctionId === null) return "";
  return encodeBase64url(sha256(encodeUtf8(correctionId)).subarray(0, CORRECTION_KEY_BYTES));
}

function decideCorrection(
  { correctionId, valueMicros }: ConversionEvent,
  state: OrderState,
  prior: Credit | null,
): Result<ConversionPlan, ConversionConflict> {
  const name = correctionKeyOf(correctionId);
  const earlier = Object.hasOwn(state.corrections, name) ? state.corrections[name] : undefined;
  if (earlier !== undefined && earlier !== valueMicros) return err("correction_conflict");
  if (earlier !== undefined) return ok({ status: "repeated", line: null, state });
  if (state.isRetracted) return err("order_retracted");
  if (Object.keys(state.corrections).length >= CORRECTIONS_PER_ORDER_MAX) return err("corrections_exhausted");
  const netMicros = state.netMicros + valueMicros;
  if (netMicros < 0) return err("correction_exceeds_value");
  if (netMicros > CONVERSION_VALUE_MICROS_MAX) return err("correction_exceeds_limit");
  const next = prior === null ? null : { ...prior, valueMicros: netMicros };
  const line: ConversionLine = { verdict: "valid", reason: "corrected", prior, next };
  const corrections = { ...state.corrections, [name]: valueMicros };
  return ok({ status: "corrected", line, state: { ...state, netMicros, corrections } });
}

/** Clicks of one minute follow each other by their ids, which sort by the time of receipt. */
function isLater(click: ClickIdentity, than: ClickIdentity): boolean {
  return click.clickedAtMs === than.clickedAtMs ? click.eventId > than.eventId : click.clickedAtMs > than.clickedAtMs;
}

/** Why a conversion is not credited to its click, whatever becomes of its order; null when it may be. */
function notAttributable({ click, occurredAtMs, windowDays }: ConversionEvent): ConversionReason | null {
  if (click.isTest) return "test";
  return occurredAtMs - click.clickedAtMs > windowDays * DAY_MS ? "outside_window" : null;
}

function priorOf({ credit, netMicros }: OrderState): Credit | null {
  if (credit === null) return null;
  const { clickId, occurredAtMs } = credit;
  const click = readClickId(clickId);
  assert(click !== null, "an order remembers the click id that it was credited to");
  return { clickId, click, valueMicros: netMicros, occurredAtMs };
}

function rememberedOf({ clickId, click, occurredAtMs }: Credit): NonNullable<OrderState["credit"]> {
  return { clickId, clickedAtMs: click.clickedAtMs, occurredAtMs };
}
