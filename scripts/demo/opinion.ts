/**
 * The third book of a demonstration: what DuckDB makes of the raw lines of the archive alone, beside the report's rows by
 * minute and every dimension there is.
 *
 * Keeps: the archive is copied as it stands once the report is complete; every line of the run must be in it by then.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DIMENSIONS, type FigureRow, type LatePolicy, METRICS } from "../../test/oracle/figure-rows.ts";
import { copyArchive, Opinion } from "../../test/oracle/opinion.ts";
import type { LocalRuntime } from "../local-runtime.ts";
import { camelCase, isoMinute } from "./figures.ts";
import type { ReportSource } from "./report.ts";

export type OracleResult = {
  readonly lines: number;
  /** Lines whose verdict, credit or place it disputes. */
  readonly disputes: readonly object[];
  /** Figures by minute and all dimensions in which it and the report differ. */
  readonly differences: readonly object[];
  /** Rows of the report that were compared. */
  readonly rows: number;
};

const MINUTE_MS = 60_000;
const PAGE_ROWS = 10_000;
/** Shards archive less often than they post. */
const ARCHIVED_MAX_MS = 90_000;
const LOOK_MS = 5_000;

type Page = {
  readonly rows: readonly Readonly<Record<string, string | number>>[];
  readonly meta: { readonly nextCursor: string | null };
};

type Bucket = Parameters<typeof copyArchive>[0];

/** Events whose lines it disputes once a day is closed; objects that were accepted as no part of any log are left out. */
export async function disputedEvents(
  { bindings }: Pick<LocalRuntime, "bindings">,
  source: ReportSource,
  except: readonly string[],
): Promise<string[]> {
  const policy = await readLatePolicy(source);
  const { disputes } = await opinionOn(bindings.ARCHIVE as unknown as Bucket, { policy, rows: [], except });
  return disputes.map((dispute) => String((dispute as { event?: string }).event));
}

/** Asks the oracle; the minutes from `fromMs` to `toMs` are those of the run. */
export async function askOracle(
  { bindings }: Pick<LocalRuntime, "bindings">,
  source: ReportSource,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<OracleResult> {
  const rows = await readCells(source, { fromMs, toMs });
  const policy = await readLatePolicy(source);
  const endsAtMs = Date.now() + ARCHIVED_MAX_MS;
  for (;;) {
    const result = await opinionOn(bindings.ARCHIVE as unknown as Bucket, { policy, rows, except: [] });
    if (isUndisputed(result) || Date.now() >= endsAtMs) return result;
    await sleep(LOOK_MS);
  }
}

export function isUndisputed({ lines, disputes, differences }: OracleResult): boolean {
  return lines > 0 && disputes.length === 0 && differences.length === 0;
}

async function opinionOn(
  archive: Bucket,
  { policy, rows, except }: { policy: LatePolicy; rows: readonly FigureRow[]; except: readonly string[] },
): Promise<OracleResult> {
  const folder = await mkdtemp(join(tmpdir(), "clickledger-oracle-"));
  try {
    await copyArchive(archive, folder, except);
    return await Opinion.on(folder, policy, async (opinion) => ({
      lines: await opinion.lines(),
      disputes: await opinion.disputes(),
      differences: await opinion.differencesFrom(rows, "minute"),
      rows: rows.length,
    }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The report by minute and every dimension, page by page. */
async function readCells(source: ReportSource, { fromMs, toMs }: { fromMs: number; toMs: number }) {
  const found: FigureRow[] = [];
  const query = new URLSearchParams({
    ...{ from: isoMinute(fromMs), to: isoMinute(toMs + MINUTE_MS), group_by: ["minute", ...DIMENSIONS].join() },
    ...{ metrics: METRICS.join(), limit: String(PAGE_ROWS), format: "json" },
  });
  for (let cursor: string | null = ""; cursor !== null; ) {
    if (cursor !== "") query.set("cursor", cursor);
    const page: Page = await ask(source, `/v1/reports/clicks?${query}`);
    for (const row of page.rows) {
      const value = (name: string) => String(row[camelCase(name)] ?? "");
      const named = [...DIMENSIONS, ...METRICS].map((name) => [name, value(name)]);
      found.push({ ...Object.fromEntries(named), window: Date.parse(value("minute")) / MINUTE_MS });
    }
    cursor = page.meta.nextCursor;
  }
  return found;
}

async function readLatePolicy(source: ReportSource): Promise<LatePolicy> {
  const told = await ask<{ settings: { latePolicy: LatePolicy } }>(source, "/.well-known/ad-measurement.json");
  return told.settings.latePolicy;
}

async function ask<T>({ url, apiKey }: ReportSource, path: string): Promise<T> {
  const response = await fetch(`${url}${path}`, { headers: { Authorization: `Bearer ${apiKey}` } });
  if (!response.ok) throw new Error(`${path} answers ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}
