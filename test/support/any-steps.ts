/** Postings and rolls in any order, repeated, failing and at once: what sums of days and of hours have to be exact under. */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { expect } from "vitest";
import type { Facts } from "../../src/core/facts.ts";
import { HOUR_MS } from "../../src/core/limits.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import type { LedgerRow } from "../../src/facts/facts-store.ts";
import { rollAll } from "../../src/facts/roll.ts";
import { NOON_MS } from "./builders.ts";
import { failingPorts } from "./failing-ports.ts";
import { aPosting } from "./post-to.ts";

/** `hoursMax` past noon is the latest roll; a roll may fail at any of its first `callsMax` calls. */
export function anyStep<Delta>(
  anyDelta: fc.Arbitrary<Delta>,
  { hoursMax, callsMax }: { hoursMax: number; callsMax: number },
) {
  return fc.oneof(
    fc.record({
      kind: fc.constant("post" as const),
      deltas: fc.array(anyDelta, { minLength: 1, maxLength: 6 }),
      isRepeated: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant("roll" as const),
      hours: fc.integer({ min: -40, max: hoursMax }),
      times: fc.constantFrom(1, 2),
      // A roll that fails leaves some of what it rolls done and the rest not.
      failure: fc.option(fc.record({ at: fc.integer({ min: 0, max: callsMax }), isDone: fc.boolean() })),
    }),
  );
}

type Step<Delta> = ReturnType<typeof anyStep<Delta>> extends fc.Arbitrary<infer S> ? S : never;

/** Takes the steps one by one; `look` is called after each with all that was posted until then, and the latest roll. */
export async function takeSteps<Delta>(
  steps: readonly Step<Delta>[],
  factsOf: (deltas: readonly Delta[]) => Facts,
  look: (posted: readonly Delta[], rolledAtMs: number) => Promise<void>,
): Promise<void> {
  const { REPORT_DB: database, ARCHIVE: archive } = env;
  const store = new D1Facts(database, () => NOON_MS);
  const posted: Delta[] = [];
  let last: LedgerRow | null = null;
  let rolledAtMs = Number.NEGATIVE_INFINITY;
  for (const step of steps) {
    if (step.kind === "post") {
      const posting = aPosting(last, { facts: factsOf(step.deltas) });
      await store.post(posting);
      last = posting.to;
      posted.push(...step.deltas);
      if (step.isRepeated) await expect(store.post(posting)).rejects.toThrow();
    } else {
      const ports = failingPorts({ database, archive }, step.failure);
      const nowMs = NOON_MS + step.hours * HOUR_MS;
      rolledAtMs = Math.max(rolledAtMs, nowMs);
      const roll = () => rollAll(ports.database, nowMs).catch(() => 0);
      await Promise.all(Array.from({ length: step.times }, roll));
    }
    await look(posted, rolledAtMs);
  }
}
