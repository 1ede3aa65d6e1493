import { expect, it } from "vitest";
import { makeFilter, mayHold } from "../../src/core/key-filter.ts";
import { KeyHash } from "../../src/core/key-hash.ts";
import { Chance } from "../simulation/chance.ts";

const hash = new KeyHash(Uint8Array.from([8, 7, 6, 5, 4, 3, 2, 1]));

it("says yes of every key that it was made of, and of few others", () => {
  const chance = new Chance(1, "filters");
  const draw = () => Uint32Array.from({ length: 4 }, () => chance.bits());
  for (const count of [1, 2, 7, 100, 5_760]) {
    const keys = Array.from({ length: count }, draw);
    const hashes = Uint32Array.from(keys.flatMap((key) => [hash.of(key).low, hash.high]));
    const filter = makeFilter(hashes, count);
    expect(keys.every((key) => mayHold(filter, hash.of(key)))).toBe(true);
    expect(filter.length).toBeLessThanOrEqual(count * 2);
    const others = Array.from({ length: 20_000 }, draw).filter((key) => mayHold(filter, hash.of(key)));
    expect(others.length).toBeLessThan(count < 100 ? 400 : 40);
  }
});

it("of no keys holds none", () => {
  expect(mayHold(makeFilter(new Uint32Array(0), 0), { low: 1, high: 2 })).toBe(false);
});
