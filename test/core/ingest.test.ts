import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Facts, foldEntry, totalsOf } from "../../src/core/facts.ts";
import { MEASURES } from "../../src/core/fields.ts";
import { impressionKeyOf } from "../../src/core/impression-key.ts";
import { planIngest, prepareEvent } from "../../src/core/ingest.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { addCounts, zeroCounts } from "../../src/core/measures.ts";
import type { OpenedEvent } from "../../src/core/message.ts";
import { hourOf } from "../../src/core/time.ts";
import type { TokenEvent } from "../../src/core/token-event.ts";
import { countsOf, type LatePolicy } from "../../src/core/verdict.ts";
import { anOpenedClick, BROWSER, CRAWLER, NOON_MS, NOON_S } from "../support/builders.ts";
import { MemoryIndex } from "../support/memory-index.ts";
import { RULES } from "../support/rules.ts";

const REVIEW: LatePolicy = { mode: "review", allowedLatenessS: 30 };
const ACCEPT: LatePolicy = { mode: "accept", allowedLatenessS: 30 };
const LATE = { occurredAtMs: NOON_MS, receivedAtMs: NOON_MS + 5 * MINUTE_MS };

/** Verdicts of a sequence of batches, as the index of one shard sees them. */
function verdicts(...batches: OpenedEvent[][]): string[][] {
  const index = new MemoryIndex();
  return batches.map((batch) => index.ingest(batch, REVIEW).decided.map(({ decision }) => decision.verdict));
}

describe("redelivery", () => {
  it("inside one batch is not counted at all", () => {
    const click = anOpenedClick();
    const index = new MemoryIndex();
    expect(index.ingest([click, click, click], REVIEW)).toMatchObject({ decided: [{ index: 0 }], redelivered: 2 });
  });

  it("in a later batch is not counted at all and leaves nothing to write", () => {
    const [first, second] = [anOpenedClick(), anOpenedClick()];
    const index = new MemoryIndex();
    index.ingest([first, second], REVIEW);
    expect(index.ingest([second, first], REVIEW)).toEqual({ decided: [], claims: [], repeats: [], redelivered: 2 });
  });

  it.each([
    ["a valid event", {}],
    ["a crawler's event", { userAgent: CRAWLER }],
    ["a HEAD request", { method: "HEAD" as const }],
    ["a late event", LATE],
    ["an event after the token's life", { receivedAtMs: NOON_MS + 2 * HOUR_MS }],
    ["a folded event", { count: 40 }],
  ])("is recognised for %s", (_, facts: Partial<TokenEvent>) => {
    const click = anOpenedClick(facts);
    expect(verdicts([click, click], [click])[0]).toHaveLength(1);
    expect(verdicts([click], [click])[1]).toEqual([]);
  });

  it("is recognised for a duplicate", () => {
    const [first, second] = [anOpenedClick(), anOpenedClick()];
    expect(verdicts([first], [second], [second, first, second])).toEqual([["valid"], ["duplicate"], []]);
  });
});

