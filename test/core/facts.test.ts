import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cellDimensionsOf,
  cellKeyOfStored,
  type Facts,
  foldEntry,
  mergeFacts,
  totalsOf,
  widenFacts,
} from "../../src/core/facts.ts";
import { CELL_DIMENSIONS, MEASURES, type Measure } from "../../src/core/fields.ts";
import type { LoggedEvent } from "../../src/core/log-line.ts";
import { toCounts } from "../../src/core/measures.ts";
import type { Review } from "../../src/core/review.ts";
import { dayOf, hourOf, minuteOf } from "../../src/core/time.ts";
import { EVENT_TYPES, type EventType } from "../../src/core/token-event.ts";
import type { Decision } from "../../src/core/verdict.ts";
import { anOpenedClick, NOON_MS } from "../support/builders.ts";
import { fold, plain, totalsByMeasure } from "../support/folding.ts";
import { RULES } from "../support/rules.ts";

const REVIEW: Review = { by: "key_7", atMs: NOON_MS };
const VALID: Decision = { verdict: "valid", reason: null };

function aLogged(
  decision: Decision = VALID,
  event: Parameters<typeof anOpenedClick>[0] = {},
  claims: Parameters<typeof anOpenedClick>[1] = {},
  review: Review | null = null,
): LoggedEvent {
  return { ...anOpenedClick(event, claims), ...decision, seq: 1, loggedAtMs: NOON_MS, rules: RULES.id, review };
}

describe("folding one event", () => {
  it("makes a row of its minute and a cell of its dimensions", () => {
    const facts = fold([aLogged(VALID, {}, { grp: "grp_2", crt: "crt_3" })]);
    expect([...facts.values()]).toEqual([
      {
        advertiserId: "adv_1",
        window: minuteOf(NOON_MS),
        campaignId: "cmp_7",
        adGroupId: "grp_2",
        adId: "ad_9",
        cells: new Map([
          [
            cellKeyOfStored(["pub_1", "DE", "desktop", "crt_3"]),
            toCounts({ gross: 1, valid: 1, spend_micros: 250_000 }),
          ],
        ]),
        reasons: new Map(),
        users: new Set(),
      },
    ]);
  });

  it.each([
    ...["head_request", "link_preview", "non_browser_agent", "declared_crawler", "data_centre_network", "too_fast"].map(
      (reason) => [reason, true] as const,
    ),
    ...["test", "expired_token", "late_rejected"].map((reason) => [reason, false] as const),
  ])("counts the reason %s as of a machine: %s", (reason, isOfMachine) => {
    const decision = { verdict: "invalid", reason } as Decision;
    const [row] = fold([aLogged(decision, { count: 3 })]).values();
    expect(row && totalsOf(row)).toEqual(toCounts({ gross: 3, invalid: 3, givt: isOfMachine ? 3 : 0 }));
  });

  it("writes the empty string for what is unknown", () => {
    const [row] = fold([aLogged(VALID, { country: null })]).values();
    expect(row?.adGroupId).toBe("");
    expect([...(row?.cells.keys() ?? [])].map(cellDimensionsOf)).toEqual([
      CELL_DIMENSIONS.map((name) => ({ publisher_id: "pub_1", device: "desktop" })[name as string] ?? ""),
    ]);
  });

  it("takes the minute in which the click occurred, not in which it was received or logged", () => {
    const [row] = fold([aLogged(VALID, { occurredAtMs: NOON_MS - 1, receivedAtMs: NOON_MS })]).values();
    expect(row?.window).toBe(minuteOf(NOON_MS) - 1);
  });

  it.each([
    ["valid", null, 3, { gross: 3, valid: 1, duplicate: 2, spend_micros: 250_000 }, { same_impression: 2 }],
    [
      "valid",
      "late_accepted",
      3,
      { gross: 3, valid: 1, duplicate: 2, spend_micros: 250_000 },
      { late_accepted: 1, same_impression: 2 },
    ],
    ["valid", null, 1, { gross: 1, valid: 1, spend_micros: 250_000 }, {}],
    ["duplicate", "same_impression", 3, { gross: 3, duplicate: 3 }, { same_impression: 3 }],
    ["invalid", "declared_crawler", 3, { gross: 3, invalid: 3, givt: 3 }, { declared_crawler: 3 }],
    ["late", "late", 3, { gross: 3, late: 3 }, { late: 3 }],
  ] as const)("counts %s (%s) of %d requests", (verdict, reason, count, counts, reasons) => {
    const [row] = fold([aLogged({ verdict, reason }, { count })]).values();
    expect(row && totalsOf(row)).toEqual(toCounts(counts));
    expect(Object.fromEntries(row?.reasons ?? [])).toEqual(reasons);
  });

  it("counts nothing of a deferred event, not even a row", () => {
    expect(fold([aLogged({ verdict: "deferred", reason: "key_table_dropped" })]).size).toBe(0);
  });
});

