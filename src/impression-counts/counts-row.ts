/**
 * One row of uploaded counts → checked counts. Pure.
 *
 * Keeps: strict: an unknown field is refused. Within what the sender's key may show (access/api-keys.ts).
 */

import type { SubmissionProblem } from "../conversions/problems.ts";
import { isId } from "../core/claims.ts";
import { countryMeant, isCountry } from "../core/country.ts";
import { DEVICE_CLASSES, type DeviceClass } from "../core/device.ts";
import { DIMENSION_FIELDS, DIMENSIONS, toDimensioned } from "../core/fields.ts";
import { type ImpressionCounts, isImpressionCount } from "../core/impression-counts.ts";
import { readInstant } from "../core/instant.ts";
import type { KeyLimits } from "../core/key-ring.ts";
import { COUNTS_AGE_DAYS_MAX, COUNTS_PER_ROW_MAX, DAY_MS, MINUTE_MS, OCCURRED_AHEAD_MAX_MS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { minuteOf } from "../core/time.ts";

const IDS = DIMENSIONS.filter((name) => DIMENSION_FIELDS[name].values === "id");
const FIELDS: readonly string[] = ["minute", ...DIMENSIONS, "impressions", "gross_impressions"];
const ID_RULE = "An id is text of 1 to 64 of A–Z a–z 0–9 _ - . and not only dots.";

/** One kind of unknown: '' and the `XX` of some systems. */
function readCountry(value: unknown): Result<string, SubmissionProblem> {
  if (value === "" || value === "XX") return ok("");
  if (isCountry(value)) return ok(value);
  const meant = typeof value === "string" ? countryMeant(value) : null;
  const hint = meant === null ? "" : ` This one is ${meant}.`;
  return err({ reason: "field_invalid", field: "country", detail: `A code of ISO 3166-1, like DE.${hint}` });
}

/** The counts of a row, or the first problem with it. */
export function readCounts(
  row: unknown,
  { advertisers, publishers }: KeyLimits,
  nowMs: number,
): Result<ImpressionCounts, SubmissionProblem> {
  if (typeof row !== "object" || row === null || Array.isArray(row))
    return err({ reason: "field_invalid", detail: "A row is a JSON object." });
  const fields = row as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(fields).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) {
    return err({ reason: "field_unknown", field: unknown.slice(0, 64), detail: `Fields are ${FIELDS.join(", ")}.` });
  }
  const badId = IDS.find((name) => {
    const isMissing = (fields[name] ?? "") === "";
    return isMissing ? DIMENSION_FIELDS[name].isRequired : !isId(fields[name]);
  });
  if (badId !== undefined) return err({ reason: "field_invalid", field: badId, detail: ID_RULE });
  if (advertisers?.has(fields["advertiser_id"] as string) === false) {
    return err({ reason: "key_limit_advertiser", field: "advertiser_id" });
  }
  if (publishers?.has(fields["publisher_id"] as string) === false) {
    return err({ reason: "key_limit_publisher", field: "publisher_id" });
  }
  const minuteAtMs = readMinute(fields["minute"], nowMs);
  if (!minuteAtMs.ok) return minuteAtMs;
  const country = readCountry(fields["country"] ?? "");
  if (!country.ok) return country;
  const device = DEVICE_CLASSES.find((known) => known === (fields["device"] ?? "other"));
  if (device === undefined) {
    return err({ reason: "field_invalid", field: "device", detail: `One of ${DEVICE_CLASSES.join(", ")}.` });
  }
  return readNumbers(fields, { minuteAtMs: minuteAtMs.value, country: country.value, device });
}

function readNumbers(
  fields: Readonly<Record<string, unknown>>,
  known: { readonly minuteAtMs: number; readonly country: string; readonly device: DeviceClass },
): Result<ImpressionCounts, SubmissionProblem> {
  const { impressions, gross_impressions: gross = impressions } = fields;
  const detail = `An integer from 0 to ${COUNTS_PER_ROW_MAX}.`;
  if (!isImpressionCount(impressions)) return err({ reason: "field_invalid", field: "impressions", detail });
  if (!isImpressionCount(gross)) return err({ reason: "field_invalid", field: "gross_impressions", detail });
  if (gross < impressions) {
    return err({ reason: "field_invalid", field: "gross_impressions", detail: "Gross counts hold the valid ones." });
  }
  const { minuteAtMs, ...others } = known;
  const values: Readonly<Record<string, unknown>> = { ...fields, ...others };
  return ok({
    ...toDimensioned((name) => (values[name] ?? "") as string),
    minuteAtMs,
    impressions,
    grossImpressions: gross,
  });
}

function readMinute(value: unknown, nowMs: number): Result<number, SubmissionProblem> {
  const instant = readInstant(value);
  if (!instant.ok) return err({ reason: "field_invalid", field: "minute", detail: instant.error });
  const instantMs = instant.value;
  if (instantMs > nowMs + OCCURRED_AHEAD_MAX_MS) return err({ reason: "minute_in_future", field: "minute" });
  if (instantMs < nowMs - COUNTS_AGE_DAYS_MAX * DAY_MS) return err({ reason: "minute_too_old", field: "minute" });
  return ok(minuteOf(instantMs) * MINUTE_MS);
}
