/**
 * Operations of the report API. Their parameters are the schemas that parse them; what a text is converted to is said
 * by refinements, from the same lists that the converters look into.
 */
import * as z from "zod";
import { DEVICE_CLASSES } from "../core/device.ts";
import type { Reason } from "../problems/catalog.ts";
import { OF_PARAMETERS, OF_REPORTS } from "../problems/reading.ts";
import { CHANGES_DEFAULT, CHANGES_MAX, ROWS_DEFAULT, ROWS_MAX } from "../report/limits.ts";
import { DIMENSION_NAMES } from "../report/query/fields.ts";
import { FILTER_SHAPE } from "../report/query/filters.ts";
import { METRICS } from "../report/query/metrics.ts";
import { changesParameters, seriesParameters, tableParameters } from "../report/query/params.ts";
import { GRANULARITY_NAMES } from "../report/query/windows.ts";
import { type Answer, type JsonSchema, json, type Operation, type Refinements, toInputSchema } from "./operation.ts";
import { BODIES, KEYED, problems, READING, reasonsOf, STREAMING } from "./problems.ts";

const listOf = (words: readonly string[]): JsonSchema => ({ type: "array", minItems: 1, items: { enum: words } });
const MOMENT =
  "A date (2026-04-20), an instant with its zone (2026-04-20T12:00:00Z), or unix seconds. A date names the whole day.";
const moment: JsonSchema = { type: "string", examples: ["2026-04-20"] };
const filter: JsonSchema = { type: "array", minItems: 1, items: { type: "string", minLength: 1 } };
const devices: JsonSchema = { ...filter, items: { enum: DEVICE_CLASSES } };

/** How each parameter is written; the words are those that the validators know. */
export const REPORT_REFINEMENTS: Refinements = {
  from: moment,
  to: moment,
  granularity: { type: "string", enum: GRANULARITY_NAMES },
  timezone: { type: "string", examples: ["Europe/Berlin"] },
  metrics: listOf(METRICS),
  totals: { type: "boolean" },
  names: { type: "boolean" },
  limit: { type: "integer", minimum: 1, maximum: ROWS_MAX, default: ROWS_DEFAULT },
  group_by: listOf([...DIMENSION_NAMES, ...GRANULARITY_NAMES]),
  breakdown: listOf(DIMENSION_NAMES),
  order: {
    type: "array",
    minItems: 1,
    items: { type: "string", minLength: 1 },
    description: "Fields of the answer; with the prefix `-`, descending.",
  },
  ...Object.fromEntries(Object.keys(FILTER_SHAPE).map((name) => [name, filter])),
  device: devices,
  "device!": devices,
};

/** The body of a query as JSON. */
export function reportQuerySchema(): JsonSchema {
  return toInputSchema(tableParameters, REPORT_REFINEMENTS);
}

const NOT_OF_TABLE: readonly Reason[] = ["too_many_points"];
const NOT_OF_SERIES: readonly Reason[] = [
  ...(["unknown_order_field", "repeated_order_field", "too_many_rows", "conflicting_granularity"] as const),
  ...(["tampered_cursor", "stale_cursor", "cursor_of_another_query"] as const),
];

function reportProblems(without: readonly Reason[]) {
  const own = [...reasonsOf(OF_PARAMETERS), ...reasonsOf(OF_REPORTS)];
  const faults = problems("method_not_allowed", "internal_error", "store_unavailable");
  return [...KEYED, ...READING, ...problems(...own.filter((reason) => !without.includes(reason))), ...faults];
}

/** Of every report; those with `X-` of CSV, which has no `meta`. */
const ALWAYS = { "Cache-Control": "A minute for what is complete and was asked by GET; else `no-store`." } as const;
const REPORT_HEADERS = {
  ETag: "Of what is complete and was asked by GET: of all that it says.",
  Link: 'The next page, `<…>; rel="next"`, of an answer by GET.',
  "Content-Disposition": "CSV: the name of the file, with period, zone and whether it is cut.",
  "X-Report-Watermark": "CSV: `meta.watermark`.",
  "X-Report-Complete": "CSV: `meta.complete`.",
  "X-Report-State": "CSV: `meta.state`.",
  "X-Report-Timezone": "CSV: `meta.timezone`.",
  "X-Report-Currency": "CSV: `meta.currencies`, where money is asked.",
  "X-Report-Truncated": "CSV: `meta.truncated`.",
  "X-Report-Warnings": "CSV: `meta.warnings` as JSON, where there are any.",
  "X-Report-Next-Cursor": "CSV: `meta.nextCursor`, where there is one.",
  "X-Report-Totals": "CSV: `meta.totals` as JSON, where they are asked.",
} as const;
const TEXTS = { texts: ["text/csv", "application/x-ndjson"], headers: ALWAYS, maybeHeaders: REPORT_HEADERS } as const;
const CLOSED = { 304: { means: "Not changed since the ETag that was sent." } } as const satisfies Record<
  number,
  Answer
>;
const shared = { tag: "Reports", scopes: ["report", "admin"] } as const;
const audited = { tag: "Reports", scopes: ["report", "audit", "admin"] } as const;
const DAY = { from: "2026-04-20", to: "2026-04-20" };

