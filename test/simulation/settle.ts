/**
 * What an audit does about deferred events: it says what each is, and has it revised.
 *
 * Keeps: one after the other, as audits mend: a duplicate follows the event that it is a duplicate of,
 * also where the call for that one was refused or lost.
 */
import { SECOND_MS } from "../../src/core/limits.ts";
import { unsettledIn } from "./check-audit.ts";
import type { World } from "./world.ts";

/** Rounds from one that settles something on, itself counted. */
const ROUNDS_MAX = 3;

/**
 * Audits until nothing waits; `rest` lets what was logged be carried. A shard whose log is full refuses, and is asked
 * again in the next round, as the steps of an audit do; it is given up when several rounds have settled nothing.
 */
export async function settleDeferred(world: World, rest: () => Promise<void>): Promise<void> {
  let fewest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS_MAX && world.witness.deferrals.length > 0; round++) {
    const waiting = unsettledIn(world);
    if (waiting.length === 0) return;
    if (waiting.length < fewest) round = 0;
    fewest = Math.min(fewest, waiting.length);
    const refused = new Set<string>();
    for (const { shard, key, entry, to } of waiting) {
      if (refused.has(key)) continue;
      let isSettled = false;
      world.revisers.settle(entry, shard, to, () => {
        isSettled = true;
      });
      await world.scheduler.run(world.scheduler.nowMs + SECOND_MS);
      if (!isSettled) refused.add(key);
    }
    await rest();
  }
}