describe("the review of a late click", () => {
  const LATE: Decision = { verdict: "late", reason: "late" };
  it.each([
    [
      "valid",
      "late_accepted",
      { gross: 3, valid: 1, duplicate: 2, spend_micros: 250_000 },
      { late_accepted: 1, same_impression: 2 },
    ],
    ["duplicate", "same_impression", { gross: 3, duplicate: 3 }, { same_impression: 3 }],
    ["invalid", "late_rejected", { gross: 3, invalid: 3 }, { late_rejected: 3 }],
  ] as const)("moves its counts from late to %s (%s), and gross stays", (verdict, reason, counts, reasons) => {
    const late = aLogged(LATE, { count: 3 });
    const reviewed: LoggedEvent = { ...late, verdict, reason, review: REVIEW };
    const orders = [
      [late, reviewed],
      [reviewed, late],
    ];
    for (const events of orders) {
      const [row] = fold(events).values();
      expect(row && totalsOf(row)).toEqual(toCounts(counts));
      expect(Object.fromEntries(row?.reasons ?? [])).toEqual(reasons);
    }
  });
});

const INVALID: Decision = { verdict: "invalid", reason: "high_frequency" };
const DUPLICATE: Decision = { verdict: "duplicate", reason: "same_impression" };
const DEFERRED: Decision = { verdict: "deferred", reason: "key_table_dropped" };
const WAITING: Decision = { verdict: "late", reason: "late" };

/** The line that moves an event of another line. */
function revised(line: LoggedEvent, n: number, from: Decision, to: Decision): LoggedEvent {
  return {
    ...line,
    ...to,
    revision: { n, from, cause: "audit/2026-04-20/0001", by: "key_1", atMs: NOON_MS, isListed: false },
  };
}

