/**
 * A row of a conversions call, or the query of a postback, as fields → what is asked, checked as far as the row alone
 * tells, by the schema that documents it (row-schema.ts).
 *
 * Keeps: the click id comes before all else, so that a stranger learns nothing of the rest. What the schema does not
 * take is refused by a name, with what to send instead; so is a template that nobody filled. Pure.
 */
import { type ClickIdentity, openClickId } from "../core/click-id.ts";
import { CONVERSION_KINDS, type ConversionEvent } from "../core/conversion.ts";
import { readInstant } from "../core/instant.ts";
import type { KeyRing } from "../core/key-ring.ts";
import {
  CONVERSION_VALUE_MICROS_MAX,
  DAY_MS,
  OCCURRED_AHEAD_MAX_MS,
  OCCURRED_BEHIND_MAX_MS,
  ORDER_KEY_DAYS,
} from "../core/limits.ts";
import { isUnfilledTemplate } from "../core/reference.ts";
import { err, ok, type Result } from "../core/result.ts";
import { trimmed } from "./fields.ts";
import type { SubmissionProblem } from "./problems.ts";
import { whyNoReference } from "./reference.ts";
import { type FieldProblems, firstProblem, isNoRow, toFields, unknownField } from "./row-problems.ts";
import { ConversionRow } from "./row-schema.ts";

export type RowFields = Readonly<Record<string, unknown>>;

/** A conversion that lacks what only the edge adds. */
export type RequestedConversion = Omit<ConversionEvent, "id" | "windowDays" | "by">;

export type RowContext = {
  readonly ring: Pick<KeyRing, "derived">;
  /** Whose conversions the sender may report; null for anybody's. */
  readonly advertiserId: string | null;
  readonly nowMs: number;
};

/** What is said of a field that the schema does not take, in the order in which fields are looked at. */
const REFUSED: FieldProblems = {
  order_id: (value) => whyNoReference("order_id", value),
  correction_id: (value) => whyNoReference("correction_id", value),
  type: () => ({ reason: "unknown_type", detail: `Types are ${CONVERSION_KINDS.join(", ")}.` }),
  value_micros: () => ({
    reason: "field_invalid",
    detail: `An integer from -${CONVERSION_VALUE_MICROS_MAX} to ${CONVERSION_VALUE_MICROS_MAX}.`,
  }),
  retract: () => ({ reason: "field_invalid", detail: "true or false" }),
  occurred_at: (value) => {
    const read = readInstant(value);
    return { reason: "field_invalid", ...(read.ok ? {} : { detail: read.error }) };
  },
};

/** What a row asks for, or the first problem with it. */
export function readRow(given: unknown, context: RowContext): Result<RequestedConversion, SubmissionProblem> {
  const fields = toFields(given);
  if (fields === null) return err(isNoRow());
  const parsed = ConversionRow.safeParse(fields);
  const issues = parsed.error?.issues ?? [];
  const unknown = unknownField(issues, Object.keys(ConversionRow.shape));
  if (unknown !== null) return err(unknown);
  const click = readClickId(trimmed(fields["click_id"]), context);
  if (!click.ok) return click;
  if (!parsed.success) return err(firstProblem(issues, REFUSED, (field) => trimmed(fields[field])));

  const { order_id: orderId, correction_id: correctionId, type, occurred_at: occurredAt, retract } = parsed.data;
  const valueMicros = parsed.data.value_micros ?? 0;
  const occurredAtMs = readOccurredAt(occurredAt, click.value.click.clickedAtMs, context.nowMs);
  if (!occurredAtMs.ok) return occurredAtMs;
  const isCorrection = valueMicros < 0 || correctionId !== null;
  const action = retract === true ? "retract" : isCorrection ? "correct" : "record";
  return ok({
    ...{ type: "conversion", ...click.value, orderId, kind: type ?? "purchase", action, correctionId, valueMicros },
    ...{ occurredAtMs: occurredAtMs.value, receivedAtMs: context.nowMs },
  });
}

/** The click that a row names, if it is the sender's and not too old. */
function readClickId(
  clickId: unknown,
  { ring, advertiserId, nowMs }: RowContext,
): Result<{ readonly clickId: string; readonly click: ClickIdentity }, SubmissionProblem> {
  const field = "click_id";
  if (clickId === null || clickId === undefined || clickId === "") return err({ reason: "click_id_missing", field });
  if (typeof clickId !== "string") return err({ reason: "click_id_refused", field });
  if (isUnfilledTemplate(clickId)) return err({ reason: "template_unfilled", field });
  const click = openClickId(clickId, ring);
  const isForeign = advertiserId !== null && click?.advertiserId !== advertiserId;
  if (click === null || isForeign) return err({ reason: "click_id_refused", field });
  if (nowMs - click.clickedAtMs > ORDER_KEY_DAYS * DAY_MS) return err({ reason: "click_id_expired", field });
  return ok({ clickId, click });
}

/**
 * When it occurred; now without a word. Clocks of the advertiser, the edge and the click may differ a little, so that
 * what is said to have come just before its click came with it.
 */
function readOccurredAt(
  instantMs: number | null,
  clickedAtMs: number,
  nowMs: number,
): Result<number, SubmissionProblem> {
  const field = "occurred_at";
  if (instantMs === null) return ok(Math.max(nowMs, clickedAtMs));
  if (instantMs > nowMs + OCCURRED_AHEAD_MAX_MS) return err({ reason: "occurred_in_future", field });
  if (instantMs < clickedAtMs - OCCURRED_BEHIND_MAX_MS) return err({ reason: "occurred_before_click", field });
  return ok(Math.max(instantMs, clickedAtMs));
}
