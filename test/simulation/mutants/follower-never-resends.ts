/**
 * Breaks: a follower never sends its own event: it waits for its leader as long as its patience lasts, and then ends.
 * When the leader's request has died, its followers' clicks die with it, and nobody counts them as lost.
 * Violates G5: nothing is silently dropped.
 */

import { FOLLOWER_CONFIRM_MS } from "../../../src/core/limits.ts";
import type { TokenEvent } from "../../../src/core/token-event.ts";
import { Coalescer, type Deliver, type Handover } from "../../../src/queue/coalescer.ts";
import type { Timing } from "../../../src/timing.ts";
import type { Mutant } from "./mutant.ts";

class TrustingCoalescer extends Coalescer {
  readonly #timing: Timing;

  constructor(holdMs: number, timing: Timing, encode: (event: TokenEvent) => string) {
    super(holdMs, timing, encode);
    this.#timing = timing;
  }

  override enqueue(event: TokenEvent, identity: string, deliver: Deliver): Handover | Promise<Handover> {
    const startedMs = this.#timing.nowMs();
    // A leader delivers after its hold; who delivers after FOLLOWER_CONFIRM_MS is a follower that helps itself.
    const isFollower = () => this.#timing.nowMs() - startedMs >= FOLLOWER_CONFIRM_MS;
    return super.enqueue(event, identity, (events) => (isFollower() ? Promise.resolve(false) : deliver(events)));
  }
}

export const FOLLOWER_NEVER_RESENDS: Mutant = {
  fault: "a follower never resends",
  promise: "G5",
  parts: { makeCoalescer: (holdMs, timing, carrier) => new TrustingCoalescer(holdMs, timing, carrier.encode) },
};
