/** Laws of orders: however the words on an order arrive, and however often, it ends in the same figures. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "../../src/core/base64url.ts";
import type { ClickIdentity } from "../../src/core/click-id.ts";
import type { ConversionEvent } from "../../src/core/conversion.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import { totalsOf } from "../../src/core/facts.ts";
import { MEASURES } from "../../src/core/fields.ts";
import { DAY_MS, MINUTE_MS } from "../../src/core/limits.ts";
import type { ConversionContent } from "../../src/core/log-line.ts";
import { decideConversion, type OrderState } from "../../src/core/order.ts";
import { minuteOf } from "../../src/core/time.ts";
import { NOON_MS } from "../support/builders.ts";
import { fold, plain } from "../support/folding.ts";
import { aClickIdentity, aConversion } from "../support/submissions.ts";

const WINDOW_DAYS = 7;
const RUNS = { seed: 20261122, numRuns: 500 };

/** One order, and everything that is ever said of it. */
type Story = {
  readonly clicks: readonly ClickIdentity[];
  readonly records: readonly ConversionEvent[];
  readonly corrections: readonly ConversionEvent[];
  readonly retraction: ConversionEvent | null;
};

/** Clicks of up to eleven days before, several of them in one minute; one in five is test traffic. */
const anyClick = fc
  .record({
    minutesBefore: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 16_000 })),
    receivedMs: fc.nat({ max: 59_999 }),
    random: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    campaignId: fc.constantFrom("cmp_1", "cmp_2"),
    publisherId: fc.constantFrom("pub_1", "pub_2"),
    isTest: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
  })
  .map(({ minutesBefore, receivedMs, random, ...rest }) => {
    const clickedAtMs = NOON_MS - minutesBefore * MINUTE_MS;
    const eventId = makeEventId({ receivedAtMs: clickedAtMs + receivedMs, routingHash: 7 }, random);
    return aClickIdentity({ ...rest, clickedAtMs, eventId });
  });

const anyStory: fc.Arbitrary<Story> = fc
  .record({
    clicks: fc.uniqueArray(anyClick, { minLength: 1, maxLength: 6, selector: ({ eventId }) => eventId }),
    valueMicros: fc.integer({ min: 0, max: 1_000 }),
    // Refunds in parts that never exceed the value, whatever comes first; and surcharges.
    parts: fc.array(fc.integer({ min: -100, max: 100 }), { maxLength: 5 }),
    isRetracted: fc.boolean(),
  })
  .map(({ clicks, valueMicros, parts, isRetracted }) => {
    const occurredAtMs = NOON_MS + 10 * MINUTE_MS;
    const told = (overrides: Parameters<typeof aConversion>[0], click = clicks[0]) =>
      aConversion({ occurredAtMs, windowDays: WINDOW_DAYS, ...overrides }, click);
    const amounts = parts.map((part) => (part < 0 ? Math.trunc((part * valueMicros) / 500) : part));
    return {
      clicks,
      records: clicks.map((click) => told({ valueMicros }, click)),
      corrections: amounts.map((amount, at) =>
        told({ action: "correct", valueMicros: amount, correctionId: `c${at}` }),
      ),
      retraction: isRetracted ? told({ action: "retract", valueMicros: 0 }) : null,
    };
  });

/** Any order and repetition that begins with a record and has nothing new after the retraction. */
function tellings(story: Story): fc.Arbitrary<ConversionEvent[]> {
  const { records, corrections, retraction } = story;
  const words = [...records, ...corrections];
  const order = fc.shuffledSubarray(words, { minLength: words.length }).map((shuffled) => {
    const first = shuffled.findIndex(({ action }) => action === "record");
    return [...shuffled.slice(first, first + 1), ...shuffled.slice(0, first), ...shuffled.slice(first + 1)];
  });
  const repeats = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 8 });
  return fc.tuple(order, repeats).map(([ordered, again]) => {
    const told = retraction === null ? [...ordered] : [...ordered, retraction];
    for (const [from, to] of again) {
      const at = from % told.length;
      const word = told[at] as ConversionEvent;
      // A repeat is another request: it has an id of its own, and comes after what it repeats.
      told.splice(at + 1 + (to % (told.length - at)), 0, { ...word, id: aConversion().id });
    }
    return told;
  });
}