describe("a revision", () => {
  it.each([
    ["valid", VALID, INVALID, { gross: 3, invalid: 3 }, { high_frequency: 3 }],
    ["valid", VALID, DUPLICATE, { gross: 3, duplicate: 3 }, { same_impression: 3 }],
    [
      ...(["duplicate", DUPLICATE, VALID, { gross: 3, valid: 1, duplicate: 2, spend_micros: 250_000 }] as const),
      { same_impression: 2 },
    ],
    ["late", WAITING, INVALID, { gross: 3, invalid: 3 }, { high_frequency: 3 }],
    [
      "nothing, of a deferred event, which enters gross",
      DEFERRED,
      INVALID,
      { gross: 3, invalid: 3 },
      { high_frequency: 3 },
    ],
  ] as const)(
    "moves counts, price and user from %s to another verdict, in any order",
    (_, from, to, counts, reasons) => {
      const line = aLogged(from, { count: 3 });
      for (const lines of [
        [line, revised(line, 1, from, to)],
        [revised(line, 1, from, to), line],
      ]) {
        const [row] = fold(lines).values();
        expect(row && totalsOf(row)).toEqual(toCounts(counts));
        expect(Object.fromEntries(row?.reasons ?? [])).toEqual(reasons);
      }
    },
  );

  it("takes nobody away from the users, and adds none that is not valid", () => {
    const line = aLogged(VALID, {}, { uid: "user_1" });
    const usersOf = (lines: LoggedEvent[]) => Array.from(fold(lines).values(), ({ users }) => users.size);
    expect(usersOf([line, revised(line, 1, VALID, INVALID)])).toEqual([1]);
    expect(usersOf([revised(line, 1, VALID, INVALID)])).toEqual([0]);
    expect(usersOf([revised(line, 1, DUPLICATE, VALID)])).toEqual([1]);
  });

  it("of events of every kind, however often: the fold of a log is the fold of the last verdicts", () => {
    const decision = fc.constantFrom(VALID, INVALID, DUPLICATE, { verdict: "valid", reason: "late_accepted" } as const);
    const story = fc.record({
      first: fc.constantFrom(VALID, INVALID, DUPLICATE, WAITING, DEFERRED),
      later: fc.array(decision, { maxLength: 4 }),
      event: fc.record({
        count: fc.integer({ min: 1, max: 3 }),
        type: fc.constantFrom("click" as const, "impression" as const),
        minute: fc.integer({ min: 0, max: 2 }),
      }),
    });
    fc.assert(
      fc.property(fc.array(story, { maxLength: 12 }), fc.nat(), (stories, turn) => {
        const lines: LoggedEvent[] = [];
        const last: LoggedEvent[] = [];
        for (const { first, later, event } of stories) {
          const { count, type, minute } = event;
          const occurredAtMs = NOON_MS + minute * 60_000;
          const line = aLogged(first, { count, type, occurredAtMs, receivedAtMs: occurredAtMs });
          lines.push(line, ...later.map((to, at) => revised(line, at + 1, later[at - 1] ?? first, to)));
          last.push({ ...line, ...(later.at(-1) ?? first) });
        }
        const turned = [...lines.slice(turn % (lines.length + 1)), ...lines.slice(0, turn % (lines.length + 1))];
        expect(plain(fold(turned))).toEqual(plain(fold(last)));
      }),
      { seed: 20261128 },
    );
  });
});

describe("cell keys", () => {
  it("give back their dimensions in order", () => {
    const dimensions = CELL_DIMENSIONS.map((name) => `some-${name}`);
    expect(cellDimensionsOf(cellKeyOfStored(dimensions))).toEqual(dimensions);
    expect(cellDimensionsOf(cellKeyOfStored([]))).toHaveLength(CELL_DIMENSIONS.length);
  });
});

describe("merging", () => {
  it("copies: later folds do not reach into facts that were merged before", () => {
    const source = fold([aLogged()]);
    const target: Facts = new Map();
    mergeFacts(target, source.values());
    foldEntry(source, aLogged());
    expect(totalsByMeasure(target)).toMatchObject({ gross: 1 });
  });

  it("takes negative deltas, as corrections are", () => {
    const facts = fold([aLogged(), aLogged()]);
    const [row] = fold([aLogged()]).values();
    if (row === undefined) throw new Error("one row");
    const cells = new Map([...row.cells].map(([key, counts]) => [key, counts.map((count) => -count)]));
    mergeFacts(facts, [{ ...row, cells }]);
    expect(totalsByMeasure(facts)).toEqual({ gross: 1, valid: 1, spend_micros: 250_000 });
  });
});

