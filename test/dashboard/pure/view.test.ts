/** What an address says of a view, and the address of a view: each leads back to the other. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addDays } from "../../../src/dashboard/calendar.ts";
import { PERIODS, type PeriodName } from "../../../src/dashboard/periods.ts";
import {
  addressOf,
  type FilterTerm,
  queryOf,
  type View,
  viewOf,
  withFilter,
  withoutFilter,
} from "../../../src/dashboard/view.ts";
import { DIMENSIONS } from "../../../src/report/query/fields.ts";

const NOW_MS = Date.UTC(2026, 10, 28, 12);
const PROFILE = { profileZone: "Europe/Berlin", nowMs: NOW_MS };
const viewAt = (address: string): View => viewOf(new URL(address, "https://clicks.example"), PROFILE);
const of = (dimension: FilterTerm["dimension"], value: string, isExcluded = false) => ({
  dimension,
  isExcluded,
  value,
});

/** Lists are parted by commas, and what stands around a value is dropped. */
const values = fc
  .oneof(
    fc.string({ unit: "grapheme", maxLength: 60 }),
    fc.constantFrom("<img src=x onerror=alert(1)>", "مرحبا", "a&b=c", "!=", "%21=", "cmp_7"),
  )
  .map((text) => text.replaceAll(",", "").trim().slice(0, 100))
  .filter((text) => text !== "" && text.isWellFormed());
const filters = fc.uniqueArray(
  fc.record({ dimension: fc.constantFrom(...DIMENSIONS), isExcluded: fc.boolean(), value: values }),
  { maxLength: 6, selector: ({ dimension, isExcluded, value }) => `${dimension} ${isExcluded} ${value}` },
);
const periods = fc.oneof(
  fc.constantFrom(...(Object.keys(PERIODS) as PeriodName[])),
  fc.tuple(fc.integer({ min: 0, max: 800 }), fc.integer({ min: 0, max: 400 })).map(([ago, length]) => {
    const to = addDays("2026-11-28", -ago);
    return { from: addDays(to, -length), to };
  }),
);
const own = fc.dictionary(fc.constantFrom("metric", "card1", "sort", "group_by", "cursor"), values);
const zones = fc.constantFrom("Asia/Tokyo", "UTC", "America/St_Johns", "Europe/Berlin");

describe("an address", () => {
  it("of any view leads to that view, and to itself", () => {
    fc.assert(
      fc.property(periods, filters, fc.boolean(), fc.option(zones), own, (period, terms, isCompared, zone, more) => {
        const start = viewAt("/explore");
        const address = addressOf(
          { ...start, own: more },
          { period, filters: terms, isCompared, ...(zone === null ? {} : { zone }) },
        );
        const { cursor: _, ...kept } = more;
        const view = viewAt(address);
        expect(view).toMatchObject({ path: "/explore", period, isCompared, own: kept, misread: [] });
        expect(view.zone).toBe(zone ?? "Europe/Berlin");
        const asText = (all: readonly FilterTerm[]) =>
          all.map((term) => JSON.stringify(Object.entries(term).sort())).sort();
        expect(asText(view.filters)).toEqual(asText(terms));
        expect(addressOf(view)).toBe(address);
      }),
      { numRuns: 300 },
    );
  });

  it("whatever it says is a view, that says what it did not understand", () => {
    const names = fc.oneof(
      fc.string(),
      fc.constantFrom("period", "from", "to", "compare", "timezone", "country", "country!", "__proto__"),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(names, fc.string())), (pairs) => {
        const view = viewAt(`/?${new URLSearchParams(pairs)}`);
        const again = viewAt(addressOf(view));
        expect(again.days).toEqual(view.days);
        expect(again.misread).toEqual([]);
      }),
    );
  });

  it("has the API's own words for what is filtered, and says nothing that goes without saying", () => {
    const view = viewAt("/?period=30d&campaign_id=cmp_7,cmp_8&country!=DE&metric=spend_micros");
    expect(view.filters).toEqual([of("campaign_id", "cmp_7"), of("campaign_id", "cmp_8"), of("country", "DE", true)]);
    expect(addressOf(view)).toBe("/?campaign_id=cmp_7,cmp_8&country!=DE&metric=spend_micros");
    expect(addressOf(viewAt("/"))).toBe("/");
  });

  it("with a zone that does not exist, or a period, still opens and says so", () => {
    const view = viewAt("/?timezone=Mars/Olympus&period=decade");
    expect(view).toMatchObject({ zone: "Europe/Berlin", isZoneChosen: false, period: "30d" });
    expect(view.misread).toEqual([
      "There is no time zone “Mars/Olympus”; this shows Europe/Berlin.",
      "The period of the address does not exist; this shows the last 30 days.",
    ]);
    expect(viewAt("/?timezone=%2B02:00").misread).toHaveLength(1);
  });

  it("leaves the page of a list behind when it is about something else", () => {
    const view = viewAt("/explore?cursor=abc&sort=clicks");
    expect(addressOf(view, { isCompared: false })).toContain("cursor=abc");
    expect(addressOf(view, { filters: [of("device", "tv")] })).toBe("/explore?device=tv&sort=clicks");
    expect(addressOf(view, { period: "day", own: { sort: null } })).toBe("/explore?period=day");
  });
});

describe("the API's query of a view", () => {
  it("has its days, its filters, and its zone where the address names it", () => {
    expect(queryOf(viewAt("/?period=day&campaign_id=a,b&campaign_id!=c&metric=ctr"))).toEqual({
      ...{ from: "2026-11-28", to: "2026-11-28", campaign_id: "a,b", "campaign_id!": "c", compare: "previous_period" },
    });
    expect(queryOf(viewAt("/?from=2026-11-01&to=2026-11-02&timezone=Asia/Tokyo&compare=none"))).toEqual({
      ...{ from: "2026-11-01", to: "2026-11-02", timezone: "Asia/Tokyo" },
    });
  });

  it("is about today where the reader is", () => {
    const lateMs = Date.UTC(2026, 10, 28, 23, 30);
    expect(viewOf(new URL("https://x.example/?period=day"), { ...PROFILE, nowMs: lateMs }).days.to).toBe("2026-11-29");
    expect(viewOf(new URL("https://x.example/?period=day&timezone=UTC"), { ...PROFILE, nowMs: lateMs }).days.to).toBe(
      "2026-11-28",
    );
  });
});

describe("filters", () => {
  it("are added once and removed one by one", () => {
    const one = [of("country", "DE")];
    const two = withFilter(one, of("country", "FR"));
    expect(two).toHaveLength(2);
    expect(withFilter(two, of("country", "DE"))).toHaveLength(2);
    expect(withFilter(two, of("country", "DE", true))).toHaveLength(3);
    expect(withoutFilter(two, of("country", "DE"))).toEqual([of("country", "FR")]);
    expect(withoutFilter(two, of("country", "DE", true))).toEqual(two);
  });
});
