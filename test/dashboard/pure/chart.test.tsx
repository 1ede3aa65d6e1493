/** The chart as SVG: its scale, its states, its gaps; and that no series of numbers breaks it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bar, type Chart, ChartPicture, type ChartPoint, Sparkline } from "../../../src/dashboard/chart.tsx";
import { scaleOf } from "../../../src/dashboard/scale.ts";
import type { WindowState } from "../../../src/dashboard/windows.ts";

const STATES: readonly WindowState[] = ["billed", "reconciled", "provisional", "blocked", "open", "future"];
const point = (more: Partial<ChartPoint> = {}): ChartPoint => ({
  ...{ tick: "t", title: "a title", value: 1, before: null, band: 0, state: "provisional", href: null },
  ...more,
});
const drawn = (points: readonly ChartPoint[], more: Partial<Chart> = {}): string =>
  String(ChartPicture({ points, isSum: true, watermark: null, watermarkLabel: "until here", short: String, ...more }));
const attributes = (svg: string, name: string) =>
  [...svg.matchAll(new RegExp(` ${name}="([^"]*)"`, "g"))].map(([, value]) => value ?? "");
const count = (svg: string, pattern: RegExp) => [...svg.matchAll(pattern)].length;

const COORDINATES = ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height", "dx"];
/** What a report may hold: sums of any size, and quotients of such. */
const amounts = fc.oneof(
  fc.integer({ min: 0, max: 1_000 }),
  fc.maxSafeNat(),
  fc.double({ min: 1e-19, max: 1e30, noNaN: true }),
  fc.constantFrom(0, 1, 1e-19, 1e30),
);
const anyPoint = fc.record({
  value: fc.option(amounts),
  before: fc.option(amounts),
  band: fc.constantFrom(0, 0.02, 0.5),
  state: fc.constantFrom(...STATES),
});

/** What is not a finite number, of pixels or of percents. */
function brokenIn(svg: string): string[] {
  const found = COORDINATES.flatMap((name) =>
    attributes(svg, name).filter((value) => !/^-?\d+(\.\d+)?%?$/.test(value)),
  );
  const negative = ["width", "height"].flatMap((name) =>
    attributes(svg, name).filter((value) => value.startsWith("-")),
  );
  return [...found, ...negative, ...(svg.match(/NaN|Infinity|undefined/g) ?? [])];
}

