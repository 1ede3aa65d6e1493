/** Quotients in integers: rounding, nulls, and that no floating point touches them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MEASURES, type Measure } from "../../src/core/fields.ts";
import {
  divideHalfUp,
  METRICS,
  measuresOf,
  metricValue,
  SUM_METRICS,
  withHundreds,
} from "../../src/report/query/metrics.ts";

const sums = (values: Partial<Record<Measure, number>>) => (measure: Measure) => values[measure] ?? 0;

describe("quotients", () => {
  it("are micros rounded half up, and ratios of six places", () => {
    const sumOf = sums({ impressions: 3_000, valid: 7, conversions: 2, spend_micros: 25, conversion_value_micros: 50 });
    expect(metricValue("ctr", sumOf)).toBe(0.002333);
    expect(metricValue("cvr", sumOf)).toBe(0.285714);
    expect(metricValue("avg_cpc_micros", sumOf)).toBe(4);
    expect(metricValue("cpa_micros", sumOf)).toBe(13);
    expect(metricValue("roas", sumOf)).toBe(2);
  });

  it("do not exist where the denominator is 0", () => {
    const sumOf = sums({ spend_micros: 25, conversion_value_micros: 5 });
    expect(
      (["ctr", "cvr", "avg_cpc_micros", "cpa_micros"] as const).map((metric) => metricValue(metric, sumOf)),
    ).toEqual([null, null, null, null]);
    expect(metricValue("roas", sums({ conversion_value_micros: 5 }))).toBeNull();
  });

  it("round a half up, on both sides of zero", () => {
    const pairs: [bigint, bigint, bigint][] = [
      [1n, 2n, 1n],
      [3n, 2n, 2n],
      [-1n, 2n, 0n],
      [-3n, 2n, -1n],
      [3n, -2n, -1n],
      [-5n, 3n, -2n],
      [5n, 3n, 2n],
      [4n, 3n, 1n],
      [0n, -7n, 0n],
    ];
    for (const [of, per, expected] of pairs) expect(divideHalfUp(of, per), `${of}/${per}`).toBe(expected);
  });

  it("are exact where doubles are not", () => {
    // 9 007 199 254 740 991 / 2 = …495.5, whose neighbours as doubles lie 0.5 apart; as a double quotient × 2 it is lost.
    expect(metricValue("avg_cpc_micros", sums({ spend_micros: Number.MAX_SAFE_INTEGER, valid: 2 }))).toBe(
      4_503_599_627_370_496,
    );
  });

  it("are the one integer q with q − ½ ≤ of/per < q + ½", () => {
    const integer = fc.bigInt({ min: -(2n ** 53n), max: 2n ** 53n });
    const property = fc.property(integer, integer, (of, per) => {
      fc.pre(per !== 0n);
      const [a, b] = per < 0n ? [-of, -per] : [of, per];
      const q = divideHalfUp(of, per);
      expect(2n * q * b - b <= 2n * a && 2n * a < 2n * q * b + b).toBe(true);
    });
    fc.assert(property, { seed: 20_260_420, numRuns: 1_000 });
  });
});

describe("the list of metrics", () => {
  it("offers every measure as a sum, once", () => {
    expect(withHundreds(Object.values(SUM_METRICS)).toSorted()).toEqual([...MEASURES].toSorted());
  });

  it("reads each measure once, whatever is asked", () => {
    expect(measuresOf(METRICS)).toEqual(MEASURES.filter((measure) => !measure.endsWith("_hundreds")));
    expect(measuresOf(["roas", "cpa_micros", "spend_micros"])).toEqual([
      "conversions",
      "spend_micros",
      "conversion_value_micros",
    ]);
    expect(measuresOf(["reasons"])).toEqual([]);
    expect(measuresOf(["unique_users"])).toEqual(["valid", "valid_with_user"]);
  });
});
