import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EventId } from "../../src/core/event-id.ts";
import {
  CLICKS_PER_MINUTE_MAX,
  FAST_CLICKS_MIN,
  outlyingPublishers,
  REGULAR_CLICKS_MIN,
  SECOND_LOOK_RULES,
  SecondLook,
  type SecondLookRule,
  type SeenClick,
  USERS_MAX,
} from "../../src/core/second-look.ts";
import { minuteOf } from "../../src/core/time.ts";
import { NOON_MS } from "../support/builders.ts";

const SEED = 20_261_128;

/** Clicks at instants after noon, of one user on one ad, each long after its ad. */
function clicksAt(afterMs: readonly number[], change: Partial<SeenClick> = {}): SeenClick[] {
  return afterMs.map((ms, serial) => ({
    ...{ event: `e${serial}` as EventId, advertiserId: "adv_1", adId: "ad_1", userKey: "u1" },
    ...{ receivedAtMs: NOON_MS + ms, issuedAtMs: NOON_MS + ms - 60_000 },
    ...change,
  }));
}
const every = (gapMs: number, count: number) => Array.from({ length: count }, (_, at) => at * gapMs);

function namedIn(clicks: readonly SeenClick[], rules: readonly SecondLookRule[] = SECOND_LOOK_RULES) {
  const look = new SecondLook(rules);
  return clicks.flatMap((click) => look.add(click).map(({ event, reason }) => `${event} ${reason}`));
}

describe("clicks of one user on one ad in one minute", () => {
  const rules = ["high_frequency"] as const;

  it("up to the limit stand, those beyond it are named, in the order of the log", () => {
    expect(namedIn(clicksAt(every(1_000, CLICKS_PER_MINUTE_MAX)), rules)).toEqual([]);
    const named = namedIn(clicksAt(every(1_000, CLICKS_PER_MINUTE_MAX + 2)), rules);
    expect(named).toEqual(["e5 high_frequency", "e6 high_frequency"]);
  });

  it.each([
    ["of another user", { userKey: "u2" }],
    ["on another ad", { adId: "ad_2" }],
    ["on another advertiser's ad of the same name", { advertiserId: "adv_2" }],
    ["in the next minute", { receivedAtMs: NOON_MS + 60_000 }],
    ["whose names hold blanks elsewhere", { adId: "ad_1 u1", userKey: "" }],
  ])("are counted apart from clicks %s", (_, change) => {
    const five = clicksAt(every(100, 5));
    const [other] = clicksAt([600], { event: "other" as EventId, ...change });
    const [same] = clicksAt([600], { event: "same" as EventId });
    expect(namedIn([...five, other as SeenClick], rules)).toEqual([]);
    expect(namedIn([...five, same as SeenClick], rules)).toEqual(["same high_frequency"]);
  });

  it("without a user key are never named, by any rule", () => {
    const clicks = clicksAt(every(1_000, 60), { userKey: null, issuedAtMs: NOON_MS });
    expect(namedIn(clicks)).toEqual([]);
  });

  it("leave five of each group, whatever comes", () => {
    const any = fc.record({
      afterMs: fc.nat(200_000),
      userKey: fc.constantFrom("u1", "u2"),
      adId: fc.constantFrom("a", "b"),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 120 }), (drawn) => {
        const sorted = drawn.toSorted((a, b) => a.afterMs - b.afterMs);
        const clicks = sorted.map(({ afterMs, ...who }, at) => {
          return { ...(clicksAt([afterMs], who)[0] as SeenClick), event: `e${at}` as EventId };
        });
        const named = new Set(namedIn(clicks, rules).map((text) => text.split(" ")[0]));
        const groups = Map.groupBy(clicks, (click) => `${minuteOf(click.receivedAtMs)} ${click.adId} ${click.userKey}`);
        for (const group of groups.values()) {
          const left = group.filter(({ event }) => !named.has(event));
          expect(left).toEqual(group.slice(0, CLICKS_PER_MINUTE_MAX));
        }
      }),
      { seed: SEED },
    );
  });
});

