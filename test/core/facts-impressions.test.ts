import { describe, expect, it } from "vitest";
import { encodeBase64url } from "../../src/core/base64url.ts";
import { cellKeyOfStored, type Facts, mergeFacts, totalsOf } from "../../src/core/facts.ts";
import type { CountsContent, TokenContent } from "../../src/core/log-line.ts";
import { toCounts } from "../../src/core/measures.ts";
import { elementOf } from "../../src/core/sketch.ts";
import { minuteOf } from "../../src/core/time.ts";
import { userKeyOf } from "../../src/core/user-key.ts";
import type { Decision } from "../../src/core/verdict.ts";
import { anOpenedClick, NOON_MS } from "../support/builders.ts";
import { fold, plain, reasonsIn, totalsByMeasure } from "../support/folding.ts";
import { someCounts } from "../support/submissions.ts";

const VALID: Decision = { verdict: "valid", reason: null };

function anEvent(
  event: Parameters<typeof anOpenedClick>[0] = {},
  decision: Decision = VALID,
  claims: Parameters<typeof anOpenedClick>[1] = {},
): TokenContent {
  return { ...anOpenedClick(event, claims), ...decision, review: null };
}
const anImpression = (decision: Decision = VALID, count = 1) => anEvent({ type: "impression", count }, decision);

describe("an impression", () => {
  it.each([
    ["valid", null, 3, { impressions: 1, gross_impressions: 3 }, { "impression.same_impression": 2 }],
    ["valid", null, 1, { impressions: 1, gross_impressions: 1 }, {}],
    ["duplicate", "same_impression", 3, { gross_impressions: 3 }, { "impression.same_impression": 3 }],
    ["invalid", "declared_crawler", 3, { gross_impressions: 3 }, { "impression.declared_crawler": 3 }],
    ["deferred", "key_table_dropped", 3, {}, {}],
  ] as const)(
    "that is %s (%s), of %d requests, counts beside the clicks",
    (verdict, reason, count, counts, reasons) => {
      const facts = fold([anImpression({ verdict, reason }, count)]);
      expect(totalsByMeasure(facts)).toEqual(counts);
      expect(reasonsIn(facts)).toEqual(reasons);
    },
  );

  it("costs nothing, and is nobody's click", () => {
    const facts = fold([anEvent({ type: "impression" }, VALID, { uid: "u_1", cpc: 250_000 })]);
    expect(totalsByMeasure(facts)).toEqual({ impressions: 1, gross_impressions: 1 });
    expect([...facts.values()].map(({ users }) => users.size)).toEqual([0]);
  });

  it("shares row and cell with the click of its ad", () => {
    const [row, ...others] = fold([anImpression(), anEvent()]).values();
    expect(others).toEqual([]);
    const both = { impressions: 1, gross_impressions: 1, gross: 1, valid: 1, spend_micros: 250_000 };
    expect([...(row?.cells ?? [])]).toEqual([[cellKeyOfStored(["pub_1", "DE", "desktop", ""]), toCounts(both)]]);
  });
});

describe("uploaded counts", () => {
  const content = (overrides: Parameters<typeof someCounts>[0] = {}): CountsContent => ({
    event: someCounts(overrides),
    verdict: "valid",
    reason: null,
    batch: { key: "b", content: "c" },
  });

  it("add to the minute and cell that they name, and say what their sender filtered out", () => {
    const facts = fold([content({ adGroupId: "grp_2", creativeId: "crt_3", device: "tv" })]);
    expect([...facts.values()]).toEqual([
      {
        advertiserId: "adv_1",
        window: minuteOf(NOON_MS),
        campaignId: "cmp_7",
        adGroupId: "grp_2",
        adId: "ad_9",
        cells: new Map([
          [cellKeyOfStored(["pub_1", "DE", "tv", "crt_3"]), toCounts({ impressions: 1_000, gross_impressions: 1_100 })],
        ]),
        reasons: new Map([["impression.filtered_by_sender", 100]]),
        users: new Set(),
      },
    ]);
  });

  it("add to what pixels counted, and leave no reason where nothing was filtered", () => {
    const facts = fold([anImpression(), content({ impressions: 5, grossImpressions: 5 })]);
    expect(totalsByMeasure(facts)).toEqual({ impressions: 6, gross_impressions: 6 });
    expect(reasonsIn(facts)).toEqual({});
  });

  it("of nothing leave nothing", () => {
    expect(plain(fold([content({ impressions: 0, grossImpressions: 0 })]))).toEqual([]);
  });
});

describe("users", () => {
  const userHash = (n: number) => encodeBase64url(new Uint8Array(12).fill(n));
  const usersIn = (facts: Facts) => [...facts.values()].flatMap(({ users }) => [...users]);

  it("are those of valid clicks only", () => {
    const decisions: Decision[] = [
      { verdict: "duplicate", reason: "same_impression" },
      { verdict: "invalid", reason: "declared_crawler" },
      { verdict: "late", reason: "late" },
      { verdict: "deferred", reason: "key_table_dropped" },
    ];
    expect(usersIn(fold(decisions.map((decision) => anEvent({ userHash: userHash(1) }, decision))))).toEqual([]);
    const valid = anEvent({ userHash: userHash(1) });
    const facts = fold([valid]);
    expect(usersIn(facts)).toEqual([elementOf(userKeyOf(valid) ?? new Uint8Array())]);
    expect(totalsByMeasure(facts)).toMatchObject({ valid: 1, valid_with_user: 1 });
  });

  it("are a set, and clicks without one are told apart", () => {
    const clicks = [userHash(1), userHash(2), userHash(1), null].map((hash) => anEvent({ userHash: hash }));
    const facts = fold([...clicks, anEvent({ userHash: userHash(3), gpc: true })]);
    expect(usersIn(facts)).toHaveLength(2);
    expect(totalsByMeasure(facts)).toMatchObject({ valid: 5, valid_with_user: 3 });
  });

  it("are united by merging, in any order, also with themselves", () => {
    const [one, other] = [fold([anEvent({ userHash: userHash(1) })]), fold([anEvent({ userHash: userHash(2) })])];
    const merged: Facts = new Map();
    for (const facts of [one, other, one]) mergeFacts(merged, facts.values());
    expect(usersIn(merged).sort()).toEqual([...usersIn(one), ...usersIn(other)].sort());
    expect(usersIn(one)).toHaveLength(1);
  });

  it("stay known when a late click is accepted, counted as one click with a user", () => {
    const late = anEvent({ userHash: userHash(1), count: 2 }, { verdict: "late", reason: "late" });
    const accepted: TokenContent = {
      ...late,
      verdict: "valid",
      reason: "late_accepted",
      review: { by: "key_7", atMs: NOON_MS },
    };
    const [row] = fold([late, accepted]).values();
    expect(row?.users.size).toBe(1);
    expect(row && totalsOf(row)).toEqual(
      toCounts({ gross: 2, valid: 1, duplicate: 1, spend_micros: 250_000, valid_with_user: 1 }),
    );
  });
});
