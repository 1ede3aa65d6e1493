/**
 * Query string or JSON → typed parameters: one zod schema per route, which names, describes and converts every one.
 *
 *   single   from, to, granularity, timezone, limit, format, …     given once
 *   list     group_by, breakdown, metrics, order, each filter      in a query string comma separated and repeatable, in
 *                                                                  JSON a list (or one text)
 *   alias    groupBy, adId, … → group_by, ad_id: as answers spell them; device_type → device
 *
 * Keeps: strict: an unknown parameter is refused with the nearest name, so a misspelled filter never widens an answer.
 * Each refusal is a named problem: a conversion puts its reason into the issue (`params.reason`).
 */
import * as z from "zod";
import { err, ok, type Result } from "../../core/result.ts";
import { isReason } from "../../problems/catalog.ts";
import { CHANGES_DEFAULT, CHANGES_MAX, FILTER_VALUES_MAX, ROWS_DEFAULT, ROWS_MAX } from "../limits.ts";
import type { ReportProblem } from "../problems.ts";
import { DIMENSION_ALIASES, DIMENSION_NAMES, type NamedDimension, toDimension, toSnakeCase, UNSET } from "./fields.ts";
import { FILTER_SHAPE } from "./filters.ts";
import { type Moment, parseMoment } from "./instants.ts";
import { METRICS, type Metric, toMetric } from "./metrics.ts";
import { suggestName } from "./nearest-name.ts";
import { GRANULARITY_NAMES, type Granularity, toGranularity } from "./windows.ts";
import { suggestZone, toZone, type Zone } from "./zone.ts";

/** A word of `group_by`: time or a dimension. */
export type GroupWord =
  | { readonly kind: "time"; readonly granularity: Granularity }
  | { readonly kind: "dimension"; readonly named: NamedDimension };

export type OrderWord = { readonly field: string; readonly isDescending: boolean };

type Refusal = Pick<ReportProblem, "reason"> & { readonly detail: string };

export const FORMATS = ["json", "csv", "ndjson"] as const;
export type Format = (typeof FORMATS)[number];

/** Besides the names of answers, `adId` for `ad_id`. */
const PARAMETER_ALIASES = new Map<string, string>(Object.entries(DIMENSION_ALIASES));
/** Names to guess from. */
const SUGGESTED_ALIASES: readonly string[] = ["groupBy", ...PARAMETER_ALIASES.keys()];
const LIST_PARAMETERS: ReadonlySet<string> = new Set([
  ...["group_by", "breakdown", "metrics", "order"],
  ...Object.keys(FILTER_SHAPE),
]);

/** The name of the parameter that is written so. */
function parameterOf(written: string): string {
  const isExcluding = written.endsWith("!");
  const name = toSnakeCase(isExcluding ? written.slice(0, -1) : written);
  return (PARAMETER_ALIASES.get(name) ?? name).concat(isExcluding ? "!" : "");
}

/** Hands the outcome of a conversion to zod. */
function settle<T>(result: Result<T, Refusal>, context: z.RefinementCtx): T {
  if (result.ok) return result.value;
  const { detail, reason } = result.error;
  context.addIssue({ code: "custom", message: detail, params: { reason } });
  return z.NEVER;
}

function single<T>(convert: (text: string) => Result<T, Refusal>) {
  return z.string().transform((text, context): T => settle(convert(text), context));
}

function list<T>(convert: (word: string) => Result<T, Refusal>) {
  return z.array(z.string()).transform((words, context): T[] => words.map((word) => settle(convert(word), context)));
}

const moment = single((text): Result<Moment, Refusal> => {
  const parsed = parseMoment(text);
  return parsed.ok ? parsed : err({ reason: "invalid_instant", detail: parsed.error });
});

const granularity = single((text): Result<Granularity, Refusal> => {
  const known = toGranularity(text);
  return known === null
    ? err({ reason: "unknown_granularity", detail: suggestName(text, GRANULARITY_NAMES) })
    : ok(known);
});

