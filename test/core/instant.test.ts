import { describe, expect, it } from "vitest";
import { midnightMs, parseZonedInstant, readInstant } from "../../src/core/instant.ts";
import { NOON_MS } from "../support/builders.ts";

describe("an instant with its zone", () => {
  it.each([
    ["2026-04-20T12:00:00Z"],
    ["2026-04-20T12:00Z"],
    ["2026-04-20t12:00:00z"],
    ["2026-04-20 12:00:00Z"],
    ["2026-04-20T14:00:00+02:00"],
    ["2026-04-20T14:00:00 02:00"],
    ["2026-04-20T14:00:00+0200"],
    ["2026-04-20T06:30:00-05:30"],
    ["2026-04-20T12:00:00.000000000Z"],
  ])("is read: %s", (text) => {
    expect(parseZonedInstant(text)).toBe(NOON_MS);
  });

  it("keeps whole milliseconds of a fraction", () => {
    expect(parseZonedInstant("2026-04-20T12:00:00.9876Z")).toBe(NOON_MS + 987);
  });

  it.each([
    ["a date alone", "2026-04-20"],
    ["no zone", "2026-04-20T12:00:00"],
    ["a day that does not exist", "2026-02-30T12:00:00Z"],
    ["hour 24", "2026-04-20T24:00:00Z"],
    ["minute 60", "2026-04-20T12:60:00Z"],
    ["second 60", "2026-04-20T12:00:60Z"],
    ["a zone beyond 14 hours", "2026-04-20T12:00:00+14:01"],
    ["a zone of 60 minutes", "2026-04-20T12:00:00+01:60"],
    ["something behind it", "2026-04-20T12:00:00Zulu"],
    ["a year of five digits", "12026-04-20T12:00:00Z"],
    ["a sign before it", "-2026-04-20T12:00:00Z"],
    ["a space before it", " 2026-04-20T12:00:00Z"],
    ["a word before it", "at 2026-04-20T12:00:00Z"],
    ["another instant before it", "2026-04-20T12:00:00Z2026-04-20T12:00:00Z"],
    ["nothing", ""],
  ])("is not read from %s", (_, text) => {
    expect(parseZonedInstant(text)).toBeNull();
  });

  it("begins a date that exists", () => {
    expect(midnightMs("2026-04-20")).toBe(NOON_MS - 12 * 3_600_000);
    expect(midnightMs("2025-02-29")).toBeNull();
    expect(midnightMs("soon")).toBeNull();
  });
});

describe("an instant as a sender gives it", () => {
  it.each<[unknown]>([[NOON_MS], [String(NOON_MS)], ["2026-04-20T14:00:00+02:00"]])("is read: %j", (given) => {
    expect(readInstant(given)).toEqual({ ok: true, value: NOON_MS });
  });

  it.each<[unknown, RegExp]>([
    [NOON_MS / 1_000, /seconds times 1000/],
    [String(NOON_MS / 1_000), /seconds times 1000/],
    [`${NOON_MS / 1_000}.25`, /seconds times 1000/],
    [NOON_MS * 1_000, /not microseconds/],
    [NOON_MS + 0.5, /Whole milliseconds/],
    [0, /above 0/],
    [Number.NaN, /above 0/],
    ["2026-04-20", /with its zone/],
    ["", /with its zone/],
    [true, /with its zone/],
    [null, /with its zone/],
  ])("[fault A17] in another form is refused with a sentence that says so: %j", (given, sentence) => {
    const read = readInstant(given);
    expect(read.ok ? "read" : read.error).toMatch(sentence);
  });
});
