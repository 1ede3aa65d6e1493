/**
 * The report as its readers see it: by the API, with API keys. The operator's key reads everything; an advertiser's own
 * key reads its row, and must find no other.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  ALL,
  type Book,
  camelCase,
  isoMinute,
  LEVELS,
  type Level,
  METRICS,
  type Metric,
  type Row,
  type Sheet,
} from "./figures.ts";
import { PROBE_AD } from "./plan.ts";

export type ReportSource = { readonly url: string; readonly apiKey: string };

const MINUTE_MS = 60_000;
const POLL_MS = 250;
const ROWS_MAX = 2_000;
/** Longer than any station holds what it was given before it posts. */
const STILL_MS = 7_000;

type ApiRow = Readonly<Record<string, string | number | null | Readonly<Record<string, number>>>>;
type Table = {
  readonly rows: readonly ApiRow[];
  readonly meta: {
    readonly watermark: string | null;
    readonly truncated: boolean;
    readonly uniqueUsers?: { readonly exact: boolean };
  };
};

async function readTable({ url, apiKey }: ReportSource, query: Record<string, string>): Promise<Table> {
  const response = await fetch(`${url}/v1/reports/clicks?${new URLSearchParams(query)}`, {
    headers: { Authorization: `Bearer ${apiKey}` },
  });
  if (!response.ok) throw new Error(`the report answers ${response.status}: ${await response.text()}`);
  return (await response.json()) as Table;
}

export type CompleteOptions = {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly timeoutMs: number;
  /** Longer than any station holds what it was given before it posts. */
  readonly stillMs?: number;
};

/**
 * Waits until the report says that everything received up to `untilMs` is in it, and then until its totals stand still.
 * False when that takes longer than `timeoutMs`.
 */
export async function waitUntilComplete(
  source: ReportSource,
  { fromMs, untilMs, timeoutMs, stillMs = STILL_MS }: CompleteOptions,
): Promise<boolean> {
  const endsAtMs = Date.now() + timeoutMs;
  let totals = "";
  let sinceMs = Date.now();
  while (Date.now() < endsAtMs) {
    const { rows, meta } = await readTable(source, { ...rangeOf(fromMs, untilMs), metrics: METRICS.join(",") });
    const isPast = meta.watermark !== null && Date.parse(meta.watermark) > untilMs;
    if (JSON.stringify(rows) !== totals) sinceMs = Date.now();
    if (isPast && Date.now() - sinceMs >= stillMs) return true;
    totals = JSON.stringify(rows);
    await sleep(POLL_MS);
  }
  return false;
}

/** The report for the minutes from `fromMs` to `toMs`, both included: each level asked for by itself. */
export async function readBook(
  source: ReportSource,
  advertiserKeys: readonly string[],
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<Book> {
  const sheetOf = async (level: Level): Promise<Sheet> => {
    const sources = level === "advertiser_id" ? advertiserKeys.map((apiKey) => ({ ...source, apiKey })) : [source];
    const sheets = await Promise.all(sources.map((one) => readSheet(one, level, rangeOf(fromMs, toMs))));
    return new Map(sheets.flatMap((sheet) => Array.from(sheet)));
  };
  const sheets = await Promise.all(LEVELS.map(async (level) => [level, await sheetOf(level)] as const));
  return Object.fromEntries(sheets) as Book;
}

async function readSheet(source: ReportSource, level: Level, range: Record<string, string>): Promise<Sheet> {
  const grouping: Record<string, string> = level === "all" ? {} : { group_by: level };
  const query = { ...range, ...grouping, metrics: [...METRICS, "reasons"].join(","), limit: String(ROWS_MAX) };
  const { rows, meta } = await readTable(source, query);
  if (meta.truncated) throw new Error("the report has more rows than one answer holds");
  if (meta.uniqueUsers?.exact !== true) throw new Error("the report does not count its users exactly");
  return new Map(rows.map((row) => [level === "all" ? ALL : String(row[camelCase(level)]), toRow(row)]));
}

function toRow(row: ApiRow): Row {
  const readValue = (metric: Metric) => (row[camelCase(metric)] ?? null) as number | null;
  const values = Object.fromEntries(METRICS.map((metric) => [metric, readValue(metric)]));
  return {
    values: values as Row["values"],
    reasons: new Map(Object.entries((row["reasons"] ?? {}) as Readonly<Record<string, number>>)),
  };
}

/** Watches the probe ads: when each click was first seen in the report. Ends when `stop` is called. */
export function watchProbes(source: ReportSource, probes: number, startMs: number) {
  const seenAtMs = new Map<string, number>();
  const ads = Array.from({ length: probes }, (_, index) => `${PROBE_AD}${index}`);
  let isStopped = false;
  const watch = async () => {
    while (!isStopped && seenAtMs.size < probes) {
      const waiting = ads.filter((ad) => !seenAtMs.has(ad)).join(",");
      const query = { ...rangeOf(startMs, Date.now()), group_by: "ad_id", metrics: "clicks", ad_id: waiting };
      // A report that fails shows nothing yet; the reading that counts comes later and fails loudly.
      const rows = await readTable(source, query).then(
        (table) => table.rows,
        () => [],
      );
      for (const { adId } of rows) seenAtMs.set(String(adId), Date.now());
      await sleep(POLL_MS);
    }
  };
  const done = watch();
  return {
    seenAtMs,
    stop: async () => {
      isStopped = true;
      await done;
    },
  };
}

function rangeOf(fromMs: number, toMs: number): { from: string; to: string } {
  return { from: isoMinute(fromMs), to: isoMinute(toMs + MINUTE_MS) };
}
