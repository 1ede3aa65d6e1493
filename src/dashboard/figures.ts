/**
 * Numbers, money and dates as the reader writes them, by `Intl`.
 *
 *   metric           unit      9007199254740993n micros, EUR, de   → "9.007.199.254,74 €"
 *   clicks           count     ctr                                 → "1,39 %"
 *
 * Keeps: nothing here adds, divides or converts: money is shown as the API gives it, digit by digit, through the
 * decimal text that `Intl` takes. What is not known is a dash.
 */
import { minorDigitsOf } from "../core/billing.ts";
import type { Exact } from "../core/exact.ts";
import { MEASURE_FIELDS, NAMED_MEASURES } from "../core/fields.ts";
import { type MetricDefinition, metricDefinitions } from "../well-known/definitions.ts";

export type MetricName = MetricDefinition["name"];
/** A value of an answer. */
export type Value = Exact | null;

export const NOTHING = "–";
const MICROS_DIGITS = 6;

const SUM_LABELS = Object.fromEntries(
  NAMED_MEASURES.map((measure) => [MEASURE_FIELDS[measure].metric, MEASURE_FIELDS[measure].label]),
);
const OTHER_LABELS: Readonly<Record<string, string>> = {
  ctr: "CTR",
  cvr: "CVR",
  avg_cpc_micros: "Average CPC",
  cpa_micros: "CPA",
  roas: "ROAS",
  unique_users: "Unique users",
  reasons: "Reasons",
};

const definitions = new Map<string, MetricDefinition>();

export function definitionOf(metric: MetricName): MetricDefinition {
  if (definitions.size === 0) for (const each of metricDefinitions()) definitions.set(each.name, each);
  const found = definitions.get(metric);
  if (found === undefined) throw new Error(`no metric ${metric}`);
  return found;
}

/** What a metric is called in the methodology. */
export function labelOf(metric: MetricName): string {
  return SUM_LABELS[metric] ?? OTHER_LABELS[metric] ?? metric;
}

export function isMoney(metric: MetricName): boolean {
  return definitionOf(metric).unit === "micros";
}

/** Whether values of a metric can be added up, so that columns from zero show it. */
export function isSum(metric: MetricName): boolean {
  return definitionOf(metric).kind === "sum";
}

/** How a metric's values are written as `Intl` takes it, and in how many parts of one they are given. */
export function decimalsOf(
  metric: MetricName,
  currency: string | null,
): { parts: number; options: Intl.NumberFormatOptions } {
  const { unit } = definitionOf(metric);
  if (unit === "micros") {
    return { parts: 10 ** MICROS_DIGITS, options: moneyOptions(currency ?? "") };
  }
  const isShare = unit === "ratio" && metric !== "roas";
  return { parts: 1, options: isShare ? { style: "percent", maximumFractionDigits: 2 } : { maximumFractionDigits: 2 } };
}

/**
 * With the digits that statements are due in. `Intl` would leave some out: it writes forints, rupiahs or Pakistani
 * rupees without what stands behind the point.
 */
function moneyOptions(currency: string): Intl.NumberFormatOptions {
  if (currency === "") return { maximumFractionDigits: 2 };
  const digits = minorDigitsOf(currency);
  return { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits };
}

/** Micros as a decimal text, which has all their digits. */
export function decimalOf(micros: Exact): string {
  const text = String(micros);
  const sign = text.startsWith("-") ? "-" : "";
  const digits = text.slice(sign.length).padStart(MICROS_DIGITS + 1, "0");
  return `${sign}${digits.slice(0, -MICROS_DIGITS)}.${digits.slice(-MICROS_DIGITS)}`;
}

/** A locale that `Intl` knows, from what a browser says it reads. */
export function localeOf(acceptLanguage: string | null): string {
  for (const part of (acceptLanguage ?? "").split(",").slice(0, 8)) {
    const tag = part.split(";")[0]?.trim() ?? "";
    try {
      if (tag !== "" && tag !== "*" && Intl.NumberFormat.supportedLocalesOf(tag).length > 0) return tag;
    } catch {
      // Not a language tag: RangeError. The next one may be.
    }
  }
  return "en-GB";
}

