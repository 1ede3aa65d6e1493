/** How callers write instants. */
import { describe, expect, it } from "vitest";
import { instantOf, parseMoment } from "../../src/report/query/instants.ts";
import { toZone, UTC } from "../../src/report/query/zone.ts";

const iso = (text: string, edge: "from" | "to" = "from", zone = "UTC") => {
  const parsed = parseMoment(text);
  return parsed.ok ? new Date(instantOf(parsed.value, edge, toZone(zone) ?? UTC)).toISOString() : null;
};

describe("instants", () => {
  it("reads a date as its day in the zone", () => {
    expect(iso("2026-03-29", "from", "Europe/Berlin")).toBe("2026-03-28T23:00:00.000Z");
    expect(iso("2026-03-29", "to", "Europe/Berlin")).toBe("2026-03-29T22:00:00.000Z");
    expect(iso("2026-04-20", "from", "Asia/Kolkata")).toBe("2026-04-19T18:30:00.000Z");
    // Clocks go from 23:59 to 01:00: the day starts an hour late.
    expect(iso("2026-04-24", "from", "Africa/Cairo")).toBe("2026-04-23T22:00:00.000Z");
    expect(iso("2026-04-20T12:00:00Z", "from", "Asia/Kolkata")).toBe("2026-04-20T12:00:00.000Z");
  });

  it("reads a date as its day: the start as from, the end as to", () => {
    expect(iso("2026-04-20")).toBe("2026-04-20T00:00:00.000Z");
    expect(iso("2026-04-20", "to")).toBe("2026-04-21T00:00:00.000Z");
    expect(iso("2028-02-29", "to")).toBe("2028-03-01T00:00:00.000Z");
  });

  it("reads an instant with its zone, at either edge alike", () => {
    for (const edge of ["from", "to"] as const) {
      expect(iso("2026-04-20T12:00:00Z", edge)).toBe("2026-04-20T12:00:00.000Z");
      expect(iso("2026-04-20T14:00:00+02:00", edge)).toBe("2026-04-20T12:00:00.000Z");
      expect(iso("2026-04-20T14:00:00 02:00", edge)).toBe("2026-04-20T12:00:00.000Z");
      expect(iso("2026-04-20T07:30:00-0430", edge)).toBe("2026-04-20T12:00:00.000Z");
      expect(iso("2026-04-20T12:00Z", edge)).toBe("2026-04-20T12:00:00.000Z");
      expect(iso("2026-04-20T12:00:00.250Z", edge)).toBe("2026-04-20T12:00:00.250Z");
      expect(iso("1776686400", edge)).toBe("2026-04-20T12:00:00.000Z");
    }
  });

  it("refuses what names no instant", () => {
    const bad = [
      "",
      "now",
      "2026-13-01",
      "2026-04-31",
      "2027-02-29",
      "2026-4-2",
      "2026-04-20T12:00:00",
      "2026-04-20T12:60Z",
    ];
    for (const text of [
      ...bad,
      "2026-04-20T12:00:00+15:00",
      "2026-04-20T12:00:00+02:60",
      "1776686400000",
      "1969-12-31",
    ]) {
      expect(iso(text), text).toBeNull();
    }
  });
});