describe("a duplicate", () => {
  it("is another request for the same impression, in the same batch or a later one", () => {
    expect(verdicts([anOpenedClick(), anOpenedClick()], [anOpenedClick()])).toEqual([
      ["valid", "duplicate"],
      ["duplicate"],
    ]);
  });

  it("is remembered as a repeat in the hour of its receipt, and the claim in the hour of iat", () => {
    const receivedAtMs = NOON_MS + 45 * MINUTE_MS;
    const iat = NOON_S - 1_800;
    const first = anOpenedClick({ receivedAtMs }, { iat });
    const second = anOpenedClick({ receivedAtMs }, { iat });
    const plan = new MemoryIndex().ingest([first, second], REVIEW);
    expect(plan.claims).toEqual([
      { hour: hourOf(iat * 1_000), key: impressionKeyOf("click", first.claims), event: first.event.id },
    ]);
    expect(plan.repeats).toEqual([{ hour: hourOf(receivedAtMs), event: second.event.id }]);
  });

  it.each([
    ["midnight", Date.UTC(2026, 3, 21)],
    ["the end of a month", Date.UTC(2026, 4, 1)],
    ["the end of February in a leap year", Date.UTC(2028, 2, 1)],
    ["the end of a year", Date.UTC(2027, 0, 1)],
    ["the start of summer time in Berlin", Date.UTC(2026, 2, 29, 1)],
    ["the end of summer time in Berlin", Date.UTC(2026, 9, 25, 1)],
    ["the start of daylight saving in New York", Date.UTC(2026, 2, 8, 7)],
  ])("is one across %s", (_, edgeMs) => {
    const claims = { iat: edgeMs / 1_000 - 60, exp: edgeMs / 1_000 + 3_600 };
    const before = anOpenedClick({ receivedAtMs: edgeMs - 1 }, claims);
    const after = anOpenedClick({ receivedAtMs: edgeMs }, claims);
    expect(verdicts([before], [after])).toEqual([["valid"], ["duplicate"]]);
    expect(verdicts([before, after])).toEqual([["valid", "duplicate"]]);
  });

  it("is none under a re-mint: the same jti with another iat is another impression", () => {
    expect(verdicts([anOpenedClick(), anOpenedClick({}, { iat: NOON_S - 1 })])).toEqual([["valid", "valid"]]);
  });

  it("is none of another type: an impression and its click are both valid, in either order", () => {
    const shown = () => anOpenedClick({ type: "impression" });
    expect(verdicts([shown(), anOpenedClick()], [anOpenedClick(), shown()])).toEqual([
      ["valid", "valid"],
      ["duplicate", "duplicate"],
    ]);
  });

  it("is none of another ad or another advertiser", () => {
    expect(verdicts([anOpenedClick(), anOpenedClick({}, { ad: "ad_2" }), anOpenedClick({}, { adv: "adv_2" })])).toEqual(
      [["valid", "valid", "valid"]],
    );
  });
});

describe("only a valid click claims its impression", () => {
  it("so a crawler that comes first does not rob the human's click", () => {
    const crawler = anOpenedClick({ userAgent: CRAWLER });
    expect(verdicts([crawler, anOpenedClick()])).toEqual([["invalid", "valid"]]);
    expect(verdicts([crawler], [anOpenedClick()], [crawler])).toEqual([["invalid"], ["valid"], []]);
  });

  it("so a late click does not rob a timely one, which may be logged after it", () => {
    expect(verdicts([anOpenedClick(LATE)], [anOpenedClick()])).toEqual([["late"], ["valid"]]);
  });

  it("and a late or invalid click stays what it is when the impression is taken", () => {
    expect(verdicts([anOpenedClick()], [anOpenedClick(LATE), anOpenedClick({ userAgent: CRAWLER })])).toEqual([
      ["valid"],
      ["late", "invalid"],
    ]);
  });

  it("and under LATE_POLICY=accept a late click claims", () => {
    const index = new MemoryIndex();
    const plan = index.ingest([anOpenedClick(LATE), anOpenedClick()], ACCEPT);
    expect(plan.decided.map(({ decision }) => decision)).toEqual([
      { verdict: "valid", reason: "late_accepted" },
      { verdict: "duplicate", reason: "same_impression" },
    ]);
  });

  it("and a duplicate that is late under accept is a duplicate", () => {
    const index = new MemoryIndex();
    index.ingest([anOpenedClick()], ACCEPT);
    expect(index.ingest([anOpenedClick(LATE)], ACCEPT).decided[0]?.decision.reason).toBe("same_impression");
  });
});