/** Reasons that a review may give. */
const REVIEWED: readonly unknown[] = ["late_accepted", "late_rejected", "same_impression"];
const decision: fc.Arbitrary<Decision> = fc.constantFrom(
  VALID,
  { verdict: "valid", reason: "late_accepted" },
  { verdict: "duplicate", reason: "same_impression" },
  { verdict: "invalid", reason: "declared_crawler" },
  { verdict: "invalid", reason: "test" },
  { verdict: "invalid", reason: "late_rejected" },
  { verdict: "late", reason: "late" },
  { verdict: "deferred", reason: "key_table_dropped" },
);
const logged = fc
  .record({
    type: fc.constantFrom(...EVENT_TYPES),
    uid: fc.constantFrom(null, "u_1", "u_2"),
    decision,
    count: fc.integer({ min: 1, max: 5 }),
    occurredAtMs: fc.nat({ max: 3 * 86_400_000 }).map((ms) => NOON_MS + ms),
    country: fc.constantFrom("DE", "US", null),
    device: fc.constantFrom("desktop" as const, "mobile" as const),
    adv: fc.constantFrom("adv_1", "adv_2"),
    ad: fc.constantFrom("ad_1", "ad_2", "ad_3"),
    pub: fc.constantFrom("pub_1", "pub_2"),
    crt: fc.constantFrom("crt_1", null),
    cpc: fc.constantFrom(0, 1, 250_000),
    isReviewed: fc.boolean(),
  })
  .map(({ decision: decided, type, count, occurredAtMs, country, device, isReviewed, ...claims }) => {
    const review = isReviewed && REVIEWED.includes(decided.reason) ? REVIEW : null;
    return aLogged(decided, { type, count, occurredAtMs, country, device }, claims, review);
  });
const log = fc.array(logged, { maxLength: 40 });

describe("folding is a homomorphism", () => {
  it("any split of a log, folded in parts and merged in any order, gives the facts of the whole", () => {
    const split = log.chain((events) =>
      fc.record({
        events: fc.constant(events),
        parts: fc.array(fc.nat({ max: 5 }), { minLength: events.length, maxLength: events.length }),
        order: fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 }),
      }),
    );
    fc.assert(
      fc.property(split, ({ events, parts, order }) => {
        const merged: Facts = new Map();
        for (const part of order) mergeFacts(merged, fold(events.filter((_, at) => parts[at] === part)).values());
        expect(plain(merged)).toEqual(plain(fold(events)));
      }),
      { seed: 20261122, numRuns: 300 },
    );
  });

  it("and does not depend on the order of the log", () => {
    fc.assert(
      fc.property(log, (events) => {
        expect(plain(fold(events.toReversed()))).toEqual(plain(fold(events)));
      }),
      { seed: 20261122 },
    );
  });
});

describe("rows", () => {
  it("hold the law gross = valid + duplicate + invalid + late, in every cell and in total", () => {
    fc.assert(
      fc.property(log, (events) => {
        for (const row of fold(events).values()) {
          for (const counts of [...row.cells.values(), totalsOf(row)]) {
            const at = (measure: Measure) => counts[MEASURES.indexOf(measure)] ?? 0;
            expect(at("gross")).toBe(at("valid") + at("duplicate") + at("invalid") + at("late"));
          }
        }
      }),
      { seed: 20261122 },
    );
  });

  it("have totals that are the sum of their cells, and of the log", () => {
    fc.assert(
      fc.property(log, (events) => {
        const counted = events.filter((each) => each.verdict !== "deferred" && each.review === null);
        const grossOf = (type: EventType) =>
          counted.filter(({ event }) => event.type === type).reduce((sum, { event }) => sum + event.count, 0);
        const clicks = events.filter(({ event, verdict }) => event.type === "click" && verdict === "valid");
        const totals = totalsByMeasure(fold(events));
        expect(totals.gross ?? 0).toBe(grossOf("click"));
        expect(totals.gross_impressions ?? 0).toBe(grossOf("impression"));
        expect(totals.spend_micros ?? 0).toBe(clicks.reduce((sum, { claims }) => sum + claims.cpc, 0));
        expect(totals.valid_with_user ?? 0).toBe(clicks.filter(({ claims }) => claims.uid !== null).length);
      }),
      { seed: 20261122 },
    );
  });

  it("have reasons that explain every request that is not valid, and every late one that was accepted", () => {
    fc.assert(
      fc.property(log, (events) => {
        for (const row of fold(events).values()) {
          const totals = totalsOf(row);
          const at = (measure: Measure) => totals[MEASURES.indexOf(measure)] ?? 0;
          // Those of impressions name their type; what they explain is what gross has beyond valid.
          const explainedBy = (isTheirs: (reason: string) => boolean) => {
            const reasons = [...row.reasons].filter(
              ([reason]) => isTheirs(reason) && !reason.endsWith("late_accepted"),
            );
            return reasons.reduce((sum, [, count]) => sum + count, 0);
          };
          const isOfImpressions = (reason: string) => reason.startsWith("impression.");
          expect(explainedBy((reason) => !isOfImpressions(reason))).toBe(at("duplicate") + at("invalid") + at("late"));
          expect(explainedBy(isOfImpressions)).toBe(at("gross_impressions") - at("impressions"));
          expect(row.reasons.get("same_impression") ?? 0).toBe(at("duplicate"));
          expect(row.reasons.get("late") ?? 0).toBe(at("late"));
          expect(row.reasons.get("late_accepted") ?? 0).toBeLessThanOrEqual(at("valid"));
        }
      }),
      { seed: 20261122 },
    );
  });
});

