/**
 * One row of uploaded counts → checked counts, by the schema that documents it (counts-schema.ts). Pure.
 *
 * Keeps: within what the sender's key may show (access/api-keys.ts). What the schema does not take is refused by a
 * name, with what to send instead.
 */

import type { SubmissionProblem } from "../conversions/problems.ts";
import { type FieldProblems, firstProblem, isNoRow, toFields, unknownField } from "../conversions/row-problems.ts";
import { countryMeant } from "../core/country.ts";
import { DEVICE_CLASSES, type DeviceClass } from "../core/device.ts";
import { DIMENSION_FIELDS, DIMENSIONS, toDimensioned } from "../core/fields.ts";
import type { ImpressionCounts } from "../core/impression-counts.ts";
import { readInstant } from "../core/instant.ts";
import type { KeyLimits } from "../core/key-ring.ts";
import { COUNTS_AGE_DAYS_MAX, COUNTS_PER_ROW_MAX, DAY_MS, MINUTE_MS, OCCURRED_AHEAD_MAX_MS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { minuteOf } from "../core/time.ts";
import { CountsRow } from "./counts-schema.ts";

const FIELDS = Object.keys(CountsRow.shape);

const detailed = (detail: string) => (): SubmissionProblem => ({ reason: "field_invalid", detail });
const NO_ID = detailed("An id is text of 1 to 64 of A–Z a–z 0–9 _ - . and not only dots.");
const NO_COUNT = detailed(`An integer from 0 to ${COUNTS_PER_ROW_MAX}.`);

/** What is said of a field that the schema does not take, in the order in which fields are looked at. */
const REFUSED_IDS: FieldProblems = Object.fromEntries(
  DIMENSIONS.filter((name) => DIMENSION_FIELDS[name].values === "id").map((name) => [name, NO_ID]),
);
const REFUSED: FieldProblems = {
  minute: (value) => {
    const read = readInstant(value);
    return { reason: "field_invalid", ...(read.ok ? {} : { detail: read.error }) };
  },
  country: (value) => {
    const meant = typeof value === "string" ? countryMeant(value) : null;
    const hint = meant === null ? "" : ` This one is ${meant}.`;
    return { reason: "field_invalid", detail: `A code of ISO 3166-1, like DE.${hint}` };
  },
  device: detailed(`One of ${DEVICE_CLASSES.join(", ")}.`),
  impressions: NO_COUNT,
  gross_impressions: NO_COUNT,
};

/** The counts of a row, or the first problem with it. */
export function readCounts(
  row: unknown,
  { advertisers, publishers }: KeyLimits,
  nowMs: number,
): Result<ImpressionCounts, SubmissionProblem> {
  const fields = toFields(row);
  if (fields === null) return err(isNoRow());
  const parsed = CountsRow.safeParse(fields);
  const issues = parsed.error?.issues ?? [];
  const unknown = unknownField(issues, FIELDS);
  if (unknown !== null) return err(unknown);
  const given = (field: string) => fields[field];
  const ofIds = issues.filter(({ path }) => Object.hasOwn(REFUSED_IDS, String(path[0])));
  if (ofIds.length > 0) return err(firstProblem(ofIds, REFUSED_IDS, given));
  if (advertisers?.has(fields["advertiser_id"] as string) === false) {
    return err({ reason: "key_limit_advertiser", field: "advertiser_id" });
  }
  if (publishers?.has(fields["publisher_id"] as string) === false) {
    return err({ reason: "key_limit_publisher", field: "publisher_id" });
  }
  if (!parsed.success) return err(firstProblem(issues, REFUSED, given));

  const { minute, impressions, gross_impressions: gross = impressions, ...dimensions } = parsed.data;
  if (minute > nowMs + OCCURRED_AHEAD_MAX_MS) return err({ reason: "minute_in_future", field: "minute" });
  if (minute < nowMs - COUNTS_AGE_DAYS_MAX * DAY_MS) return err({ reason: "minute_too_old", field: "minute" });
  if (gross < impressions) {
    const detail = "Gross counts hold the valid ones.";
    return err({ reason: "field_invalid", field: "gross_impressions", detail });
  }
  return ok({
    ...toDimensioned((name) => dimensions[name]),
    device: dimensions.device as DeviceClass,
    minuteAtMs: minuteOf(minute) * MINUTE_MS,
    impressions,
    grossImpressions: gross,
  });
}