const LIVE_QUERY = z.object({
  minutes: z.coerce.number().int().min(1).max(60).optional().describe("5 unless given."),
});

export const REPORT_OPERATIONS: readonly Operation[] = [
  {
    ...{ ...audited, id: "getClickReport", method: "get", path: "/v1/reports/clicks" },
    summary: "Read a table of counts",
    description: MOMENT,
    query: tableParameters,
    refine: REPORT_REFINEMENTS,
    answers: { 200: json("The rows.", "ReportTable", TEXTS), ...CLOSED },
    problems: reportProblems(NOT_OF_TABLE),
    examples: [
      {
        name: "byAd",
        query: { ...DAY, group_by: "ad_id", metrics: "impressions,clicks,ctr,spend_micros" },
        status: 200,
      },
      {
        name: "byHourAndDevice",
        query: { ...DAY, group_by: "hour,device", order: "-clicks", totals: "true", timezone: "Europe/Berlin" },
        status: 200,
      },
      {
        name: "asCsv",
        query: { ...DAY, group_by: "ad_id", metrics: "clicks,spend_micros", format: "csv" },
        status: 200,
      },
    ],
  },
  {
    ...{ ...shared, id: "queryReport", method: "post", path: "/v1/reports/query" },
    summary: "Read a table of counts, its parameters as JSON",
    description: `For lists that are too long for a URL. ${MOMENT}`,
    body: { schema: "ReportQuery" },
    answers: { 200: json("The rows.", "ReportTable", TEXTS) },
    problems: [...reportProblems(NOT_OF_TABLE), ...BODIES],
    examples: [
      {
        name: "byPublisher",
        body: { ...DAY, group_by: ["publisher_id"], metrics: ["clicks"], limit: 10 },
        status: 200,
      },
    ],
  },
  {
    ...{ ...audited, id: "getClickSeries", method: "get", path: "/v1/metrics/clicks" },
    summary: "Read zero-filled series of counts",
    description: MOMENT,
    query: seriesParameters,
    refine: REPORT_REFINEMENTS,
    answers: { 200: json("The series.", "ReportSeriesAnswer", TEXTS), ...CLOSED },
    problems: reportProblems(NOT_OF_SERIES),
    examples: [
      {
        name: "byDay",
        query: { from: "2026-04-19", to: "2026-04-20", breakdown: "device", metrics: "clicks,spend_micros" },
        status: 200,
      },
    ],
  },
  {
    ...{ ...audited, id: "listChanges", method: "get", path: "/v1/changes" },
    summary: "List which days of which ads have changed",
    description:
      "For whoever keeps a copy of reports. Without `after` it names nothing and gives a cursor: read every day " +
      "behind it. Afterwards read the named days alone. A publisher's key reads reports instead.",
    query: changesParameters,
    refine: {
      limit: { type: "integer", minimum: 1, maximum: CHANGES_MAX, default: CHANGES_DEFAULT },
      timezone: { type: "string", examples: ["Europe/Berlin"] },
    },
    answers: { 200: json("What to read again.", "ChangePage", { headers: ALWAYS }) },
    problems: [
      ...KEYED,
      ...READING,
      ...problems("unknown_parameter", "empty_value", "invalid_value", "too_many_values"),
      ...problems("unknown_time_zone", "tampered_cursor", "stale_cursor", "method_not_allowed", "internal_error"),
    ],
    examples: [{ name: "begin", status: 200 }],
  },
  {
    ...{ ...shared, id: "followLive", method: "get", path: "/v1/live" },
    summary: "Follow the totals of the last minutes as server-sent events",
    description:
      "Each event `totals` states all the minutes anew. A stream ends after ten minutes; ask again. A browser's " +
      "EventSource, which sends no header, brings a ticket instead of a key.",
    query: LIVE_QUERY,
    answers: { 200: { means: "A stream of events.", type: "text/event-stream" } },
    problems: [
      ...KEYED,
      ...STREAMING,
      ...problems("unknown_parameter", "invalid_value", "method_not_allowed", "internal_error"),
    ],
    examples: [{ name: "lastMinutes", query: { minutes: "2" }, status: 200 }],
  },
  {
    ...{ ...shared, id: "makeLiveTicket", method: "post", path: "/v1/live/tickets" },
    summary: "Make a ticket for a live stream, for a page that can send no header",
    description: "It opens for a minute, and while the key is in force. A key that belongs to no tenant gets none.",
    answers: { 201: json("The ticket.", "LiveTicket") },
    problems: [...KEYED, ...problems("method_not_allowed", "internal_error", "database_unavailable")],
    examples: [{ name: "ofOperator", status: 403 }],
  },
  {
    ...{ tag: "Reports", scopes: null, id: "followLiveByTicket", method: "get", path: "/v1/live/tickets/{ticket}" },
    summary: "Follow the totals of the last minutes with a ticket instead of a key",
    query: LIVE_QUERY,
    answers: { 200: { means: "A stream of events.", type: "text/event-stream" } },
    problems: [
      ...KEYED,
      ...STREAMING,
      ...problems("unknown_parameter", "invalid_value", "method_not_allowed", "internal_error", "database_unavailable"),
    ],
    examples: [{ name: "forged", path: { ticket: "none.of.ours" }, status: 401 }],
  },
];