describe("widening", () => {
  it("to hours and then to days is widening to days, and loses nothing", () => {
    fc.assert(
      fc.property(log, (events) => {
        const facts = fold(events);
        const hours = widenFacts(facts, 60);
        const days = widenFacts(facts, 1_440);
        expect(plain(widenFacts(hours, 24))).toEqual(plain(days));
        expect(totalsByMeasure(hours)).toEqual(totalsByMeasure(facts));
        expect(totalsByMeasure(days)).toEqual(totalsByMeasure(facts));
      }),
      { seed: 20261122 },
    );
  });

  it("puts an event into the hour and day that hold it", () => {
    const facts = fold([aLogged(VALID, { occurredAtMs: NOON_MS + 59 * 60_000 })]);
    expect([...widenFacts(facts, 60).values()].map((row) => row.window)).toEqual([hourOf(NOON_MS)]);
    expect([...widenFacts(facts, 1_440).values()].map((row) => row.window)).toEqual([dayOf(NOON_MS)]);
  });

  it("commutes with merging", () => {
    fc.assert(
      fc.property(log, log, (one, other) => {
        const both = widenFacts(fold([...one, ...other]), 60);
        const merged = widenFacts(fold(one), 60);
        mergeFacts(merged, widenFacts(fold(other), 60).values());
        expect(plain(merged)).toEqual(plain(both));
      }),
      { seed: 20261122 },
    );
  });

  it("leaves the narrow facts as they are", () => {
    const facts = fold([aLogged()]);
    const before = plain(facts);
    mergeFacts(widenFacts(facts, 60), fold([aLogged()]).values());
    expect(plain(facts)).toEqual(before);
  });
});

describe("[attack 4] an event after its token's life", () => {
  const days = (n: number) => n * 86_400_000;
  const receivedAtMs = NOON_MS + days(20);

  it.each(["click", "impression"] as const)(
    "counts when it was received, whatever time the client of a %s says",
    (type) => {
      for (const occurredAtMs of [NOON_MS, NOON_MS + 1, NOON_MS + 3_600_000, NOON_MS + days(7), receivedAtMs]) {
        const facts: Facts = new Map();
        const opened = anOpenedClick({ type, occurredAtMs, receivedAtMs, clock: "client" });
        const line = { seq: 1, loggedAtMs: receivedAtMs, rules: RULES.id, review: null };
        foldEntry(facts, { ...opened, ...line, verdict: "invalid", reason: "expired_token" });
        expect(Array.from(facts.values(), ({ window }) => window)).toEqual([receivedAtMs / 60_000]);
      }
    },
  );

  it("counts in its own minute as long as the token lives", () => {
    const facts: Facts = new Map();
    const opened = anOpenedClick({ occurredAtMs: NOON_MS, receivedAtMs: NOON_MS + 3_600_000, clock: "client" });
    foldEntry(facts, {
      ...opened,
      seq: 1,
      loggedAtMs: receivedAtMs,
      rules: RULES.id,
      review: null,
      verdict: "late",
      reason: "late",
    });
    expect(Array.from(facts.values(), ({ window }) => window)).toEqual([NOON_MS / 60_000]);
  });
});
