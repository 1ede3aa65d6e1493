/**
 * Query string → typed parameters: one zod schema per route, which names, describes and converts every parameter.
 *
 *   single   from, to, granularity, timezone, limit, format       given once
 *   list     group_by, breakdown, metrics, order, each dimension   comma separated, repeatable; `-x` excludes x
 *   alias    groupBy → group_by, device_type → device
 *
 * Keeps: strict: an unknown parameter is refused with the nearest name, so a misspelled filter never widens an answer.
 * Each refusal is a named problem: a conversion puts its reason into the issue (`params.reason`).
 */
import { z } from "zod";
import { DEVICE_CLASSES } from "../core/device.ts";
import { err, ok, type Result } from "../core/result.ts";
import {
  DIMENSION_NAMES,
  DIMENSIONS,
  METRICS,
  type Metric,
  type NamedDimension,
  toDimension,
  toMetric,
} from "./fields.ts";
import { parseInstant } from "./instants.ts";
import { FILTER_VALUES_MAX, ROWS_DEFAULT, ROWS_MAX } from "./limits.ts";
import { suggestName } from "./nearest-name.ts";
import { isReportProblemReason, type ReportProblem } from "./problems.ts";
import { GRANULARITY_NAMES, type Granularity, toGranularity } from "./windows.ts";

/** A word of `group_by`: time or a dimension. */
export type GroupWord =
  | { readonly kind: "time"; readonly granularity: Granularity }
  | { readonly kind: "dimension"; readonly named: NamedDimension };

export type FilterWord = { readonly value: string; readonly isExcluded: boolean };
export type OrderWord = { readonly field: string; readonly isDescending: boolean };

type Refusal = Pick<ReportProblem, "reason"> & { readonly detail: string };

const PARAMETER_ALIASES = new Map([
  ["groupBy", "group_by"],
  ["device_type", "device"],
]);
const LIST_PARAMETERS: ReadonlySet<string> = new Set(["group_by", "breakdown", "metrics", "order", ...DIMENSIONS]);

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

function instant(edge: "from" | "to") {
  return single((text) => {
    const parsed = parseInstant(text, edge);
    return parsed.ok ? parsed : err<Refusal>({ reason: "invalid_instant", detail: parsed.error });
  });
}

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

const timezone = single(
  (text): Result<"UTC", Refusal> =>
    text === "UTC"
      ? ok(text)
      : err({
          reason: "unsupported_time_zone",
          detail: "Every window is cut in UTC; leave timezone away or give UTC.",
        }),
);

const limit = single((text): Result<number, Refusal> => {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= ROWS_MAX) return ok(value);
  return err({ reason: "invalid_value", detail: `limit must be an integer from 1 to ${ROWS_MAX}.` });
});

/** A list of values to include and, with the prefix `-`, to exclude. */
function filter(convert: (value: string) => Result<string, Refusal> = ok) {
  return list((word): Result<FilterWord, Refusal> => {
    const isExcluded = word.startsWith("-");
    const value = convert(isExcluded ? word.slice(1) : word);
    return value.ok ? ok({ value: value.value, isExcluded }) : value;
  }).optional();
}

const deviceFilter = filter((value): Result<string, Refusal> => {
  const device = DEVICE_CLASSES.find((known) => known === value.toLowerCase());
  return device === undefined
    ? err({ reason: "invalid_value", detail: suggestName(value, DEVICE_CLASSES) })
    : ok(device);
});

const sharedParameters = {
  from: instant("from").describe("First instant; a date is the start of that day."),
  to: instant("to").describe("End of the range, excluded; a date includes that day."),
  granularity: granularity.optional().describe("minute, hour, day, week, month or all"),
  timezone: timezone.optional(),
  metrics: metricWords.optional().describe("What is counted; clicks unless given."),
  format: z.enum(["json", "csv"]).optional(),
  advertiser_id: filter(),
  campaign_id: filter(),
  ad_group_id: filter(),
  ad_id: filter(),
  creative_id: filter(),
  publisher_id: filter(),
  country: filter((value) => ok(value.toUpperCase())),
  device: deviceFilter,
};

export const tableParameters = z.strictObject({
  ...sharedParameters,
  group_by: groupWords.optional().describe("Dimensions, and at most one granularity."),
  order: list((word): Result<OrderWord, Refusal> => {
    const isDescending = word.startsWith("-");
    return ok({ field: isDescending ? word.slice(1) : word, isDescending });
  }).optional(),
  limit: limit.optional().describe(`Rows at most; ${ROWS_DEFAULT} unless given.`),
});

export const seriesParameters = z.strictObject({
  ...sharedParameters,
  breakdown: breakdownWords.optional().describe("Dimensions; one series for each combination."),
});

export type TableParameters = z.output<typeof tableParameters>;
export type SeriesParameters = z.output<typeof seriesParameters>;

/** The parameters of a query string by the schema of its route, or the first problem with them. */
export function parseParameters<T>(
  search: URLSearchParams,
  schema: z.ZodType<T> & { readonly shape: Readonly<Record<string, unknown>> },
): Result<T, ReportProblem> {
  const collected = collect(search);
  if (!collected.ok) return collected;
  const { values, spelling } = collected.value;
  const parsed = schema.safeParse(Object.fromEntries(values));
  if (parsed.success) return ok(parsed.data);
  return err(toProblem(parsed.error.issues, { spelling, given: values, names: Object.keys(schema.shape) }));
}

type Collected = {
  readonly values: ReadonlyMap<string, string | string[]>;
  /** Parameter → how the caller wrote it. */
  readonly spelling: ReadonlyMap<string, string>;
};

/** Gathers repeated lists, resolves aliases and refuses a repeated single parameter. */
function collect(search: URLSearchParams): Result<Collected, ReportProblem> {
  const values = new Map<string, string | string[]>();
  const spelling = new Map<string, string>();
  let filterValues = 0;
  for (const [written, text] of search) {
    const name = PARAMETER_ALIASES.get(written) ?? written;
    const isFirst = !spelling.has(name);
    if (isFirst) spelling.set(name, written);
    if (!LIST_PARAMETERS.has(name)) {
      if (!isFirst) return err({ reason: "repeated_parameter", parameter: written });
      values.set(name, text);
      continue;
    }
    const words = text.split(",").map((word) => word.trim());
    if (words.some((word) => word === "" || word === "-")) return err({ reason: "empty_value", parameter: written });
    filterValues += words.length;
    const earlier = values.get(name);
    values.set(name, Array.isArray(earlier) ? earlier.concat(words) : words);
  }
  if (filterValues > FILTER_VALUES_MAX) {
    return err({ reason: "too_many_values", detail: `All lists together may hold ${FILTER_VALUES_MAX} values.` });
  }
  return ok({ values, spelling });
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
    const aliases = [...PARAMETER_ALIASES].filter(([, name]) => names.includes(name)).map(([alias]) => alias);
    const detail = suggestName(unknown, [...names, ...aliases]);
    return { reason: "unknown_parameter", detail, parameter: unknown.slice(0, 64) };
  }
  const issue = issues[0];
  const name = String(issue?.path[0] ?? "");
  const parameter = spelling.get(name) ?? name;
  if (!given.has(name)) return { reason: "missing_parameter", parameter };
  const reason: unknown = issue?.code === "custom" ? issue.params?.["reason"] : undefined;
  return {
    reason: isReportProblemReason(reason) ? reason : "invalid_value",
    detail: issue?.message ?? "",
    parameter,
  };
}