describe("past the horizon", () => {
  const keyHour = hourOf(NOON_MS);

  it("an event whose claims table is dropped is deferred, and nothing is remembered of it", () => {
    const index = new MemoryIndex();
    index.drop(keyHour + 1);
    expect(index.ingest([anOpenedClick()], REVIEW)).toMatchObject({
      decided: [{ decision: { verdict: "deferred", reason: "key_table_dropped" } }],
      claims: [],
      repeats: [],
    });
  });

  it("an event whose tables are the oldest that are left is decided", () => {
    const index = new MemoryIndex();
    index.drop(keyHour);
    expect(index.ingest([anOpenedClick()], REVIEW).decided[0]?.decision.verdict).toBe("valid");
  });

  it("an event that was received in a dropped hour is deferred although its iat lies ahead", () => {
    const receivedAtMs = NOON_MS - 30_000;
    const index = new MemoryIndex();
    index.drop(keyHour);
    expect(index.ingest([anOpenedClick({ receivedAtMs })], REVIEW).decided[0]?.decision.verdict).toBe("deferred");
  });

  it("an event after its token's life needs only the table of repeats: it never claims", () => {
    const expired = anOpenedClick({ receivedAtMs: NOON_MS + 2 * HOUR_MS });
    const index = new MemoryIndex();
    index.drop(keyHour + 2);
    expect(index.ingest([expired], REVIEW).decided[0]?.decision.reason).toBe("expired_token");
    expect(index.ingest([expired], REVIEW).redelivered).toBe(1);
    index.drop(keyHour + 3);
    expect(index.ingest([expired], REVIEW).decided[0]?.decision.verdict).toBe("deferred");
  });

  it("an event is never counted a second time after its claim was forgotten", () => {
    const click = anOpenedClick();
    const index = new MemoryIndex();
    index.ingest([click], REVIEW);
    index.drop(hourOf(NOON_MS + 40 * DAY_MS));
    expect(index.ingest([click, anOpenedClick()], REVIEW).decided.map(({ decision }) => decision.verdict)).toEqual([
      "deferred",
      "deferred",
    ]);
  });

  it("copies of a deferred event inside one batch are one", () => {
    const click = anOpenedClick();
    const index = new MemoryIndex();
    index.drop(keyHour + 1);
    expect(index.ingest([click, click], REVIEW)).toMatchObject({ decided: [{ index: 0 }], redelivered: 1 });
  });
});

describe("a change of rules between two deliveries", () => {
  it("does not count an event again that is a repeat and would be valid now", () => {
    const click = anOpenedClick();
    const known = { claimedBy: new Map(), repeats: new Set([click.event.id]), droppedBeforeHour: 0 };
    expect(planIngest([prepareEvent(click)], known, REVIEW)).toMatchObject({ decided: [], claims: [], redelivered: 1 });
  });

  it("does not count an event again that claimed and would be invalid now", () => {
    const click = anOpenedClick({ userAgent: CRAWLER });
    const prepared = prepareEvent(click);
    const known = {
      claimedBy: new Map([[prepared.key, click.event.id]]),
      repeats: new Set<never>(),
      droppedBeforeHour: 0,
    };
    expect(planIngest([prepared], known, REVIEW)).toMatchObject({ decided: [], repeats: [], redelivered: 1 });
  });

  it("does not count a late event again after LATE_POLICY turned from review to accept", () => {
    const click = anOpenedClick(LATE);
    const index = new MemoryIndex();
    index.ingest([click], REVIEW);
    expect(index.ingest([click], ACCEPT)).toMatchObject({ decided: [], redelivered: 1 });
  });
});

describe("a plan", () => {
  it("of an empty batch is empty", () => {
    expect(new MemoryIndex().ingest([], REVIEW)).toEqual({ decided: [], claims: [], repeats: [], redelivered: 0 });
  });

  it("does not change what is known: applying it is the shard's act", () => {
    const known = { claimedBy: new Map(), repeats: new Set<never>(), droppedBeforeHour: 0 };
    planIngest([prepareEvent(anOpenedClick()), prepareEvent(anOpenedClick())], known, REVIEW);
    expect(known).toEqual({ claimedBy: new Map(), repeats: new Set(), droppedBeforeHour: 0 });
  });

  it("of a folded event claims once and counts the rest as duplicates", () => {
    const plan = new MemoryIndex().ingest([anOpenedClick({ count: 7 }), anOpenedClick({ count: 3 })], REVIEW);
    expect(plan.claims).toHaveLength(1);
    expect(plan.decided.map(({ decision }) => decision.verdict)).toEqual(["valid", "duplicate"]);
  });
});

