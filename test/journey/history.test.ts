/**
 * The demonstration's past: what reports say of it is what its plan holds, counted here click by click, and what an
 * independent reading of the raw archive makes of it; a database that is filled again from the archive says the same; and
 * it is made once.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { completeVars } from "../../scripts/dev-vars.ts";
import { type Demonstration, prepareDemo } from "../../scripts/history.ts";
import { DEMO_ENTRY, type LocalRuntime, startRuntime } from "../../scripts/local-runtime.ts";
import { DAY_MS } from "../../src/core/limits.ts";
import { isoDay } from "../../src/core/time.ts";
import { advertiserOf, DEMO_ADVERTISER } from "../../src/demo/history/catalog.ts";
import type { PlannedClick } from "../../src/demo/history/clicks.ts";
import { type HistorySpan, plannedClicks, plannedOrders, plannedUploads } from "../../src/demo/history/plan.ts";
import { eventIdOf } from "../../src/demo/history/wire.ts";
import { cellsSql, type FigureRow, REASONS_SQL } from "../oracle/figure-rows.ts";
import { copyArchive, Opinion } from "../oracle/opinion.ts";
import { wipeFacts } from "../support/wipe-facts.ts";

const ALL_MAX_MS = 240_000;
const DAYS = 4;
const METRICS = [
  ...["impressions", "gross_impressions", "gross_clicks", "clicks", "duplicate_clicks", "invalid_clicks"],
  ...["late_clicks", "conversions", "conversions_by_time", "spend_micros", "conversion_value_micros", "reasons"],
];

const vars = parseEnv(completeVars("").text) as Record<string, string>;
const { DEMO_API_KEY: advertiserKey = "", DEMO_PUBLISHER_KEY: publisherKey = "", ...secrets } = vars;
/** Far enough from the end of a day that every hour of it has something. */
const nowMs = Date.now();
const span: HistorySpan = { endMs: nowMs - (nowMs % 60_000), days: DAYS };
let statePath: string;
let runtime: LocalRuntime;

async function start(): Promise<{ readonly isSeeded: boolean }> {
  const demonstration: Demonstration = {
    ...{ statePath, keys: { advertiserKey, publisherKey }, isEmpty: false, nowMs, days: DAYS },
  };
  let isSeeded = false;
  runtime = await startRuntime({
    ...{ statePath, vars: secrets, entry: DEMO_ENTRY },
    prepare: async (database) => {
      const prepared = await prepareDemo(database, demonstration);
      isSeeded = prepared.isSeeded;
      return prepared;
    },
  });
  return { isSeeded };
}

beforeAll(async () => {
  statePath = await mkdtemp(join(tmpdir(), "clickledger-history-"));
});

afterAll(async () => {
  await runtime?.stop();
  await rm(statePath, { recursive: true, force: true });
});

it(
  "is in the report click by click, again after a rebuild from the archive, and once",
  async () => {
    expect(await start()).toEqual({ isSeeded: true });
    const expected = countPlan();
    expect(await figures()).toEqual(expected);

    const keys = await segments();
    expect(keys.length).toBeGreaterThan(DAYS);
    expect(keys.filter((key) => !key.includes("/demonstration-"))).toEqual([]);
    await expectUndisputed();

    // What is not carried is said to whom it concerns, and to nobody else.
    const { letters } = (await ask("GET", "/v1/admin/dead-letters")) as { letters: { reason: string }[] };
    expect(letters.map(({ reason }) => reason).sort()).toEqual(["message_not_json", "retries_exhausted"]);
    const yesterday = isoDay(span.endMs - DAY_MS);
    const own = await ask("GET", `/v1/reports/clicks?from=${yesterday}&to=${yesterday}`, undefined, advertiserKey);
    expect(own).toMatchObject({ meta: { complete: true, warnings: [] } });
    // A single click is found in the archive, by the shard that its time's topology names; on some days the first one is another advertiser's.
    const duplicates = plannedClicks(span).filter(({ expect: { verdict } }) => verdict === "duplicate");
    const isOwn = ({ ad }: PlannedClick) => advertiserOf(ad) === DEMO_ADVERTISER;
    const click = duplicates.find(isOwn) as PlannedClick;
    const explained = await ask("GET", `/v1/clicks/${eventIdOf(click)}`, undefined, advertiserKey);
    expect(explained).toMatchObject({ verdict: "duplicate", reason: "same_impression" });

    await wipeFacts(runtime.database as unknown as D1Database);
    const rebuilt = await ask("POST", "/v1/admin/rebuild", { database: "REPORT_DB" });
    expect(rebuilt).toMatchObject({ next: null });
    expect(await figures()).toEqual(expected);
    await runtime.stop();

    expect(await start()).toEqual({ isSeeded: false });
    expect(await figures()).toEqual(expected);
    expect(await segments()).toEqual(keys);
  },
  ALL_MAX_MS,
);

