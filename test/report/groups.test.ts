/** Summing segments, and cutting them without a wrong sum. */
import { describe, expect, it } from "vitest";
import { planPage, type ReadSource, type Stretch } from "../../src/report/plan/plan.ts";
import { cutGroups, sumGroups } from "../../src/report/read/groups.ts";
import { parseTable } from "./ask.ts";

const READS: Stretch[] = [
  { kind: "span", segment: { tier: "day", from: 1, to: 2 }, phase: null },
  { kind: "span", segment: { tier: "minute", from: 2_880, to: 2_881 }, phase: null },
];

/** What a table by ad answers when each segment holds these clicks and the database cuts at the page. */
function answerOf(segments: Record<string, number>[], search: string) {
  const query = parseTable(new URLSearchParams(`from=2026-04-01&to=2026-04-03&group_by=ad_id&${search}`));
  if (!query.ok) throw new Error(query.error.reason);
  const page = planPage(query.value, READS);
  const rows = segments.map((clicks) =>
    Object.entries(clicks)
      .map(([ad_id, valid]) => ({ ad_id, valid }))
      .slice(0, page.limit),
  );
  const { groups, isCut } = cutGroups(sumGroups(rows, [], query.value), page, query.value.limit);
  return { sums: groups.map(({ dimensions, sums }) => [dimensions[0], sums[0]]), isCut };
}

describe("groups", () => {
  it("are cut by a sum where one reading has them whole, and not where objects hold more of them", () => {
    const search = "from=2026-04-01&to=2026-04-03&group_by=ad_id&order=-clicks";
    const query = parseTable(new URLSearchParams(search));
    if (!query.ok) throw new Error(query.error.reason);
    const readFrom = (place: "tier" | "partly_cold"): Stretch & { source: ReadSource } => ({
      ...{ kind: "span", segment: { tier: "minute", from: 0, to: 60 }, phase: null },
      source: { kind: "rows", place },
    });
    expect(planPage(query.value, [readFrom("tier")]).isExact).toBe(true);
    expect(planPage(query.value, [readFrom("partly_cold")]).isExact).toBe(false);
  });

  it("add up over segments in the asked order", () => {
    const segments = [
      { a: 1, b: 5 },
      { a: 2, c: 4 },
    ];
    expect(answerOf(segments, "").sums).toEqual([
      ["a", 3],
      ["b", 5],
      ["c", 4],
    ]);
    expect(answerOf(segments, "order=-clicks&limit=1")).toEqual({ sums: [["b", 5]], isCut: true });
    expect(answerOf(segments, "order=-clicks&limit=2")).toEqual({
      sums: [
        ["b", 5],
        ["c", 4],
      ],
      isCut: true,
    });
  });

  it("that are small in each segment and large in sum lead an order by a metric", () => {
    const segments = [
      { a: 6, b: 5, c: 4 },
      { d: 6, e: 5, c: 4 },
    ];
    expect(answerOf(segments, "order=-clicks&limit=1")).toEqual({ sums: [["c", 8]], isCut: true });
  });

  it("are never answered with the sum of a part of their segments", () => {
    const segments = [
      { a: 5, b: 6, d: 7 },
      { a: -5, b: -6, c: 1, d: 3 },
    ];
    for (const limit of [1, 2, 3, 4]) {
      const { sums } = answerOf(segments, `limit=${limit}`);
      for (const [ad, sum] of sums) expect([ad, sum]).toEqual(ad === "c" ? ["c", 1] : ["d", 10]);
    }
    expect(answerOf(segments, "limit=2").isCut).toBe(true);
    expect(answerOf(segments, "limit=4")).toEqual({
      sums: [
        ["c", 1],
        ["d", 10],
      ],
      isCut: false,
    });
  });
});
