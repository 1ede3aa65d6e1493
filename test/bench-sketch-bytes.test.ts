/** The benchmark of sketches still runs; checked for the bytes, which are exact, and not for times. */
import { expect, it } from "vitest";
import { measureSketches } from "../bench/sketch-bytes.ts";
import { HAS_BENCHES } from "./support/benches.ts";

const MINUTE_MS = 60_000;

it.runIf(HAS_BENCHES)("stores 8 bytes a user and never more than the registers", { timeout: MINUTE_MS }, async () => {
  const lines = await measureSketches({ rows: 2, rounds: 1 });
  expect(lines).toEqual(expect.arrayContaining(["| 1 | 8 |", "| 60 | 480 |", "| 10000 | 4096 |"]));
});
