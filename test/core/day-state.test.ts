import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ClosedDay,
  closingOf,
  DAY_STATES,
  type DayState,
  dayStateOf,
  statesIn,
} from "../../src/core/day-state.ts";
import { DAY_MS, HOUR_MS } from "../../src/core/limits.ts";
import { isoDay } from "../../src/core/time.ts";

const NOV = Date.UTC(2026, 10, 1);
const FAR_MS = NOV + 400 * DAY_MS;
const day = (number: number) => NOV + (number - 1) * DAY_MS;

/** Log days of November by their number: c clean, b blocked, s sealed, a point for a gap. */
function logDays(from: number, states: string): ClosedDay[] {
  const named = { c: "clean", b: "blocked", s: "sealed" } as const;
  return Array.from(states).flatMap((letter, at) =>
    letter === "." ? [] : [{ day: isoDay(day(from + at)), state: named[letter as keyof typeof named] }],
  );
}

/** One of them, mended in the log of another. */
function mended(days: readonly ClosedDay[], number: number, on: number): ClosedDay[] {
  return days.map((one) => (one.day === isoDay(day(number)) ? { ...one, mendedOn: isoDay(day(on)) } : one));
}

/** What MONEY says in words, log day by log day. */
function stateByWords(toMs: number, days: readonly ClosedDay[], graceMs: number): DayState {
  const first = days[0];
  if (first === undefined) return "provisional";
  const firstMs = Date.parse(first.day);
  const needed = [firstMs];
  for (let ms = firstMs + DAY_MS; ms < toMs + graceMs; ms += DAY_MS) needed.push(ms);
  const stateOf = (ms: number) => days.find((one) => one.day === isoDay(ms))?.state;
  if (needed.some((ms) => stateOf(ms) === "blocked")) return "blocked";
  return needed.every((ms) => stateOf(ms) === "clean") ? "reconciled" : "provisional";
}

describe("the state of a day", () => {
  it.each<[string, ClosedDay[], number, number, DayState]>([
    ["without any log day", [], 24, 11, "provisional"],
    ["before its own log day is audited", logDays(10, "s"), 0, 11, "provisional"],
    ["whose log day is clean, without grace", logDays(10, "c"), 0, 11, "reconciled"],
    ["whose next log day is still to come in the grace", logDays(10, "c"), 24, 11, "provisional"],
    ["whose log days of the grace are clean", logDays(10, "cc"), 24, 11, "reconciled"],
    ["with an hour of grace, which the next log day holds", logDays(10, "c"), 1, 11, "provisional"],
    ["whose own log day is missing between clean ones", logDays(8, "c.c"), 0, 10, "provisional"],
    ["with a gap before it", logDays(8, "c.cc"), 24, 11, "provisional"],
    ["with a blocked log day in its grace", logDays(10, "cb"), 24, 11, "blocked"],
    ["with a blocked log day before it", logDays(8, "bccc"), 24, 11, "blocked"],
    ["with a blocked log day after its grace", logDays(10, "ccb"), 24, 11, "reconciled"],
    ["that was mended in a log day that is not audited", mended(logDays(10, "cc"), 10, 12), 24, 11, "provisional"],
    ["that was mended in a log day that is clean", mended(logDays(10, "ccc"), 10, 12), 24, 11, "reconciled"],
    ["behind one that was mended and waits", mended(logDays(10, "cccc"), 10, 14), 0, 13, "provisional"],
    ["before one that was mended and waits", mended(logDays(10, "cccc"), 12, 14), 0, 12, "reconciled"],
    [
      "mended on a day that was mended and waits",
      mended(mended(logDays(10, "ccc"), 10, 12), 12, 14),
      0,
      11,
      "provisional",
    ],
    ["that ended before the first log day", logDays(10, "c"), 24, 3, "reconciled"],
    ["that ended before the first log day, which is blocked", logDays(10, "b"), 24, 3, "blocked"],
  ])("%s", (_, days, graceH, until, state) => {
    expect(dayStateOf(day(until), FAR_MS, closingOf(days, graceH * HOUR_MS))).toBe(state);
  });

  it("is open until the watermark has passed its end, whatever is closed", () => {
    const closing = closingOf(logDays(10, "cb"), 0);
    expect(dayStateOf(day(11), day(11) - 1, closing)).toBe("open");
    expect(dayStateOf(day(11), null, closing)).toBe("open");
    expect(dayStateOf(day(11), day(11), closing)).toBe("reconciled");
  });

  it("is billed where a final statement covers it, also when a later audit blocks it", () => {
    const closing = { ...closingOf(logDays(10, "b"), 0), billedUntilMs: day(11) };
    expect(dayStateOf(day(11), FAR_MS, closing)).toBe("billed");
    expect(dayStateOf(day(11) + 1, FAR_MS, closing)).toBe("blocked");
  });
});

const anyDays = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.stringMatching(/^[cccbs.]{0,9}$/));
const anyGrace = fc.integer({ min: 0, max: 168 }).map((hours) => hours * HOUR_MS);

describe("states", () => {
  it("are those that the log days say one by one, for any end and grace", () => {
    fc.assert(
      fc.property(anyDays, anyGrace, fc.integer({ min: 0, max: 30 * 24 }), ([from, states], graceMs, hour) => {
        const days = logDays(from, states);
        const toMs = NOV + hour * HOUR_MS;
        expect(dayStateOf(toMs, FAR_MS, closingOf(days, graceMs))).toBe(stateByWords(toMs, days, graceMs));
      }),
    );
  });

  it("of a range tile it, each part with another state than the one before and the state of its end", () => {
    fc.assert(
      fc.property(anyDays, anyGrace, fc.integer({ min: 0, max: 720 }), ([from, states], graceMs, hour) => {
        const closing = closingOf(logDays(from, states), graceMs);
        const range = { fromMs: NOV, toMs: NOV + 30 * DAY_MS };
        const watermarkMs = hour === 0 ? null : NOV + hour * HOUR_MS;
        const parts = statesIn(range, watermarkMs, closing);
        expect(parts[0]?.fromMs).toBe(range.fromMs);
        expect(parts.at(-1)?.toMs).toBe(range.toMs);
        for (const [at, { state, fromMs, toMs }] of parts.entries()) {
          expect(fromMs).toBeLessThan(toMs);
          expect(dayStateOf(toMs, watermarkMs, closing)).toBe(state);
          expect(dayStateOf(fromMs + 1, watermarkMs, closing)).toBe(state);
          if (at > 0) expect([parts[at - 1]?.toMs, parts[at - 1]?.state !== state]).toEqual([fromMs, true]);
        }
        // The least of its days is the state of its end, but for what a statement covers.
        const whole = dayStateOf(range.toMs, watermarkMs, closing);
        expect(Math.min(...parts.map(({ state }) => DAY_STATES.indexOf(state)))).toBe(DAY_STATES.indexOf(whole));
      }),
    );
  });
});