describe("whatever is delivered, in whatever order, however often, in whatever batches", () => {
  const event = fc
    .record({
      type: fc.constantFrom("click" as const, "click" as const, "impression" as const),
      jti: fc.constantFrom("i1", "i2", "i3"),
      iat: fc.constantFrom(NOON_S, NOON_S - 1),
      userAgent: fc.constantFrom(BROWSER, BROWSER, CRAWLER),
      method: fc.constantFrom("GET" as const, "POST" as const, "HEAD" as const),
      count: fc.integer({ min: 1, max: 4 }),
      occurredAtMs: fc.constantFrom(NOON_MS, NOON_MS + 59_999),
      delayMs: fc.constantFrom(0, 1_000, 60_000, 120_000, 3_700_000),
      tst: fc.boolean().map((isTest) => isTest && true),
    })
    .map(({ jti, iat, tst, delayMs, ...facts }) =>
      anOpenedClick({ ...facts, receivedAtMs: facts.occurredAtMs + delayMs }, { jti, iat, tst }),
    );
  const deliveries = fc.array(event, { minLength: 1, maxLength: 12 }).chain((events) =>
    fc.record({
      events: fc.constant(events),
      batches: fc.array(fc.array(fc.nat({ max: events.length - 1 }), { maxLength: 8 }), { maxLength: 10 }),
      modes: fc.infiniteStream(fc.constantFrom(REVIEW, ACCEPT)),
      drops: fc.infiniteStream(
        fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 3 }) }),
      ),
    }),
  );

  it("an impression has at most one valid, an event counts once, and gross is the sum of its parts", () => {
    fc.assert(
      fc.property(deliveries, ({ events, batches, modes, drops }) => {
        const index = new MemoryIndex();
        let delivered = 0;
        for (const picks of [...batches, events.map((_, at) => at)]) {
          index.ingest(
            picks.map((at) => events[at] as OpenedEvent),
            modes.next().value as LatePolicy,
          );
          index.drop(hourOf(NOON_MS) - 1 + (drops.next().value as number));
          delivered += picks.length;
        }
        expect(index.log.length + index.redelivered).toBe(delivered);

        const counted = index.log.filter(({ decision }) => decision.verdict !== "deferred");
        const ids = counted.map(({ opened }) => opened.event.id);
        expect(new Set(ids).size).toBe(ids.length);

        const valid = counted.filter(({ decision }) => decision.verdict === "valid");
        const keys = valid.map(({ opened }) => impressionKeyOf(opened.event.type, opened.claims));
        expect(new Set(keys).size).toBe(keys.length);

        const facts: Facts = new Map();
        const gross = { click: 0, impression: 0 };
        for (const { opened, decision } of index.log) {
          foldEntry(facts, { ...opened, ...decision, seq: 1, loggedAtMs: NOON_MS, rules: RULES.id, review: null });
          const parts = countsOf(decision.verdict, opened.event.count);
          if (decision.verdict !== "deferred") gross[opened.event.type] += opened.event.count;
          expect(Object.values(parts).every((part) => part >= 0)).toBe(true);
        }
        const totals = zeroCounts();
        for (const row of facts.values()) addCounts(totals, totalsOf(row));
        const total = Object.fromEntries(MEASURES.map((measure, at) => [measure, totals[at] ?? 0])) as Record<
          string,
          number
        >;
        const { valid: validTotal = 0, duplicate = 0, invalid = 0, late = 0, impressions = 0 } = total;
        expect(total["gross"]).toBe(gross.click);
        expect(validTotal + duplicate + invalid + late).toBe(gross.click);
        expect(total["gross_impressions"]).toBe(gross.impression);
        expect(validTotal + impressions).toBe(valid.length);
      }),
      { seed: 20261122, numRuns: 500 },
    );
  });

  it("every event is decided at last when no table is dropped", () => {
    fc.assert(
      fc.property(deliveries, ({ events, batches }) => {
        const index = new MemoryIndex();
        for (const picks of [...batches, events.map((_, at) => at)]) {
          index.ingest(
            picks.map((at) => events[at] as OpenedEvent),
            REVIEW,
          );
        }
        expect(new Set(index.log.map(({ opened }) => opened.event.id))).toEqual(
          new Set(events.map(({ event: { id } }) => id)),
        );
      }),
      { seed: 20261122, numRuns: 200 },
    );
  });
});