const anyTelling = anyStory.chain((story) => fc.record({ story: fc.constant(story), told: tellings(story) }));

/** The lines that are logged, with the order remembered as text. */
function linesOf(told: readonly ConversionEvent[]): ConversionContent[] {
  let state: string | null = null;
  const lines: ConversionContent[] = [];
  for (const event of told) {
    const decided = decideConversion(event, state === null ? null : (parseJson(state) as OrderState));
    if (!decided.ok) continue;
    state = JSON.stringify(decided.value.state);
    if (decided.value.line !== null) lines.push({ event, ...decided.value.line });
  }
  return lines;
}

/** What the order is worth by its own words, without deciding anything one by one. */
function modelOf({ clicks, records, corrections, retraction }: Story) {
  const creditable = clicks.filter(
    ({ isTest, clickedAtMs }) => !isTest && NOON_MS + 10 * MINUTE_MS - clickedAtMs <= WINDOW_DAYS * DAY_MS,
  );
  const [latest] = [...creditable].sort((a, b) =>
    a.clickedAtMs === b.clickedAtMs ? (a.eventId < b.eventId ? 1 : -1) : b.clickedAtMs - a.clickedAtMs,
  );
  if (latest === undefined || retraction !== null) return [];
  const valueMicros = corrections.reduce((sum, each) => sum + each.valueMicros, records[0]?.valueMicros ?? 0);
  const at = (minuteAtMs: number) => `${latest.campaignId} ${latest.publisherId} ${minuteOf(minuteAtMs)}`;
  return [
    `${at(latest.clickedAtMs)}: 1 of ${valueMicros}`,
    `${at(NOON_MS + 10 * MINUTE_MS)}: by time 1 of ${valueMicros}`,
  ].sort();
}

/** The same of facts. */
function figuresOf(lines: readonly ConversionContent[]): string[] {
  const figures: string[] = [];
  for (const row of fold(lines).values()) {
    for (const [cell, counts] of row.cells) {
      const totals = totalsOf({ cells: new Map([[cell, counts]]) });
      const [conversions, byTime, value, valueByTime] = [
        ...([
          "conversions",
          "conversions_by_time",
          "conversion_value_micros",
          "conversion_value_by_time_micros",
        ] as const),
      ].map((measure) => totals[MEASURES.indexOf(measure)]);
      const key = `${row.campaignId} ${cell.split("\u001f")[0]} ${row.window}`;
      if (conversions !== 0 || value !== 0) figures.push(`${key}: ${conversions} of ${value}`);
      if (byTime !== 0 || valueByTime !== 0) figures.push(`${key}: by time ${byTime} of ${valueByTime}`);
    }
  }
  return figures.sort();
}

describe("an order", () => {
  it("ends with its latest click in the window and its net value, in whatever order and however often it is told", () => {
    fc.assert(
      fc.property(anyTelling, ({ story, told }) => {
        expect(figuresOf(linesOf(told))).toEqual(modelOf(story));
      }),
      RUNS,
    );
  });

  it("is never less than nothing on the way: each line takes away only what is there", () => {
    fc.assert(
      fc.property(anyTelling, ({ told }) => {
        const lines = linesOf(told);
        for (let until = 1; until <= lines.length; until++) {
          for (const { cells, reasons } of plain(fold(lines.slice(0, until)))) {
            for (const [, counts] of cells) expect(Math.min(...counts)).toBeGreaterThanOrEqual(0);
            for (const [, count] of reasons) expect(count).toBeGreaterThan(0);
          }
        }
      }),
      RUNS,
    );
  });

  it("is credited once at every moment: each line's prior is the next of the line before", () => {
    fc.assert(
      fc.property(anyTelling, ({ told }) => {
        let credit: unknown = null;
        for (const { prior, next, verdict, reason } of linesOf(told)) {
          const isMoved = verdict === "valid" && (prior !== null || next !== null);
          if (!isMoved) {
            expect([prior, next]).toEqual([null, null]);
            continue;
          }
          expect(prior, String(reason)).toEqual(credit);
          credit = next;
        }
      }),
      RUNS,
    );
  });

  it("is told all when it is told twice: the second telling logs nothing", () => {
    fc.assert(
      fc.property(anyTelling, ({ told }) => {
        expect(linesOf([...told, ...told])).toEqual(linesOf(told));
      }),
      RUNS,
    );
  });
});
