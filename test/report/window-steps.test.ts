/** A page in the order of time ends the reading when it is full, and is the page that a whole reading gives. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { dayOf } from "../../src/core/time.ts";
import { isOpen, planPage, type Read } from "../../src/report/plan/plan.ts";
import { joinSteps, stepsOf } from "../../src/report/plan/window-steps.ts";
import type { ReportQuery } from "../../src/report/query/query.ts";
import { readStatements } from "../../src/report/read/segments-sql.ts";
import { readsOf } from "../support/reads.ts";
import { aScope } from "../support/scopes.ts";
import { askJson, parseTable } from "./ask.ts";
import { aCell, type Cell, clicks, seedCells } from "./seed.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
const DAYS = 120;
const ADS = 12;
const RANGE = "from=2026-01-01&to=2026-04-30";
/** Every day is rolled, and each ad has a row on each but every seventh. */
const CELLS: Cell[] = Array.from({ length: DAYS }, (_, day) => day).flatMap((day) =>
  Array.from({ length: day % 7 === 3 ? 1 : ADS }, (_, ad) =>
    aCell({
      advertiser_id: `adv_${ad % 3}`,
      ad_id: `ad_${String(ad).padStart(2, "0")}`,
      creative_id: `crt_${(ad + day) % 4}`,
      atMs: START_MS + day * DAY_MS + ad * 3_600_000,
      counts: clicks(1 + ((day * 5 + ad) % 9)),
    }),
  ),
);

beforeAll(() => seedCells(env.REPORT_DB, CELLS, () => ({ hour: 99_999_999, day: dayOf(START_MS) + DAYS })));

function queryOf(search: string): ReportQuery {
  const query = parseTable(new URLSearchParams(`${RANGE}&${search}`));
  if (!query.ok) throw new Error(query.error.reason);
  return query.value;
}

/** The steps of the only read but for what is open, as windows of its tier. */
function stepsIn(search: string, marks = { hour: 99_999_999, day: 99_999 }): [from: number, to: number][] {
  const query = queryOf(search);
  const reads = readsOf(query, marks).filter((read) => !isOpen(read));
  const steps = reads.flatMap((read) => stepsOf(read, query, planPage(query, reads)));
  return steps.map((read) => (read.kind === "span" ? [read.segment.from, read.segment.to] : [0, 0]));
}

describe("steps", () => {
  const start = dayOf(START_MS);
  const lengths = (steps: readonly [number, number][]) => steps.map(([from, to]) => to - from);

  it("grow, cover the range without gap or overlap, and are few", () => {
    const steps = stepsIn("group_by=day,ad_id");
    expect(lengths(steps)).toEqual([1, 4, 16, 64, 35]);
    expect(steps[0]?.[0]).toBe(start);
    for (const [at, [from]] of steps.slice(1).entries()) expect(from).toBe(steps[at]?.[1]);
    expect(steps.at(-1)?.[1]).toBe(start + DAYS);
  });

  it("begin at the end where time descends", () => {
    const steps = stepsIn("group_by=day,ad_id&order=-day,ad_id");
    expect(lengths(steps)).toEqual([1, 4, 16, 64, 35]);
    expect(steps[0]?.[1]).toBe(start + DAYS);
    expect(steps.at(-1)?.[0]).toBe(start);
  });

  it("cut no week or month, in whatever tier", () => {
    for (const marks of [
      { hour: 99_999_999, day: 99_999 },
      { hour: 99_999_999, day: 0 },
      { hour: 0, day: 0 },
    ]) {
      const perDay = marks.day > 0 ? 1 : marks.hour > 0 ? 24 : 1_440;
      for (const [from] of stepsIn("group_by=week,ad_id", marks).slice(1)) expect((from / perDay + 3) % 7).toBe(0);
      const months = stepsIn("group_by=month,creative_id", marks);
      expect(lengths(months)).toEqual([31, 28 + 31 + 30].map((days) => days * perDay));
    }
  });

  it.each([
    ["order=-clicks&group_by=day,ad_id"],
    ["group_by=ad_id"],
    ["order=ad_id,day&group_by=day,ad_id"],
    ["group_by=day,country"],
    ["group_by=day"],
    ["group_by=day,ad_id&timezone=Europe/Berlin"],
  ])("are one for %s", (search) => {
    const query = queryOf(search);
    const reads = readsOf(query, { hour: 99_999_999, day: 99_999 });
    for (const read of reads) expect(stepsOf(read, query, planPage(query, reads))).toEqual([read]);
  });

  it("of many windows are still few, and bind no more than D1 takes", () => {
    const asked = "from=2026-01-01&to=2026-01-31&granularity=minute&group_by=ad_id&metrics=clicks";
    const query = parseTable(new URLSearchParams(asked));
    if (!query.ok) throw new Error(query.error.reason);
    const reads = readsOf(query.value, { hour: 0, day: 0 });
    const [open, closed] = [reads.find(isOpen), reads.find((read) => !isOpen(read))] as [Read, Read];
    expect(stepsOf(open, query.value, planPage(query.value, reads))).toEqual([open]);
    const steps = stepsOf(closed, query.value, planPage(query.value, reads));
    expect(steps.length).toBe(5);
    const statement = { sql: "SELECT ?", bound: Array.from({ length: 12 }, () => 1) };
    expect(joinSteps([statement, statement], 5)?.bound).toHaveLength(25);
    expect(
      joinSteps(
        Array.from({ length: 9 }, () => statement),
        5,
      ),
    ).toBeNull();
  });
});