const groupWords = list((word): Result<GroupWord, Refusal> => {
  const time = toGranularity(word);
  if (time !== null) return ok({ kind: "time", granularity: time });
  const named = toDimension(word);
  if (named !== null) return ok({ kind: "dimension", named });
  return err({ reason: "unknown_dimension", detail: suggestName(word, [...DIMENSION_NAMES, ...GRANULARITY_NAMES]) });
});

const breakdownWords = list((word): Result<NamedDimension, Refusal> => {
  const named = toDimension(word);
  return named === null ? err({ reason: "unknown_dimension", detail: suggestName(word, DIMENSION_NAMES) }) : ok(named);
});

const metricWords = list((word): Result<Metric, Refusal> => {
  const metric = toMetric(word);
  return metric === null ? err({ reason: "unknown_metric", detail: suggestName(word, METRICS) }) : ok(metric);
});

const timezone = single((text): Result<Zone, Refusal> => {
  const zone = toZone(text);
  return zone === null ? err({ reason: "unknown_time_zone", detail: suggestZone(text) }) : ok(zone);
});

const flag = single((text): Result<boolean, Refusal> => {
  if (text === "true" || text === "false") return ok(text === "true");
  return err({ reason: "invalid_value", detail: "The value must be true or false." });
});

/** Longer than any cursor that was ever given out. */
const CURSOR_LENGTH_MAX = 4_096;

const limitUpTo = (max: number) =>
  single((text): Result<number, Refusal> => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
    if (value >= 1 && value <= max) return ok(value);
    return err({ reason: "invalid_value", detail: `limit must be an integer from 1 to ${max}.` });
  });

const sharedParameters = {
  from: moment.describe("First instant; a date is the start of that day."),
  to: moment.describe("End of the range, excluded; a date includes that day."),
  granularity: granularity.optional().describe("minute, hour, day, week, month or all"),
  timezone: timezone.optional().describe("IANA name; days, weeks and months are cut there. UTC unless given."),
  metrics: metricWords.optional().describe("What is counted; clicks unless given."),
  format: z.enum(FORMATS).optional(),
  totals: flag.optional().describe("Whether meta.totals holds one row over the whole query."),
  names: flag.optional().describe("Whether ids have their names beside them."),
  compare: z
    .enum(["previous_period", "previous_year"])
    .optional()
    .describe("Adds to each row what its window had in the range before, or on the same dates a year before."),
  ...FILTER_SHAPE,
};

export const tableParameters = z.strictObject({
  ...sharedParameters,
  group_by: groupWords.optional().describe("Dimensions, and at most one granularity."),
  order: list((word): Result<OrderWord, Refusal> => {
    const isDescending = word.startsWith("-");
    return ok({ field: isDescending ? word.slice(1) : word, isDescending });
  }).optional(),
  limit: limitUpTo(ROWS_MAX).optional().describe(`Rows at most; ${ROWS_DEFAULT} unless given.`),
  cursor: z.string().min(1).max(CURSOR_LENGTH_MAX).optional().describe("meta.nextCursor of the page before this one."),
});

export const seriesParameters = z.strictObject({
  ...sharedParameters,
  breakdown: breakdownWords.optional().describe("Dimensions; one series for each combination."),
});

export const changesParameters = z.strictObject({
  after: z.string().min(1).max(CURSOR_LENGTH_MAX).optional().describe("`cursor` of the answer before; none to begin."),
  limit: limitUpTo(CHANGES_MAX).optional().describe(`Ads and days at most; ${CHANGES_DEFAULT} unless given.`),
  timezone: timezone.optional().describe("IANA name: the zone whose days are named; as of reports unless given."),
  advertiser_id: z
    .array(z.string().min(1))
    .max(1, "One advertiser at a time; leave advertiser_id out for all.")
    .optional()
    .describe("Of the operator's keys: this advertiser alone."),
});

export type TableParameters = z.output<typeof tableParameters>;
export type SeriesParameters = z.output<typeof seriesParameters>;

type Schema<T> = z.ZodType<T> & { readonly shape: Readonly<Record<string, unknown>> };

