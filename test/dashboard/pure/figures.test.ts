/** Figures as a reader writes them: money digit by digit, in any locale; changes; what is not known. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { minorDigitsOf, roundToMinor, spellMinor } from "../../../src/core/billing.ts";
import { toExact } from "../../../src/core/exact.ts";
import {
  decimalOf,
  decimalsOf,
  isMoney,
  isSum,
  labelOf,
  localeOf,
  type MetricName,
  NOTHING,
  Writer,
} from "../../../src/dashboard/figures.ts";
import { metricDefinitions } from "../../../src/well-known/definitions.ts";

const METRICS = metricDefinitions().map(({ name }) => name);
const english = new Writer("en-GB", "UTC");
const german = new Writer("de-DE", "Europe/Berlin");
/** Spaces that do not break, and ordinary ones. */
const plain = (text: string) => text.replaceAll(/[\u00a0\u202f\u2009]/g, " ");

describe("money", () => {
  it.each([
    [9_007_199_254_740_993n, "EUR", "€9,007,199,254.74"],
    [123_456_789_012_345_678_901_234_567n, "EUR", "€123,456,789,012,345,678,901.23"],
    [-1_500_000, "EUR", "-€1.50"],
    [1_234_567, "JPY", "¥1"],
    [1_234_567, "BHD", "BHD 1.235"],
    [1_234_560_000, "HUF", "Ft 1,234.56"],
    [1_234_560_000, "IDR", "Rp 1,234.56"],
    [1_234_567, "CLF", "CLF 1.2346"],
    [5_000, "EUR", "€0.01"],
    [0, "EUR", "€0.00"],
  ])("%s micros of %s are %s", (micros, currency, text) => {
    expect(plain(english.value("spend_micros", toExact(micros), currency))).toBe(text);
  });

  it("has the digits in which a statement of its currency is due, in tables and in charts", () => {
    // Without its symbol, which may have a full stop itself.
    const numberIn = (text: string) => /\d[\d,]*(?:\.\d+)?/.exec(text)?.[0].replaceAll(",", "");
    for (const currency of Intl.supportedValuesOf("currency")) {
      const digits = minorDigitsOf(currency);
      const { minor } = roundToMinor(1_234_560_000n, digits);
      expect(numberIn(english.money(1_234_560_000, currency)), currency).toBe(spellMinor(minor, digits));
      const { options } = decimalsOf("spend_micros", currency);
      const charted = new Intl.NumberFormat("en-GB", options).format("1234.56");
      expect(numberIn(charted), currency).toBe(spellMinor(minor, digits));
    }
  });

  it("is written as the reader writes it", () => {
    expect(plain(german.money(9_007_199_254_740_993n, "EUR"))).toBe("9.007.199.254,74 €");
    expect(plain(new Writer("fr-FR", "UTC").money(1_234_560_000, "EUR"))).toBe("1 234,56 €");
    expect(plain(new Writer("hi-IN", "UTC").money(123_456_780_000, "INR"))).toBe("₹1,23,456.78");
  });

  it("without a currency is a number and names none", () => expect(english.money(1_250_000, "")).toBe("1.25"));

  it("has every digit of its micros", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (micros) => {
        const text = decimalOf(toExact(micros));
        expect(text).toMatch(/^-?\d+\.\d{6}$/);
        expect(BigInt(text.replace(".", ""))).toBe(micros);
      }),
    );
  });

  it("is shown in cents that are those of its digits, however large", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 30n }), (cents) => {
        const shown = english.money(toExact(cents * 10_000n), "EUR");
        expect(BigInt(shown.replaceAll(/\D/g, ""))).toBe(cents);
      }),
    );
  });
});

describe("a figure", () => {
  it("that is not known is a dash, for every metric", () => {
    expect(METRICS.map((name) => english.value(name, null, "EUR"))).toEqual(METRICS.map(() => NOTHING));
    expect(english.percent(null)).toBe(NOTHING);
    expect(english.count(null)).toBe(NOTHING);
  });

  it.each<[MetricName, number | bigint, string]>([
    ["clicks", 1_284_512, "1,284,512"],
    ["clicks", 9_007_199_254_740_993n, "9,007,199,254,740,993"],
    ["ctr", 0.013_91, "1.39%"],
    ["ctr", 0.139, "13.9%"],
    ["ctr", 0, "0%"],
    ["roas", 2.345_6, "2.35"],
    ["avg_cpc_micros", 420_000, "€0.42"],
    ["unique_users", 12, "12"],
  ])("%s of %s reads %s", (metric, value, text) => expect(english.value(metric, value, "EUR")).toBe(text));

  it("is called what the methodology calls it: every metric has words of its own", () => {
    const labels = METRICS.map(labelOf);
    expect(new Set(labels).size).toBe(METRICS.length);
    expect(labels.filter((label) => label.includes("_"))).toEqual([]);
  });

  it("is money or can be added up by its definition alone", () => {
    expect(METRICS.filter(isMoney)).toEqual(METRICS.filter((name) => name.endsWith("_micros")));
    expect(["clicks", "spend_micros"].every((name) => isSum(name as MetricName))).toBe(true);
    expect(["ctr", "unique_users", "avg_cpc_micros"].some((name) => isSum(name as MetricName))).toBe(false);
  });
});

describe("a change", () => {
  it.each([
    [112, 100, "+12%"],
    [88, 100, "-12%"],
    [101, 100, "+1%"],
    [100.5, 100, "+0.5%"],
    [100, 100, "0%"],
    [0, 100, "-100%"],
    [18_014_398_509_481_986n, 9_007_199_254_740_993n, "+100%"],
  ])("from %3$s: %s beside %s", (now, before, text) => expect(english.change(now, before)).toBe(text));

  it.each([
    [5, 0],
    [0, 0],
    [null, 5],
    [5, null],
  ])("is none from %s and %s", (now, before) => expect(english.change(now, before)).toBeNull());
});

describe("dates", () => {
  it("are those of the zone of the view, and a day is a day in every zone", () => {
    const ms = Date.UTC(2026, 10, 28, 23, 30, 5);
    expect(english.moment(ms)).toBe("28 Nov, 23:30:05");
    expect(german.moment(ms)).toBe("29. Nov., 00:30:05");
    expect(new Writer("en-GB", "Pacific/Pago_Pago").day("2026-11-28")).toBe("28 Nov 2026");
    expect(plain(new Writer("en-GB", "Pacific/Kiritimati").days({ from: "2026-10-30", to: "2026-11-28" }))).toBe(
      "30 Oct – 28 Nov 2026",
    );
    expect(english.days({ from: "2026-11-28", to: "2026-11-28" })).toBe("Sat, 28 Nov 2026");
  });
});

describe("the reader's locale", () => {
  it.each([
    [null, "en-GB"],
    ["", "en-GB"],
    ["*", "en-GB"],
    ["de-DE,de;q=0.9,en;q=0.8", "de-DE"],
    ["xx-not-a-tag-at-all!, fr", "fr"],
    ["_, ;q=1, <script>, tr", "tr"],
    ["ar-EG", "ar-EG"],
    [`${"x,".repeat(1_000)}de`, "en-GB"],
  ])("of %j is %s", (header, locale) => expect(localeOf(header)).toBe(locale));

  it("is one that Intl takes, whatever a browser says", () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        expect(new Writer(localeOf(header), "UTC").count(1)).not.toBe("");
      }),
    );
  });
});
