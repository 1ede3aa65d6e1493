/** The hours of a day: those of reports in every zone, and which one an address names. */
import { describe, expect, it } from "vitest";
import { hourAt, hoursOf, neighbourHour, toHour } from "../../../src/dashboard/hours.ts";
import { addressOf, queryOf, viewOf } from "../../../src/dashboard/view.ts";

const NOW_MS = Date.UTC(2026, 10, 28, 12, 34);
const BERLIN = "Europe/Berlin";
const at = (text: string | undefined, day: string, zone = BERLIN) => {
  const hour = hourAt(text, { day, zone, nowMs: NOW_MS });
  return hour === null ? null : new Date(hour.fromMs).toISOString();
};
const viewAt = (address: string) =>
  viewOf(new URL(address, "https://clicks.example"), { profileZone: BERLIN, nowMs: NOW_MS });

describe("the hours of a day", () => {
  it.each([
    ["2026-11-28", BERLIN, 24],
    ["2026-03-29", BERLIN, 23],
    ["2026-10-25", BERLIN, 25],
    ["2026-04-20", "Asia/Kathmandu", 24],
    ["2011-12-30", "Pacific/Apia", 0],
  ])("are as many as the clock shows: %s in %s", (day, zone, count) => {
    const hours = hoursOf(day, zone);
    expect(hours).toHaveLength(count);
    for (const [index, { toMs }] of hours.entries()) expect(hours[index + 1]?.fromMs ?? toMs).toBe(toMs);
  });

  it("begin with the clock's full hours, in zones between those of UTC too", () => {
    expect(new Date(hoursOf("2026-04-20", "Asia/Kathmandu")[0]?.fromMs ?? 0).toISOString()).toBe(
      "2026-04-19T18:15:00.000Z",
    );
  });
});

describe("the hour of an address", () => {
  it.each([
    ["14:00", "2026-11-27", "2026-11-27T13:00:00.000Z"],
    ["14:35", "2026-11-27", "2026-11-27T13:00:00.000Z"],
    ["7", "2026-11-27", "2026-11-27T06:00:00.000Z"],
    ["2026-11-27T13:00:00Z", "2026-11-27", "2026-11-27T13:00:00.000Z"],
    ["2026-11-27T13:59Z", "2026-11-27", "2026-11-27T13:00:00.000Z"],
    [undefined, "2026-11-28", "2026-11-28T12:00:00.000Z"],
    [undefined, "2026-11-27", "2026-11-26T23:00:00.000Z"],
  ])("is read as people and as links write it: %s", (text, day, expected) => expect(at(text, day)).toBe(expected));

  it.each(["25:00", "2 pm", "", "2026-11-26T13:00:00Z", "-1", "14:60", "constructor"])(
    "is none where that day has none: %j",
    (text) => {
      expect(at(text, "2026-11-27")).toBeNull();
    },
  );

  it("that the clock skips is none, and of one that it shows twice the first; links reach the second", () => {
    expect(at("02:00", "2026-03-29")).toBeNull();
    expect(at("02:00", "2026-10-25")).toBe("2026-10-25T00:00:00.000Z");
    expect(at("2026-10-25T01:00:00Z", "2026-10-25")).toBe("2026-10-25T01:00:00.000Z");
  });
});

describe("a view of an hour", () => {
  const DAY = "from=2026-11-27&to=2026-11-27";

  it("asks the API for that hour alone, and is at one address", () => {
    const view = viewAt(`/?${DAY}&granularity=minute&at=14:00&country=DE`);
    expect(queryOf(view)).toMatchObject({ from: "2026-11-27T13:00:00Z", to: "2026-11-27T14:00:00Z", country: "DE" });
    const address = addressOf(view, view.hour === null ? {} : toHour(view.hour, view.zone));
    expect(address).toBe(`/?${DAY}&country=DE&granularity=minute&at=2026-11-27T13:00:00Z`);
    expect(viewAt(address).hour).toEqual(view.hour);
  });

  it("keeps its hour under another filter, and leaves it with another period", () => {
    const view = viewAt(`/?${DAY}&granularity=minute&at=14:00`);
    expect(addressOf(view, { filters: [{ dimension: "country", isExcluded: false, value: "DE" }] })).toContain(
      "at=14:00",
    );
    expect(addressOf(view, { period: "7d" })).toBe("/?period=7d");
  });

  it("is told where there is no such hour, and shows the day", () => {
    const view = viewAt(`/?${DAY}&granularity=minute&at=noon`);
    expect([view.hour, queryOf(view)["from"]]).toEqual([null, "2026-11-27"]);
    expect(view.misread).toEqual(["That day has no hour “noon”; this shows all of it."]);
    expect(viewAt("/?period=7d&granularity=minute&at=noon").misread).toEqual([]);
  });

  it("has hours before and after it, over midnight, and none that has not begun", () => {
    const hour = viewAt(`/?${DAY}&granularity=minute&at=0`).hour;
    if (hour === null) throw new Error("every day has a first hour");
    const when = { zone: BERLIN, nowMs: NOW_MS };
    expect(new Date(neighbourHour(hour, -1, when)?.fromMs ?? 0).toISOString()).toBe("2026-11-26T22:00:00.000Z");
    expect(new Date(neighbourHour(hour, 1, when)?.fromMs ?? 0).toISOString()).toBe("2026-11-27T00:00:00.000Z");
    expect(neighbourHour({ fromMs: NOW_MS - 34 * 60_000, toMs: NOW_MS + 26 * 60_000 }, 1, when)).toBeNull();
  });
});