describe("clicks that follow each other like a clock", () => {
  const rules = ["regular_intervals"] as const;
  const all = (count: number) => Array.from({ length: count }, (_, at) => `e${at} regular_intervals`);

  it.each([1_000, 20_000, 300_000])("every %i ms are named, all of them, once there are enough", (gapMs) => {
    expect(namedIn(clicksAt(every(gapMs, REGULAR_CLICKS_MIN - 1)), rules)).toEqual([]);
    expect(namedIn(clicksAt(every(gapMs, REGULAR_CLICKS_MIN)), rules)).toEqual(all(REGULAR_CLICKS_MIN));
    expect(namedIn(clicksAt(every(gapMs, 40)), rules)).toEqual(all(40));
  });

  it("are named with a timer's small jitter, and after whatever came before", () => {
    const jittered = every(20_000, 12).map((ms, at) => ms + (at % 2) * 150);
    expect(namedIn(clicksAt(jittered), rules)).toHaveLength(12);
    const later = [0, 3_000, 9_000, ...every(20_000, 10).map((ms) => ms + 60_000)];
    expect(namedIn(clicksAt(later), rules).slice(0, 1)).toEqual(["e3 regular_intervals"]);
  });

  it.each([
    ["a person's gaps", [0, 9_000, 30_000, 41_000, 78_000, 99_000, 117_000, 160_000, 171_000, 200_000]],
    ["a double click's gaps", every(150, 12)],
    ["a break in the middle", [...every(20_000, 7), ...every(20_000, 7).map((ms) => ms + 500_000)]],
    ["gaps of ten minutes", every(600_000, 10)],
  ])("are not named with %s", (_, afterMs) => {
    expect(namedIn(clicksAt(afterMs), rules)).toEqual([]);
  });
});

describe("clicks that come too soon after their ad", () => {
  const rules = ["short_time_to_click"] as const;
  const soon = (elapsedMs: number, count: number, gapMs = 400_000) =>
    clicksAt(every(gapMs, count)).map((click) => ({ ...click, issuedAtMs: click.receivedAtMs - elapsedMs }));

  it("are named, all of them, once one user has made five within an hour", () => {
    expect(namedIn(soon(999, FAST_CLICKS_MIN - 1), rules)).toEqual([]);
    expect(namedIn(soon(999, FAST_CLICKS_MIN), rules)).toHaveLength(FAST_CLICKS_MIN);
    expect(namedIn(soon(0, FAST_CLICKS_MIN + 3), rules)).toHaveLength(FAST_CLICKS_MIN + 3);
  });

  it("are not named a second after it, before it, or spread over hours", () => {
    expect(namedIn(soon(1_000, 20), rules)).toEqual([]);
    expect(namedIn(soon(-1, 20), rules)).toEqual([]);
    expect(namedIn(soon(500, 20, 3_600_000), rules)).toEqual([]);
  });
});

describe("a look", () => {
  it("names a click once, by the first rule that shows it, and asks only the rules that it was given", () => {
    const clicks = clicksAt(every(2_000, 20)).map((click) => ({ ...click, issuedAtMs: click.receivedAtMs - 10 }));
    const named = namedIn(clicks);
    expect(named).toHaveLength(20);
    expect(new Set(named.map((text) => text.split(" ")[0])).size).toBe(20);
    expect(namedIn(clicks, ["current_rules"])).toEqual([]);
  });

  it("forgets the users that clicked longest ago when there are too many", () => {
    const look = new SecondLook(["high_frequency"]);
    const five = clicksAt(every(1, 5));
    const sixth = { ...(five[0] as SeenClick), event: "e5" as EventId };
    for (const click of five) look.add(click);
    for (let user = 0; user < USERS_MAX; user++) look.add({ ...sixth, userKey: `other ${user}` });
    expect(look.add(sixth)).toEqual([]);
  });
});

describe("publishers with outlying rates of clicks", () => {
  const usual = Array.from({ length: 5 }, (_, at) => ({ publisherId: `p${at}`, clicks: 100, impressions: 10_000 }));

  it("are those far beyond all others together, with clicks enough", () => {
    const outlying = { publisherId: "x", clicks: 600, impressions: 10_000 };
    expect(outlyingPublishers([...usual, outlying])).toEqual(["x"]);
    expect(outlyingPublishers([...usual, { ...outlying, clicks: 500 }])).toEqual([]);
    expect(outlyingPublishers([...usual, { publisherId: "x", clicks: 49, impressions: 1 }])).toEqual([]);
    expect(outlyingPublishers([...usual, { publisherId: "x", clicks: 50, impressions: 0 }])).toEqual(["x"]);
  });

  it("are none where there is nobody to compare with", () => {
    expect(outlyingPublishers([])).toEqual([]);
    expect(outlyingPublishers([{ publisherId: "x", clicks: 1_000, impressions: 1 }])).toEqual([]);
  });
});
