/**
 * ImpressionCountsEvent v1: impressions that an ad server counted itself, of one minute and one cell of dimensions.
 *
 *   {"v":1,"type":"impression_counts","id":"…24…","batch_id":"2026-04-20T12","row":0,"minute_at_ms":…,
 *    "received_at_ms":…,"advertiser_id":"adv_1","campaign_id":"cmp_7","ad_group_id":"","ad_id":"ad_9",
 *    "publisher_id":"pub_1","creative_id":"","country":"DE","device":"mobile",
 *    "impressions":1200,"gross_impressions":1260,"by":"key_7"}
 *
 * Keeps: `parseImpressionCounts(JSON.parse(encodeImpressionCounts(e)))` is `e`; valid ≤ gross.
 */
import { isId } from "./claims.ts";
import { isDeviceClass } from "./device.ts";
import { type EventId, isEventId } from "./event-id.ts";
import { DIMENSION_FIELDS, DIMENSIONS, type Dimension, type Dimensioned, toDimensioned, valueIn } from "./fields.ts";
import { COUNTS_PER_ROW_MAX } from "./limits.ts";

/** One row of an upload. Ids that are not known are empty. */
export type ImpressionCounts = Dimensioned & {
  /** Start of the minute. */
  readonly minuteAtMs: number;
  readonly impressions: number;
  /** With what the sender filtered out. */
  readonly grossImpressions: number;
};

export type ImpressionCountsEvent = ImpressionCounts & {
  readonly type: "impression_counts";
  readonly id: EventId;
  readonly batchId: string;
  readonly row: number;
  readonly receivedAtMs: number;
  /** The API key that sent it. */
  readonly by: string;
};

export function encodeImpressionCounts(event: ImpressionCountsEvent): string {
  return JSON.stringify({
    v: 1,
    type: event.type,
    id: event.id,
    batch_id: event.batchId,
    row: event.row,
    minute_at_ms: event.minuteAtMs,
    received_at_ms: event.receivedAtMs,
    ...Object.fromEntries(DIMENSIONS.map((name) => [name, valueIn(event, name)])),
    impressions: event.impressions,
    gross_impressions: event.grossImpressions,
    by: event.by,
  });
}

/** Checks unknown JSON against the shape above; null when it is none. */
export function parseImpressionCounts(value: unknown): ImpressionCountsEvent | null {
  if (typeof value !== "object" || value === null) return null;
  const wire = value as Record<string, unknown>;
  const { impressions, gross_impressions: gross } = wire;
  const isValid =
    wire["v"] === 1 &&
    wire["type"] === "impression_counts" &&
    isEventId(wire["id"]) &&
    typeof wire["batch_id"] === "string" &&
    Number.isSafeInteger(wire["row"]) &&
    Number.isSafeInteger(wire["minute_at_ms"]) &&
    Number.isSafeInteger(wire["received_at_ms"]) &&
    DIMENSIONS.every((name) => isValueOf(name, wire[name])) &&
    isImpressionCount(impressions) &&
    isImpressionCount(gross) &&
    impressions <= gross &&
    typeof wire["by"] === "string";
  if (!isValid) return null;
  return {
    type: "impression_counts",
    id: wire["id"] as EventId,
    batchId: wire["batch_id"] as string,
    row: wire["row"] as number,
    minuteAtMs: wire["minute_at_ms"] as number,
    receivedAtMs: wire["received_at_ms"] as number,
    ...toDimensioned((name) => (wire[name] ?? "") as string),
    impressions,
    grossImpressions: gross,
    by: wire["by"] as string,
  };
}

/** Whether an event may hold it; one that was made before a dimension was added holds none. */
function isValueOf(name: Dimension, value: unknown): boolean {
  const { values, isRequired } = DIMENSION_FIELDS[name];
  if (value === undefined || value === "") return !isRequired;
  if (values === "device") return isDeviceClass(value);
  return values === "id" ? isId(value) : typeof value === "string";
}

export function isImpressionCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= COUNTS_PER_ROW_MAX;
}
