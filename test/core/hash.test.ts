import { describe, expect, it } from "vitest";
import { hash32 } from "../../src/core/hash.ts";
import vectors from "../vectors/routing.json" with { type: "json" };

describe("hash32", () => {
  it.each(vectors.hash32)("of $text is $hash for ever", ({ text, hash }) => {
    expect(hash32(text)).toBe(hash);
  });

  it("is an unsigned 32-bit integer", () => {
    for (let index = 0; index < 1_000; index++) {
      const hash = hash32(`ad_${index}`);
      expect(Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32).toBe(true);
    }
  });

  it.each([2, 3, 8, 16, 64])("spreads numbered ids evenly over %d places", (places) => {
    const counts = new Array<number>(places).fill(0);
    const total = 20_000;
    for (let index = 0; index < total; index++) {
      const place = hash32(`ad_${index}`) % places;
      counts[place] = (counts[place] ?? 0) + 1;
    }
    // Five standard deviations of a fair spread.
    const tolerance = 5 * Math.sqrt(total / places);
    for (const count of counts) expect(Math.abs(count - total / places)).toBeLessThan(tolerance);
  });
});
