/**
 * Calls that an object holds (src/shard/group-commit.ts), in time that is not waited for: the driver lets a hold end when
 * its instant has come, and starts the next batch when every call is answered or held.
 *
 *   object: setTimeout(…, a hold) ─▶ holds ─▶ driver moves the clock ─▶ runs in the object's own turn
 *
 * Keeps: an object has one hold at a time, so what holds last is what the object is active for. Longer timers are real.
 */
import { GROUP_HOLD_MS } from "../../src/core/limits.ts";
import { calls, clock, counters } from "./meter.ts";

type Hold = { readonly atMs: number };

/** What is held, by the handle of its timer. */
const holds = new Map<number, Hold>();
const realSetTimeout = globalThis.setTimeout.bind(globalThis);
const realClearTimeout = globalThis.clearTimeout.bind(globalThis);
const LOOK_MS = 1;
/** Above the handles of real timers. */
let handles = 2 ** 40;
let isTaken = false;

/** A turn of real time. */
export function realTurn(ms = 0): Promise<void> {
  return new Promise((resolve) => void realSetTimeout(resolve, ms));
}

/** From here on timers as long as a hold are ended by the driver. */
export function takeHolds(): void {
  if (isTaken) return;
  isTaken = true;
  const set = (run: () => void, ms = 0) => {
    if (ms > GROUP_HOLD_MS) return realSetTimeout(run, ms);
    const handle = handles++;
    holds.set(handle, { atMs: clock.nowMs + ms });
    counters.objectHeldMs += ms;
    const look = () => {
      const hold = holds.get(handle);
      if (hold === undefined) return;
      if (hold.atMs > clock.nowMs) return void realSetTimeout(look, LOOK_MS);
      run();
      // Behind whatever waits for it.
      realSetTimeout(() => holds.delete(handle), 0);
    };
    realSetTimeout(look, LOOK_MS);
    return handle;
  };
  const clear = (handle: number) => {
    const hold = holds.get(handle);
    if (hold === undefined) return realClearTimeout(handle);
    counters.objectHeldMs -= Math.max(0, hold.atMs - clock.nowMs);
    holds.delete(handle);
  };
  Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
}

/** When the next hold ends. */
export function nextHoldMs(): number {
  return Math.min(Number.POSITIVE_INFINITY, ...Array.from(holds.values(), ({ atMs }) => atMs));
}

/** Resolves when what is due has run, and every call is answered or held. */
export async function settled(hasBegun: () => boolean = () => true): Promise<void> {
  while (!hasBegun() || nextHoldMs() <= clock.nowMs || calls.begun !== calls.answered + calls.held) {
    await realTurn(LOOK_MS);
  }
}

/** Runs a call in its object; it is held when a turn has passed and it has no answer. */
export async function heldOrAnswered<T>(work: () => Promise<T>): Promise<T> {
  let state: "running" | "held" | "answered" = "running";
  const answer = work().finally(() => {
    if (state === "held") calls.held--;
    state = "answered";
    calls.answered++;
  });
  answer.catch(() => {});
  await realTurn();
  if (state === "running") {
    state = "held";
    calls.held++;
  }
  return answer;
}