describe("a page in the order of time", () => {
  it.each([
    ["group_by=day,ad_id", 30],
    ["group_by=day,creative_id", 9],
    ["group_by=day,ad_id&order=-day,ad_id", 17],
    ["group_by=day,ad_id&ad_id=ad_00,ad_03,-ad_05&country=DE", 5],
    ["group_by=week,ad_id", 11],
    ["group_by=month,creative_id", 3],
    ["group_by=day,advertiser_id,creative_id", 40],
  ])("of %s is the same as of a whole reading, page after page", async (search, limit) => {
    const { rows } = await askJson(`/v1/reports/clicks?${RANGE}&${search}&limit=50000`);
    expect(rows.length).toBeGreaterThan(limit);
    const paged: unknown[] = [];
    let cursor: string | null = null;
    do {
      const next: string = cursor === null ? "" : `&cursor=${cursor}`;
      const page = await askJson(`/v1/reports/clicks?${RANGE}&${search}&limit=${limit}${next}`);
      paged.push(...page.rows);
      cursor = page.meta.nextCursor;
    } while (cursor !== null);
    expect(paged).toEqual(rows);
    // The rows themselves are those of a question that no step can end.
    const byMetric = await askJson(
      `/v1/reports/clicks?${RANGE}&${search.replace(/&order=[^&]*/, "")}&order=-clicks&limit=50000`,
    );
    const sorted = (some: readonly unknown[]) => some.map((row) => JSON.stringify(row)).sort();
    expect(sorted(byMetric.rows)).toEqual(sorted(rows));
  });

  it("reads a few days of many", async () => {
    const read = async (search: string) => (await askJson(`/v1/reports/clicks?${RANGE}&${search}`)).meta.rowsRead;
    const none = await read("group_by=day,ad_id&advertiser_id=nobody&limit=30");
    const few = (await read("group_by=day,ad_id&limit=30")) - none;
    const all = (await read("group_by=day,ad_id&limit=50000")) - none;
    expect(all).toBeGreaterThan(CELLS.length);
    expect(few).toBeLessThan(2 * 5 * ADS + 40);
    expect((await read("group_by=day,ad_id&limit=30&order=-day,ad_id")) - none).toBeLessThan(2 * 5 * ADS + 40);
  });

  it("holds no value of the caller", () => {
    const query = queryOf("group_by=day,ad_id&ad_id=hostile,-hostile&limit=4321");
    const reads = readsOf(query, { hour: 99_999_999, day: 99_999 });
    const reader = { query, scope: aScope({ advertiserId: "hostile" }), page: planPage(query, reads) };
    for (const read of reads) {
      for (const { sql, bound } of readStatements(read, { ...reader, after: [1, "hostile"] })) {
        expect(sql.split("UNION ALL").length).toBe(isOpen(read) ? 1 : 5);
        expect(sql).not.toMatch(/hostile|4321/);
        expect(sql.split("?").length - 1).toBe(bound.length);
      }
    }
  });
});
