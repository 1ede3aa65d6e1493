/**
 * What goes wrong in one run: which kinds of fault, how often, and when a whole service is down. Drawn from the seed.
 *
 *   send     a queue's send fails, loses its reply, or hangs and still takes effect; a queue is down for minutes
 *   queue    messages wait, overtake each other, arrive twice; consumers die
 *   rpc      calls of shards fail before or after the commit, or hang and still take effect
 *   abort    a shard's transaction fails between two statements
 *   evict    a shard loses its memory between any two steps
 *   alarm    alarms are lost, late, or fire twice
 *   d1, r2   a call fails, loses its reply, or arrives after its retry; the service is down for minutes
 *   shard    a shard of each kind refuses everything for long, so that messages become dead letters
 *   death    requests and isolates end without a word; who submits gives up
 *   clock    clocks step by minutes, and back
 *   reshard  the topology gains epochs; some configured lists are retroactive and must be refused
 *   review   late clicks are decided, again, and against each other
 *   revise   events are revised, again, with wrong numbers and against what they are; shards are sealed
 *   horizon  dead letters come back when the keys are forgotten
 *   stray    events are delivered to a shard that does not own them, alone or as well
 *   restore  a shard's storage, a report database or both are set back to an earlier moment
 *
 * Keeps: a kind that is left out draws nothing and changes nothing else.
 */
import { MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import { eventShardName } from "../../src/core/routing.ts";
import { EVENT_TYPES } from "../../src/core/token-event.ts";
import { Chance } from "./chance.ts";

export const FAULT_KINDS = [
  "send",
  "queue",
  "rpc",
  "abort",
  "evict",
  "alarm",
  "d1",
  "r2",
  "shard",
  "death",
  "clock",
  "reshard",
  "review",
  "revise",
  "horizon",
  "stray",
  "restore",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** How far a clock may step; the topology's lead and the horizon's reserve are far longer. */
export const CLOCK_STEP_MAX_MS = 3 * MINUTE_MS;
/** Most outages are short; some are longer than the lead of a new epoch. */
const OUTAGE_MAX_MS = { send: 8 * MINUTE_MS, d1: 15 * MINUTE_MS, r2: 45 * MINUTE_MS, shard: 25 * MINUTE_MS } as const;

/** Names of all shards of clicks and impressions that a run can come to use. */
export const SHARD_NAMES = EVENT_TYPES.flatMap((type) =>
  Array.from({ length: 8 }, (_, index) => eventShardName(type, index)),
);

/** All shards of conversions and uploaded counts: they are down together, and have one clock. */
export const SUBMISSION_SHARDS = "submissions";

type Span = { readonly fromMs: number; readonly toMs: number };

export class Faults {
  /** Rate of each kind in this run, 0 … 1; zero once the run has calmed down. */
  readonly #rates = new Map<FaultKind, number>();
  readonly #streams = new Map<FaultKind, Chance>();
  readonly #outages = new Map<string, Span[]>();
  #isCalm = false;

  /** `areCertain`: every one of the kinds is active; otherwise the seed chooses among them. */
  constructor(
    seed: number,
    { kinds, areCertain }: { kinds: readonly FaultKind[]; areCertain: boolean },
    { startMs, endMs }: { startMs: number; endMs: number },
  ) {
    for (const kind of FAULT_KINDS) {
      const chance = new Chance(seed, `fault ${kind}`);
      // Half of the kinds are quiet in any run: a fault is best seen when not everything else fails as well.
      const isActive = chance.is(0.55) || areCertain;
      const rate = isActive ? 0.02 + 0.25 * chance.unit() ** 2 : 0;
      this.#streams.set(kind, chance);
      this.#rates.set(kind, kinds.includes(kind) ? rate : 0);
    }
    const span = (kind: keyof typeof OUTAGE_MAX_MS): Span => {
      const chance = this.stream(kind);
      const fromMs = startMs + chance.unit() * (endMs - startMs);
      return { fromMs, toMs: fromMs + 20 * SECOND_MS + chance.unit() ** 2 * OUTAGE_MAX_MS[kind] };
    };
    for (const kind of ["d1", "r2"] as const) {
      if (this.rate(kind) > 0) this.#outages.set(kind, [span(kind)]);
    }
    if (this.rate("send") > 0) {
      for (const queue of ["click-queue-0", "click-queue-1", "impression-queue-0"])
        this.#outages.set(queue, [span("send")]);
    }
    if (this.rate("shard") > 0) {
      const index = this.stream("shard").between(0, 3);
      for (const name of [eventShardName("click", index), eventShardName("impression", index), SUBMISSION_SHARDS]) {
        this.#outages.set(name, [span("shard"), span("shard")]);
      }
    }
  }

  stream(kind: FaultKind): Chance {
    return this.#streams.get(kind) as Chance;
  }

  rate(kind: FaultKind): number {
    return this.#isCalm ? 0 : (this.#rates.get(kind) ?? 0);
  }

  /** Whether a fault of this kind happens now, at its rate times `weight`. */
  strikes(kind: FaultKind, weight = 1): boolean {
    const rate = this.rate(kind);
    return rate > 0 && this.stream(kind).is(rate * weight);
  }

  /** Whether a service, or a shard by its name, is down. */
  isDown(service: string, nowMs: number): boolean {
    if (this.#isCalm) return false;
    return this.#outages.get(service)?.some(({ fromMs, toMs }) => nowMs >= fromMs && nowMs < toMs) ?? false;
  }

  /** One more outage of a service, which somebody has a reason for. */
  addOutage(service: string, fromMs: number, toMs: number): void {
    this.#outages.set(service, [...(this.#outages.get(service) ?? []), { fromMs, toMs }]);
  }

  /** From now on nothing fails any more. */
  calm(): void {
    this.#isCalm = true;
  }
}
