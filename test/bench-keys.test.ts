/** The benchmark of packed keys still runs; it fails where a key is not found, or one is that is not there. */
import { expect, it } from "vitest";
import { measureKeys, toKeysPage } from "../bench/keys.ts";
import { HAS_BENCHES } from "./support/benches.ts";

it.runIf(HAS_BENCHES)("fills, asks and opens", { timeout: 120_000 }, async () => {
  const result = await measureKeys({ keys: 20_000, perCall: 1_000, minutes: 1 });
  expect(result).toMatchObject({ keys: 20_000, fresh: expect.any(Number) });
  expect(result.rowsPerKey).toBeGreaterThan(0);
  expect(toKeysPage(result, ["machine: any"])).toContain("| keys of one hour | 20000 |");
});
