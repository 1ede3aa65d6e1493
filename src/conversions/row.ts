/**
 * A row of a conversions call, or the query of a postback, as fields → what is asked, checked as far as the row alone
 * tells.
 *
 *   click_id        the signed id that the landing page was given
 *   order_id?       text or integer, up to 128 characters; a blank one is none (conversions/reference.ts)
 *   type?           one of CONVERSION_KINDS; purchase unless given
 *   value_micros?   integer micros of the advertiser's currency; 0 unless given; a negative one corrects the order
 *   occurred_at?    RFC 3339, or milliseconds since 1970; now unless given
 *   retract?        true takes the order back
 *   correction_id?  tells several corrections of one order apart
 *
 * Keeps: strict: an unknown field is refused, so that a misspelt one never means its default, and so is a template that
 * nobody filled. Invisible characters at either end of a text are no part of it. Pure.
 */
import { type ClickIdentity, openClickId } from "../core/click-id.ts";
import { CONVERSION_KINDS, type ConversionEvent, isConversionValue } from "../core/conversion.ts";
import { readInstant } from "../core/instant.ts";
import type { KeyRing } from "../core/key-ring.ts";
import {
  CONVERSION_VALUE_MICROS_MAX,
  DAY_MS,
  OCCURRED_AHEAD_MAX_MS,
  OCCURRED_BEHIND_MAX_MS,
  ORDER_KEY_DAYS,
} from "../core/limits.ts";
import { isUnfilledTemplate, trimInvisible } from "../core/reference.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { SubmissionProblem } from "./problems.ts";
import { readReference } from "./reference.ts";

export type RowFields = Readonly<Record<string, unknown>>;

/** A conversion that lacks what only the edge adds. */
export type RequestedConversion = Omit<ConversionEvent, "id" | "windowDays" | "by">;

export type RowContext = {
  readonly ring: Pick<KeyRing, "derived">;
  /** Whose conversions the sender may report; null for anybody's. */
  readonly advertiserId: string | null;
  readonly nowMs: number;
};

const FIELDS = ["click_id", "order_id", "type", "value_micros", "occurred_at", "retract", "correction_id"] as const;
type Field = (typeof FIELDS)[number];

/** What a row asks for, or the first problem with it. */
export function readRow(fields: unknown, context: RowContext): Result<RequestedConversion, SubmissionProblem> {
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    return err({ reason: "field_invalid", detail: "A row is a JSON object." });
  }
  const unknown = Object.keys(fields).find((name) => !(FIELDS as readonly string[]).includes(name));
  if (unknown !== undefined) {
    return err({ reason: "field_unknown", field: unknown.slice(0, 64), detail: `Fields are ${FIELDS.join(", ")}.` });
  }
  const given = (field: Field): unknown => {
    const value = (fields as RowFields)[field] ?? null;
    return typeof value === "string" ? trimInvisible(value) : value;
  };
  const clickId = given("click_id");
  if (clickId === null || clickId === "") return err({ reason: "click_id_missing", field: "click_id" });
  if (typeof clickId === "string" && isUnfilledTemplate(clickId)) {
    return err({ reason: "template_unfilled", field: "click_id" });
  }
  const click = typeof clickId === "string" ? openClickId(clickId, context.ring) : null;
  const isForeign = context.advertiserId !== null && click?.advertiserId !== context.advertiserId;
  if (click === null || isForeign) return err({ reason: "click_id_refused", field: "click_id" });
  if (context.nowMs - click.clickedAtMs > ORDER_KEY_DAYS * DAY_MS) {
    return err({ reason: "click_id_expired", field: "click_id" });
  }
  return readFields(given, { clickId: clickId as string, click }, context.nowMs);
}

function readFields(
  given: (field: Field) => unknown,
  { clickId, click }: { clickId: string; click: ClickIdentity },
  nowMs: number,
): Result<RequestedConversion, SubmissionProblem> {
  const orderId = readReference("order_id", given("order_id"));
  if (!orderId.ok) return orderId;
  const correctionId = readReference("correction_id", given("correction_id"));
  if (!correctionId.ok) return correctionId;
  const kind = CONVERSION_KINDS.find((known) => known === (given("type") ?? "purchase"));
  if (kind === undefined) {
    return err({ reason: "unknown_type", field: "type", detail: `Types are ${CONVERSION_KINDS.join(", ")}.` });
  }
  const valueMicros = given("value_micros") ?? 0;
  if (!isConversionValue(valueMicros)) {
    return invalid(
      "value_micros",
      `An integer from -${CONVERSION_VALUE_MICROS_MAX} to ${CONVERSION_VALUE_MICROS_MAX}.`,
    );
  }
  const retract = given("retract") ?? false;
  if (typeof retract !== "boolean") return invalid("retract", "true or false");
  const occurredAtMs = readOccurredAt(given("occurred_at"), click.clickedAtMs, nowMs);
  if (!occurredAtMs.ok) return occurredAtMs;
  const isCorrection = valueMicros < 0 || correctionId.value !== null;
  const action = retract ? "retract" : isCorrection ? "correct" : "record";
  return ok({
    type: "conversion",
    clickId,
    click,
    orderId: orderId.value,
    kind,
    action,
    correctionId: correctionId.value,
    valueMicros,
    occurredAtMs: occurredAtMs.value,
    receivedAtMs: nowMs,
  });
}

/**
 * When it occurred; now without a word. Clocks of the advertiser, the edge and the click may differ a little, so that
 * what is said to have come just before its click came with it.
 */
function readOccurredAt(value: unknown, clickedAtMs: number, nowMs: number): Result<number, SubmissionProblem> {
  const field = "occurred_at";
  if (value === null) return ok(Math.max(nowMs, clickedAtMs));
  const instantMs = readInstant(value);
  if (!instantMs.ok) return invalid(field, instantMs.error);
  if (instantMs.value > nowMs + OCCURRED_AHEAD_MAX_MS) return err({ reason: "occurred_in_future", field });
  if (instantMs.value < clickedAtMs - OCCURRED_BEHIND_MAX_MS) return err({ reason: "occurred_before_click", field });
  return ok(Math.max(instantMs.value, clickedAtMs));
}

function invalid(field: Field, detail: string): Result<never, SubmissionProblem> {
  return err({ reason: "field_invalid", field, detail });
}
