/**
 * The report as an advertiser sees it: by the API, with an API key. Reasons are not in the API yet and come from the
 * report database.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { D1Database } from "@cloudflare/workers-types";
import { addTo, count, emptyLedger, isoMinute, type Ledger, type Measure } from "./ledger.ts";
import { PROBE_AD } from "./plan.ts";

export type ReportSource = { readonly url: string; readonly apiKey: string };

/** Row field of the API → measure. */
const FIELDS: readonly (readonly [field: string, metric: string, measure: Measure])[] = [
  ["clicks", "clicks", "valid"],
  ["duplicateClicks", "duplicate_clicks", "duplicate"],
  ["invalidClicks", "invalid_clicks", "invalid"],
  ["lateClicks", "late_clicks", "late"],
  ["grossClicks", "gross_clicks", "gross"],
];
const MINUTE_MS = 60_000;
const POLL_MS = 250;
const ROWS_MAX = 10_000;

const SELECT_REASONS = `
SELECT reason.key AS reason, sum(reason.value) AS total
FROM facts_minute, json_each(facts_minute.reasons) AS reason
GROUP BY reason.key`;

type Row = Readonly<Record<string, string | number>>;
type Table = {
  readonly rows: readonly Row[];
  readonly meta: { readonly watermark: string | null; truncated: boolean };
};

async function readTable({ url, apiKey }: ReportSource, query: Record<string, string>): Promise<Table> {
  const response = await fetch(`${url}/v1/reports/clicks?${new URLSearchParams(query)}`, {
    headers: { Authorization: `Bearer ${apiKey}` },
  });
  if (!response.ok) throw new Error(`the report answers ${response.status}: ${await response.text()}`);
  return (await response.json()) as Table;
}

/** Waits until the report says that every click received up to `untilMs` is in it. False after `timeoutMs`. */
export async function waitUntilComplete(source: ReportSource, untilMs: number, timeoutMs: number): Promise<boolean> {
  const endsAtMs = Date.now() + timeoutMs;
  while (Date.now() < endsAtMs) {
    const { meta } = await readTable(source, rangeOf(untilMs, untilMs));
    if (meta.watermark !== null && Date.parse(meta.watermark) > untilMs) return true;
    await sleep(POLL_MS);
  }
  return false;
}

/** The report's ledger for the minutes from `fromMs` to `toMs`, both included. */
export async function readLedger(source: ReportSource, fromMs: number, toMs: number): Promise<Ledger> {
  const metrics = FIELDS.map(([, metric]) => metric).join(",");
  const query = { ...rangeOf(fromMs, toMs), group_by: "minute,ad_id", metrics, limit: String(ROWS_MAX) };
  const { rows, meta } = await readTable(source, query);
  if (meta.truncated) throw new Error("the report has more rows than one answer holds");
  const ledger = emptyLedger();
  for (const row of rows) {
    const at = { adId: String(row["adId"]), minute: String(row["minute"]) };
    for (const [field, , measure] of FIELDS) addTo(ledger, { ...at, measure, by: Number(row[field]) });
  }
  return ledger;
}

export async function readReasons(database: D1Database): Promise<Map<string, number>> {
  const reasons = new Map<string, number>();
  const { results } = await database.prepare(SELECT_REASONS).all<{ reason: string; total: number }>();
  for (const { reason, total } of results) count(reasons, reason, total);
  return reasons;
}

/** Watches the probe ads: when each click was first seen in the report. Ends when `stop` is called. */
export function watchProbes(source: ReportSource, probes: number, startMs: number) {
  const seenAtMs = new Map<string, number>();
  const ads = Array.from({ length: probes }, (_, index) => `${PROBE_AD}${index}`);
  let isStopped = false;
  const watch = async () => {
    while (!isStopped && seenAtMs.size < probes) {
      const waiting = ads.filter((ad) => !seenAtMs.has(ad)).join(",");
      const query = { ...rangeOf(startMs, Date.now()), group_by: "ad_id", ad_id: waiting };
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