/** The parameters of a query string by the schema of its route, or the first problem with them. */
export function parseSearch<T>(search: URLSearchParams, schema: Schema<T>): Result<T, ReportProblem> {
  const collector = new Collector();
  for (const [name, text] of search) {
    const refused = collector.add(name, text.split(","));
    if (refused !== null) return err(refused);
  }
  return parseCollected(collector, schema);
}

/** The same parameters as the members of a JSON object. */
export function parseBody<T>(body: unknown, schema: Schema<T>): Result<T, ReportProblem> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return err({ reason: "body_not_json" });
  const collector = new Collector();
  for (const [name, value] of Object.entries(body)) {
    const words = textsOf(value);
    if (words === null) {
      const detail = "A member must be a text, a number, true, false or an array of texts.";
      return err({ reason: "invalid_value", detail, field: name.slice(0, 64) });
    }
    const refused = collector.add(name, words);
    if (refused !== null) return err(refused);
  }
  return parseCollected(collector, schema);
}

function textsOf(value: unknown): string[] | null {
  const texts = (Array.isArray(value) ? value : [value]).map((one: unknown) => {
    const isPlain = typeof one === "string" || typeof one === "number" || typeof one === "boolean";
    return isPlain ? String(one) : null;
  });
  return texts.every((text) => text !== null) ? texts : null;
}

function parseCollected<T>({ values, spelling, words }: Collector, schema: Schema<T>): Result<T, ReportProblem> {
  if (words > FILTER_VALUES_MAX) {
    return err({ reason: "too_many_values", detail: `All lists together may hold ${FILTER_VALUES_MAX} values.` });
  }
  const parsed = schema.safeParse(Object.fromEntries(values));
  if (parsed.success) return ok(parsed.data);
  return err(toProblem(parsed.error.issues, { spelling, given: values, names: Object.keys(schema.shape) }));
}

/** Gathers repeated lists, resolves aliases and refuses a repeated single parameter. */
class Collector {
  readonly values = new Map<string, string | string[]>();
  /** Parameter → how the caller wrote it. */
  readonly spelling = new Map<string, string>();
  words = 0;

  add(written: string, given: readonly string[]): ReportProblem | null {
    const name = parameterOf(written);
    const isFirst = !this.spelling.has(name);
    if (isFirst) this.spelling.set(name, written);
    if (!LIST_PARAMETERS.has(name)) {
      if (!isFirst) return { reason: "repeated_parameter", field: written.slice(0, 64) };
      this.values.set(name, given.join(","));
      return null;
    }
    const words = given.map((word) => word.trim());
    if (words.length === 0 || words.includes("")) {
      const detail = `A value is missing. ${UNSET} stands for rows that have none, where some may.`;
      return { reason: "empty_value", ...(Object.hasOwn(FILTER_SHAPE, name) ? { detail } : {}), field: written };
    }
    this.words += words.length;
    const earlier = this.values.get(name);
    if (Array.isArray(earlier)) for (const word of words) earlier.push(word);
    else this.values.set(name, words);
    return null;
  }
}

type IssueContext = {
  readonly spelling: ReadonlyMap<string, string>;
  readonly given: ReadonlyMap<string, unknown>;
  readonly names: readonly string[];
};

/** The problem to report: an unknown name first, since it explains a missing one. */
function toProblem(issues: readonly z.core.$ZodIssue[], { spelling, given, names }: IssueContext): ReportProblem {
  for (const issue of issues) {
    const unknown = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
    if (unknown === undefined) continue;
    const written = spelling.get(unknown) ?? unknown;
    const aliases = SUGGESTED_ALIASES.filter((alias) => names.includes(parameterOf(alias)));
    const detail = suggestName(written, [...names.filter((name) => !name.endsWith("!")), ...aliases]);
    return { reason: "unknown_parameter", detail, field: written.slice(0, 64) };
  }
  const issue = issues[0];
  const name = String(issue?.path[0] ?? "");
  const field = spelling.get(name) ?? name;
  if (!given.has(name)) return { reason: "missing_parameter", field };
  const reason: unknown = issue?.code === "custom" ? issue.params?.["reason"] : undefined;
  return {
    reason: isReason(reason) ? reason : "invalid_value",
    detail: issue?.message ?? "",
    field,
  };
}
