/**
 * A row of a conversions call, or the query of a postback, as fields → what is asked, checked as far as the row alone
 * tells.
 *
 *   click_id        the signed id that the landing page was given
 *   order_id?       text or integer, up to 128 characters; a blank one is none
 *   type?           one of CONVERSION_KINDS; purchase unless given
 *   value_micros?   integer micros of the advertiser's currency; 0 unless given; a negative one corrects the order
 *   occurred_at?    RFC 3339, or milliseconds since 1970; now unless given
 *   retract?        true takes the order back
 *   correction_id?  tells several corrections of one order apart
 *
 * Keeps: strict: an unknown field is refused, so that a misspelt one never means its default. Pure.
 */
import { type ClickIdentity, openClickId } from "../core/click-id.ts";
import { CONVERSION_KINDS, type ConversionEvent, isConversionValue, isReference } from "../core/conversion.ts";
import { parseZonedInstant } from "../core/instant.ts";
import type { KeyRing } from "../core/key-ring.ts";
import { CONVERSION_VALUE_MICROS_MAX, DAY_MS, OCCURRED_AHEAD_MAX_MS, ORDER_KEY_DAYS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { SubmissionProblem } from "./problems.ts";

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
  const given = (field: Field): unknown => (fields as RowFields)[field] ?? null;
  const clickId = given("click_id");
  if (clickId === null || clickId === "") return err({ reason: "click_id_missing", field: "click_id" });
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
  const orderId = toReference(given("order_id"));
  if (orderId === undefined) return invalid("order_id", "Text of 1 to 128 printable characters.");
  const correctionId = toReference(given("correction_id"));
  if (correctionId === undefined) return invalid("correction_id", "Text of 1 to 128 printable characters.");
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
  // The click's clock may be a little ahead of ours: a conversion of right now is none that came before it.
  const occurredAtMs = toInstant(given("occurred_at"), Math.max(nowMs, click.clickedAtMs));
  if (occurredAtMs === null) {
    return invalid("occurred_at", "An instant with its zone (2026-04-20T14:00:00+02:00), or milliseconds since 1970.");
  }
  if (occurredAtMs > nowMs + OCCURRED_AHEAD_MAX_MS) return err({ reason: "occurred_in_future", field: "occurred_at" });
  if (occurredAtMs < click.clickedAtMs) return err({ reason: "occurred_before_click", field: "occurred_at" });
  const isCorrection = valueMicros < 0 || correctionId !== null;
  const action = retract ? "retract" : isCorrection ? "correct" : "record";
  return ok({
    type: "conversion",
    clickId,
    click,
    orderId,
    kind,
    action,
    correctionId,
    valueMicros,
    occurredAtMs,
    receivedAtMs: nowMs,
  });
}

/** A blank reference is none, since templates leave one where they know nothing; undefined is none that could be. */
function toReference(value: unknown): string | null | undefined {
  if (value === null || (typeof value === "string" && value.trim() === "")) return null;
  const text = Number.isSafeInteger(value) ? String(value) : value;
  return isReference(text) ? text : undefined;
}

function toInstant(value: unknown, absentMs: number): number | null {
  if (value === null) return absentMs;
  if (typeof value === "string") return parseZonedInstant(value);
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : null;
}

function invalid(field: Field, detail: string): Result<never, SubmissionProblem> {
  return err({ reason: "field_invalid", field, detail });
}