/** How one reader writes. */
export class Writer {
  readonly locale: string;
  readonly zone: string;
  readonly #made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

  constructor(locale: string, zone: string) {
    this.locale = locale;
    this.zone = zone;
  }

  count(value: Value): string {
    return value === null ? NOTHING : this.#number("count", {}).format(value);
  }

  /** 1 284 512 as 1.3M, for axes. */
  short(value: number): string {
    return this.#number("short", { notation: "compact", maximumFractionDigits: 1 }).format(value);
  }

  /** A share of one. */
  percent(value: number | null): string {
    if (value === null) return NOTHING;
    const digits = Math.abs(value) < 0.1 ? 2 : 1;
    return this.#number(`percent ${digits}`, { style: "percent", maximumFractionDigits: digits }).format(value);
  }

  /** A part of a whole, with one digit whatever its size, since parts stand below each other. */
  share(value: number): string {
    const options = { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 } as const;
    return this.#number("share", options).format(value);
  }

  money(micros: Value, currency: string): string {
    if (micros === null) return NOTHING;
    const options = { ...moneyOptions(currency), currencyDisplay: "narrowSymbol" } as const;
    return this.#number(`money ${currency}`, options).format(decimalOf(micros) as Intl.StringNumericLiteral);
  }

  /** A value of a metric. */
  value(metric: MetricName, value: Value, currency: string | null): string {
    if (value === null) return NOTHING;
    const { unit } = definitionOf(metric);
    if (unit === "micros") return this.money(value, currency ?? "");
    if (metric === "roas") return this.#number("roas", { maximumFractionDigits: 2 }).format(value);
    return unit === "ratio" ? this.percent(Number(value)) : this.count(value);
  }

  /** How much more or less: +12 %. Null where there is nothing to compare with. */
  change(now: Value, before: Value): string | null {
    if (now === null || before === null || Number(before) === 0) return null;
    const share = Number(now) / Number(before) - 1;
    const digits = Math.abs(share) < 0.1 ? 1 : 0;
    const options = { style: "percent", signDisplay: "exceptZero", maximumFractionDigits: digits } as const;
    return this.#number(`change ${digits}`, options).format(share);
  }

  /** A day that is only a date: 2026-11-28. */
  day(day: string, options: Intl.DateTimeFormatOptions = { day: "numeric", month: "short", year: "numeric" }): string {
    return this.#date({ ...options, timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));
  }

  days({ from, to }: { from: string; to: string }): string {
    if (from === to) return this.day(from, { weekday: "short", day: "numeric", month: "short", year: "numeric" });
    const format = this.#date({ day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
    return format.formatRange(new Date(`${from}T00:00:00Z`), new Date(`${to}T00:00:00Z`));
  }

  hour({ fromMs, toMs }: { fromMs: number; toMs: number }): string {
    const options = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" } as const;
    return this.#date({ ...options, timeZone: this.zone }).formatRange(fromMs, toMs);
  }

  /** An instant in the zone of the view. */
  instant(ms: number, options: Intl.DateTimeFormatOptions): string {
    return this.#date({ ...options, timeZone: this.zone }).format(ms);
  }

  moment(ms: number): string {
    return this.instant(ms, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  }

  #number(name: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
    const made = (this.#made.get(name) as Intl.NumberFormat | undefined) ?? new Intl.NumberFormat(this.locale, options);
    this.#made.set(name, made);
    return made;
  }

  #date(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    const name = JSON.stringify(options);
    const made =
      (this.#made.get(name) as Intl.DateTimeFormat | undefined) ?? new Intl.DateTimeFormat(this.locale, options);
    this.#made.set(name, made);
    return made;
  }
}