describe("the scale", () => {
  it.each([
    [0, [0]],
    [1, [0, 0.5, 1]],
    [7, [0, 2, 4, 6, 8]],
    [1_284, [0, 500, 1_000, 1_500]],
    [100, [0, 50, 100]],
  ])("up to %s has the steps %j", (highest, steps) => expect(scaleOf(highest).steps).toEqual(steps));

  it("begins at zero, reaches the highest value, and has four steps above at most", () => {
    fc.assert(
      fc.property(amounts, (highest) => {
        const { top, steps } = scaleOf(highest);
        expect(steps[0]).toBe(0);
        expect(Number.isFinite(top) && top > 0 && top >= highest * (1 - 1e-9)).toBe(true);
        expect(steps.length).toBeLessThanOrEqual(5);
        expect(steps.at(-1) === 0 || Math.abs((steps.at(-1) ?? 0) / top - 1) < 1e-9).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe("a chart", () => {
  it("of any series has finite places and sizes, as columns, as a line, as several lines, and as a sparkline", () => {
    fc.assert(
      fc.property(
        fc.array(anyPoint, { maxLength: 40 }),
        fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
        (some, watermark) => {
          const points = some.map(point);
          const lines = [
            { name: "one", values: some.map(({ value }) => value) },
            { name: "two", values: some.map(({ before }) => before) },
          ];
          const pictures = [
            drawn(points, { watermark }),
            drawn(points, { watermark, isSum: false }),
            drawn(points, { watermark, lines }),
            String(Sparkline({ points })),
          ];
          expect(pictures.flatMap(brokenIn)).toEqual([]);
        },
      ),
    );
  });

  it("draws a window by its state, and one that has not begun not at all", () => {
    const svg = drawn(STATES.map((state) => point({ state })));
    expect(count(svg, /<rect class="fill billed"/g)).toBe(1);
    expect(count(svg, /<rect class="fill reconciled"/g)).toBe(1);
    expect(count(svg, /<rect class="fill provisional" fill="url\(#hatch\)"/g)).toBe(1);
    expect(count(svg, /<rect class="fill open"/g)).toBe(1);
    expect(count(svg, /<rect class="fill blocked"/g)).toBe(1);
    expect(count(svg, /class="fill future"/g)).toBe(0);
    expect(count(svg, /class="slot"/g), "and nothing is said of it").toBe(5);
  });

  it("has no column where nothing is known, and one of no height where there were none", () => {
    const svg = drawn([point({ value: null }), point({ value: 0 }), point({ value: 10 })]);
    expect(
      [...svg.matchAll(/class="fill provisional"[^>]* height="([^"]*)"/g)].map(([, tall]) => Number(tall) > 0),
    ).toEqual([false, true]);
  });

  it("breaks its line at a gap, and leaves a point alone that has no neighbours", () => {
    const values = [1, 2, null, 3, null, 4, 5];
    const svg = drawn(
      values.map((value) => point({ value })),
      { isSum: false },
    );
    const line = /<g class="line">(.*?)<\/g>/.exec(svg)?.[1] ?? "";
    expect(count(line, /<line /g)).toBe(2);
    expect(count(line, /r="3"/g)).toBe(1);
  });

  it("shows the zero line, whatever it counts", () => {
    for (const values of [[], [0, 0], [5]]) {
      const svg = drawn(values.map((value) => point({ value })));
      expect(count(svg, /<g class="zero"/g)).toBe(1);
    }
  });

  it("has the watermark, a band, and what was before, where they are", () => {
    const svg = drawn([point({ band: 0.1, before: 3 }), point()], { watermark: 0.75 });
    expect(svg).toContain('<line x1="75%" x2="75%"');
    expect(svg).toContain("until here");
    expect(count(svg, /class="band"/g)).toBe(1);
    expect(count(svg, /<g class="before"><line /g)).toBe(1);
    expect(drawn([point()])).not.toMatch(/watermark|band|before/);
  });

  it("names several lines at their ends, and holds no style and no script of names", () => {
    const svg = drawn([point(), point()], { lines: [{ name: "<img src=x onerror=alert(1)>", values: [1, 2] }] });
    expect(svg).toContain("&lt;img src=x onerror=alert(1)&gt;");
    expect(svg).not.toMatch(/<img|style=/);
    const titled = drawn([point({ title: '"><script>', href: '/?x="><script>' })]);
    expect(titled).not.toContain("<script>");
  });

  it("names its lines below it too, for where there is no room beside them", () => {
    const lines = [
      { name: "same <b>", values: [1, 2] },
      { name: "other", values: [2, 1] },
    ];
    const names = /<ul class="legend line-names">(.*?)<\/ul>/.exec(drawn([point(), point()], { lines }))?.[1] ?? "";
    expect([...names.matchAll(/series-(\d).*?<bdi>(.*?)<\/bdi>/g)].map(([, at, name]) => `${at} ${name}`)).toEqual([
      "1 same &lt;b&gt;",
      "2 other",
    ]);
    expect(drawn([point()])).not.toContain("line-names");
  });

  it("is hidden from who has the table, and nothing in it is a stop of the keyboard", () => {
    const svg = drawn([point({ href: "/?a=b" })]);
    expect(svg).toContain('aria-hidden="true"');
    expect(svg).toContain('<a href="/?a=b" tabindex="-1">');
  });
});

describe("a bar", () => {
  it.each([
    [0.5, "50%"],
    [-1, "0%"],
    [7, "100%"],
  ])("of %s is %s wide", (share, width) => expect(String(Bar({ share }))).toContain(`<rect width="${width}"`));
});
