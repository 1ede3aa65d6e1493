/**
 * One call over the network: it takes time, and may fail in every way that the caller cannot tell from the others.
 *
 *   answered   ──▶ applied ──▶ reply
 *   refused    ──▶ reply: error, nothing applied
 *   reply lost ──▶ applied, error
 *   zombie     ──▶ error ……… applied, after the caller has tried again
 *   hung       ……… applied sooner or later, no reply at all
 *
 * Keeps: a caller that has died meanwhile hears nothing; what it sent takes effect all the same.
 */
import { MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import type { FaultKind, Faults } from "./faults.ts";
import type { Scheduler } from "./scheduler.ts";

export class NetworkFault extends Error {
  override readonly name = "NetworkFault";
}

export type Call<T> = {
  /** The kind of fault that this call is exposed to, and the service that may be down. */
  readonly kind: FaultKind;
  readonly service: string;
  readonly label: string;
  /** How long one way takes, at most. */
  readonly latencyMs: number;
  /** What the callee does; a promise of it settles without waiting for anything. */
  readonly apply: () => T | Promise<T>;
  readonly isCallerAlive: () => boolean;
};

type Answer<T> = { readonly resolve: (value: T) => void; readonly reject: (fault: unknown) => void };

export class Network {
  readonly #scheduler: Scheduler;
  readonly #faults: Faults;

  constructor(scheduler: Scheduler, faults: Faults) {
    this.#scheduler = scheduler;
    this.#faults = faults;
  }

  call<T>(call: Call<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      // Who has died hears nothing.
      const answer: Answer<T> = {
        resolve: (value) => this.#wake(call) && resolve(value),
        reject: (fault) => this.#wake(call) && reject(fault),
      };
      const wayMs = 1 + Math.floor(this.#faults.stream(call.kind).unit() * call.latencyMs);
      if (this.#faults.strikes(call.kind)) this.#goWrong(call, answer, wayMs);
      else this.#scheduler.after(wayMs, call.label, () => this.#arrive(call, answer, wayMs));
    });
  }

  #wake<T>({ isCallerAlive }: Call<T>): boolean {
    if (!isCallerAlive()) return false;
    this.#scheduler.touch();
    return true;
  }

  /** The reply travels back as a happening of its own: the caller may be evicted in between. */
  #arrive<T>(call: Call<T>, { resolve, reject }: Answer<T>, wayMs: number): void {
    const refuse = (fault: unknown) => this.#scheduler.after(wayMs, "refusal", () => reject(fault));
    const reply = (value: T) => this.#scheduler.after(wayMs, "reply", () => resolve(value));
    try {
      if (this.#faults.isDown(call.service, this.#scheduler.nowMs)) throw new NetworkFault(`${call.label}: down`);
      const applied = call.apply();
      if (!(applied instanceof Promise)) return void reply(applied);
      this.#scheduler.touch();
      applied.then(reply, refuse);
    } catch (fault) {
      refuse(fault);
    }
  }

  #goWrong<T>(call: Call<T>, { reject }: Answer<T>, wayMs: number): void {
    const { label } = call;
    const scheduler = this.#scheduler;
    const chance = this.#faults.stream(call.kind);
    const fail = (why: string) => reject(new NetworkFault(`${label}: ${why}`));
    const unheard: Answer<T> = { resolve: () => {}, reject: () => {} };
    const apply = () => this.#arrive(call, unheard, 0);
    switch (chance.pick(["refused", "reply lost", "zombie", "hung"] as const)) {
      case "refused":
        scheduler.after(wayMs, label, () => fail("refused"));
        break;
      case "reply lost":
        scheduler.after(wayMs, label, apply);
        scheduler.after(2 * wayMs, "lost reply", () => fail("reply lost"));
        break;
      case "zombie":
        scheduler.after(wayMs, "error", () => fail("no answer"));
        scheduler.after(wayMs + chance.unit() * 20 * SECOND_MS, label, apply);
        break;
      case "hung":
        if (chance.is(0.7)) scheduler.after(chance.unit() * MINUTE_MS, label, apply);
        // The platform ends a call that hangs; callers with a bound of their own are gone by then.
        scheduler.after(2 * MINUTE_MS, "platform ends the call", () => fail("timed out"));
        break;
    }
  }
}
