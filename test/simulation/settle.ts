/**
 * What an audit does about deferred events: it says what each is, and has it revised.
 *
 * Keeps: one after the other, as audits mend: a duplicate follows the event that it is a duplicate of.
 */
import { SECOND_MS } from "../../src/core/limits.ts";
import { unsettledIn } from "./check-audit.ts";
import type { World } from "./world.ts";

const ROUNDS_MAX = 3;

/** Audits until nothing waits; `rest` lets what was logged be carried. */
export async function settleDeferred(world: World, rest: () => Promise<void>): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX && world.witness.deferrals.length > 0; round++) {
    const waiting = unsettledIn(world);
    if (waiting.length === 0) return;
    for (const { shard, entry, to } of waiting) {
      world.revisers.settle(entry, shard, to);
      await world.scheduler.run(world.scheduler.nowMs + SECOND_MS);
    }
    await rest();
  }
}
