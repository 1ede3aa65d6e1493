/** The benchmark of recovery and rebuild still runs; it fails where an event is counted again or a total differs. */
import { expect, it } from "vitest";
import { measureRecovery, RECOVERY_SIZES, toRecoveryPage } from "../bench/recovery.ts";
import { HAS_BENCHES } from "./support/benches.ts";

const MINUTE_MS = 60_000;

it.runIf(HAS_BENCHES)("recovers every key and rebuilds every event", { timeout: 2 * MINUTE_MS }, async () => {
  const result = await measureRecovery(RECOVERY_SIZES.small);
  expect(result.recoveries.map(({ keys }) => keys)).toEqual(RECOVERY_SIZES.small.keys);
  expect(result.rebuild.events).toBe(RECOVERY_SIZES.small.events);
  expect(toRecoveryPage(result, ["machine: any"])).toContain("| 400 |");
});