/** What the plan holds, by day and campaign, in the report's words. */
function countPlan(): Figures {
  const sums: Figures = {};
  const add = (
    atMs: number,
    campaignId: string,
    added: Record<string, number>,
    reasons: Record<string, number> = {},
  ) => {
    const key = `${isoDay(atMs)} ${campaignId}`;
    const row: Figures[string] = sums[key] ?? { ...ZERO, reasons: {} };
    sums[key] = row;
    for (const [name, value] of Object.entries(added)) row[name] = (row[name] as number) + value;
    const known = row["reasons"] as Record<string, number>;
    for (const [name, value] of Object.entries(reasons)) if (value > 0) known[name] = (known[name] ?? 0) + value;
  };
  for (const click of plannedClicks(span)) {
    const { verdict, reason } = click.expect;
    const valid = verdict === "valid" ? 1 : 0;
    const rest = click.count - valid;
    const named = {
      valid: "duplicateClicks",
      duplicate: "duplicateClicks",
      invalid: "invalidClicks",
      late: "lateClicks",
    };
    add(countedAtMs(click), click.ad.campaignId, {
      ...{ grossClicks: click.count, clicks: valid, spendMicros: valid * click.ad.cpcMicros },
      [named[verdict as keyof typeof named]]: rest,
    });
    const reasons = verdict === "valid" ? { same_impression: rest, ...(reason === null ? {} : { [reason]: 1 }) } : null;
    add(countedAtMs(click), click.ad.campaignId, {}, reasons ?? { [String(reason)]: click.count });
  }
  for (const { steps, expect: credit } of plannedOrders(span)) {
    const click = steps[0]?.click as PlannedClick;
    const { campaignId } = click.ad;
    for (const { action, occurredAtMs } of steps) {
      const isOutside = occurredAtMs - click.occurredAtMs > 7 * DAY_MS;
      const reasonOf = { record: isOutside ? "outside_window" : null, correct: "corrected", retract: "retracted" };
      const reason = reasonOf[action];
      if (reason !== null) add(click.occurredAtMs, campaignId, {}, { [`conversion.${reason}`]: 1 });
    }
    if (credit === null) continue;
    add(click.occurredAtMs, campaignId, { conversions: 1, conversionValueMicros: credit.valueMicros });
    add(credit.occurredAtMs, campaignId, { conversionsByTime: 1 });
  }
  for (const { rows } of plannedUploads(span)) {
    for (const { minuteAtMs, campaignId, impressions, grossImpressions } of rows) {
      const filtered = { "impression.filtered_by_sender": grossImpressions - impressions };
      add(minuteAtMs, campaignId, { impressions, grossImpressions }, filtered);
    }
  }
  return sums;
}

/** After its token's life a click counts when it was received. */
function countedAtMs({ receivedAtMs, occurredAtMs, expS }: PlannedClick): number {
  return receivedAtMs > expS * 1_000 ? receivedAtMs : occurredAtMs;
}

type Figures = Record<string, Record<string, number | Record<string, number>>>;

const ZERO = Object.fromEntries(
  METRICS.filter((name) => name !== "reasons").map((name) => [
    name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    0,
  ]),
);

/** What the report says. */
async function figures(): Promise<Figures> {
  const query = new URLSearchParams({
    ...{ from: isoDay(span.endMs - (DAYS + 1) * DAY_MS), to: isoDay(span.endMs), group_by: "day,campaign_id" },
    metrics: METRICS.join(","),
  });
  const answer = (await ask("GET", `/v1/reports/clicks?${query}`)) as { rows: (ReportRow & Figures[string])[] };
  return Object.fromEntries(
    // How far a day is audited depends on when one asks.
    answer.rows.map(({ day, campaignId, currency: _, state: __, ...row }) => [
      `${day.slice(0, 10)} ${campaignId}`,
      row as Figures[string],
    ]),
  );
}

type ReportRow = {
  readonly day: string;
  readonly campaignId: string;
  readonly currency: string;
  readonly state: string;
};

/** DuckDB over the raw lines alone, beside the rows of the database. */
async function expectUndisputed(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "clickledger-oracle-"));
  const rowsOf = async (sql: string) => (await runtime.database.prepare(sql).all<FigureRow>()).results;
  try {
    await copyArchive(runtime.bindings.ARCHIVE as never, folder);
    await Opinion.on(folder, { mode: "review", allowedLatenessSeconds: 30 }, async (opinion) => {
      expect(await opinion.disputes()).toEqual([]);
      expect(await opinion.differencesFrom(await rowsOf(cellsSql("minute")), "minute")).toEqual([]);
      expect(await opinion.reasonDifferencesFrom(await rowsOf(REASONS_SQL))).toEqual([]);
      expect(await opinion.lines()).toBeGreaterThan(plannedClicks(span).length);
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function segments(): Promise<string[]> {
  const { objects } = await runtime.bindings.ARCHIVE.list({ prefix: "raw/v1/" });
  return objects.map(({ key }) => key);
}

async function ask(method: string, path: string, body?: object, key = secrets["ADMIN_API_KEY"]): Promise<unknown> {
  const answer = await fetch(`${runtime.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`);
  return answer.json();
}
