/** Which windows a page in the order of time is looked for in, try after try. */
import { describe, expect, it } from "vitest";
import { planAsks } from "../../src/report/plan/subqueries.ts";
import type { ReportQuery } from "../../src/report/query/query.ts";
import { windowEdges } from "../../src/report/query/windows.ts";
import { FirstWindows } from "../../src/report/read/first-windows.ts";
import { aScope } from "../support/scopes.ts";
import { parseTable } from "./ask.ts";

const MARKS = { hour: 99_999_999, day: 99_999, summed: 99_999, hourSums: null, cold: { mark: 0, generation: 0 } };
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** A page of 9 999 is cut where there is one more. */
const PAGE = 10_000;
const RANGE = { from: "2026-01-01", to: "2026-04-30" };

function queryOf(search: string): ReportQuery {
  const query = parseTable(
    new URLSearchParams({ ...RANGE, metrics: "clicks", ...Object.fromEntries(new URLSearchParams(search)) }),
  );
  if (!query.ok) throw new Error(query.error.reason);
  return query.value;
}

function windowsOf(search: string): FirstWindows | null {
  return FirstWindows.of(planAsks({ query: queryOf(search), scope: aScope(), after: null }, [MARKS]));
}

/** Hours [from, to) behind the beginning of the range that are read, try after try; `found` says how many groups each finds. */
function triesOf(search: string, found: (hours: number) => number): (readonly [number, number])[] {
  const first = windowsOf(search);
  const tries: [number, number][] = [];
  for (let range = first?.range ?? null; range !== null; range = first?.range ?? null) {
    const hours = [range.fromMs, range.toMs].map((ms) => (ms - queryOf(search).range.fromMs) / HOUR_MS) as [
      number,
      number,
    ];
    tries.push(hours);
    const groups = found(hours[1] - hours[0]);
    if (groups >= PAGE) break;
    first?.widen(groups);
  }
  return tries;
}

const inDays = (tries: readonly (readonly [number, number])[]) => tries.map(([from, to]) => [from / 24, to / 24]);
const perDay = (groups: number) => (hours: number) => Math.floor((hours / 24) * groups);

describe("the windows that are read first", () => {
  it("are one, and then as many as a page needs by what the one had", () => {
    expect(inDays(triesOf("group_by=day,ad_id&limit=9999", perDay(2_500)))).toEqual([
      [0, 1],
      [0, 5],
    ]);
  });

  it("are more where the others have less", () => {
    const found = (hours: number) => 2_500 + (hours / 24 - 1) * 500;
    expect(inDays(triesOf("group_by=day,ad_id&limit=9999", found))).toEqual([
      [0, 1],
      [0, 5],
      [0, 13],
      [0, 20],
    ]);
  });

  it("are the last ones where time descends", () => {
    expect(inDays(triesOf("group_by=day,ad_id&order=-day&limit=9999", perDay(2_500)))).toEqual([
      [119, 120],
      [115, 120],
    ]);
  });

  it("end with all, where a page takes nearly all", () => {
    expect(inDays(triesOf("group_by=day,ad_id&limit=9999", perDay(100)))).toEqual([[0, 1]]);
  });

  it("are some more where the first say little, and nothing is made of none", () => {
    expect(inDays(triesOf("group_by=day,ad_id&limit=9999", perDay(3)))).toEqual([
      [0, 1],
      [0, 8],
    ]);
    expect(inDays(triesOf("group_by=day,ad_id&limit=9999", () => 0))).toEqual([
      [0, 1],
      [0, 8],
      [0, 64],
    ]);
  });

  it.each([
    "week,ad_id",
    "week,ad_id&timezone=Asia/Kolkata",
    "day,ad_id&timezone=Europe/Berlin",
    "hour,ad_id&timezone=Australia/Lord_Howe&to=2026-01-31",
  ])("end where a window does, or the range: by %s", (group) => {
    const [granularity = ""] = group.split(",");
    const query = queryOf(`group_by=${group}`);
    const edges = new Set([...windowEdges(query.range, query).map((edge) => edge * MINUTE_MS), query.range.toMs]);
    for (const sign of ["", "-"]) {
      const tries = triesOf(`group_by=${group}&order=${sign}${granularity}&limit=9999`, () => 150);
      expect(tries.length).toBeGreaterThan(0);
      const ends = tries.map(([from, to]) => query.range.fromMs + (sign === "" ? to : from) * HOUR_MS);
      expect(ends.filter((end) => !edges.has(end))).toEqual([]);
    }
  });

  it.each([
    "group_by=day,ad_id&order=-clicks",
    "group_by=ad_id",
    "group_by=day,ad_id&order=ad_id,day",
    "group_by=day,ad_id&totals=true",
    "group_by=day,ad_id&compare=previous_period",
    "group_by=day&limit=9999",
    "group_by=day,country&limit=9999",
  ])("are all that is asked for where no page ends it: %s", (search) => {
    expect(windowsOf(search)).toBeNull();
  });

  it("may be few where a page is small, or windows are many", () => {
    expect(windowsOf("group_by=day,country&limit=9")).not.toBeNull();
    expect(windowsOf("group_by=hour,country&limit=9999")).not.toBeNull();
  });
});
