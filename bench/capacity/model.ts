/**
 * A deployment under a load, in virtual time: where clicks wait, how old they are when a report shows them, and which part
 * cannot keep up. Routing, batch sizes and intervals are those of production; what each step takes is limits.ts.
 *
 *   clicks ─▶ messages ─▶ queues (5 000 a second each) ─▶ batches (250 at once) ─▶ shards (one call at a time)
 *     └ refused ─▶ the other queue ─▶ straight to the shard ─▶ the spool        ─▶ databases (one batch at a time) ─▶ seen
 *
 * Keeps: the same settings give the same answer. Not modelled: how long the platform takes to start more consumers, the
 * distance between places, reports that are read meanwhile, restarts, and what a burst is beside its second.
 */
import { Ads } from "./ads.ts";
import * as limits from "./limits.ts";
import type { CapacitySettings } from "./settings.ts";
import { Backlog, type Cohort, Station } from "./stations.ts";

const TICK_MS = 50;
/** Left out of the figures, until the stations are filled; and at the end those that nobody can have seen yet. */
const WARM_MS = 20_000;
const LAST_MS = 60_000;

export type Busy = {
  readonly name: "queues" | "consumers" | "shards" | "databases";
  /** Of what the busiest one can do; above 1 it cannot keep up. */
  readonly busy: number;
};
export type CapacityResult = {
  readonly settings: CapacitySettings;
  readonly stations: readonly Busy[];
  /** Where each click went, of all. */
  readonly ways: Readonly<Record<"queue" | "other_queue" | "shard" | "spool", number>>;
  /** From the click to a report that shows it. */
  readonly seenMs: { readonly p50: number; readonly p99: number; readonly worst: number };
  /** Clicks that no report showed a minute later or more, of all. */
  readonly unseen: number;
  /** Messages that waited at most, and at the end. */
  readonly backlog: { readonly most: number; readonly end: number };
  readonly rowsPerClick: number;
};

export function runCapacity(settings: CapacitySettings): CapacityResult {
  const endMs = WARM_MS + settings.minutes * 60_000 + LAST_MS;
  const run = new Run(settings, endMs);
  for (let nowMs = 0; nowMs < endMs; nowMs += TICK_MS) run.tick(nowMs);
  return run.result();
}

class Run {
  readonly #settings: CapacitySettings;
  readonly #endMs: number;
  readonly #ads: Ads;
  readonly #shares: readonly number[];
  readonly #queues: readonly Backlog[];
  readonly #tokens: number[];
  readonly #shards: readonly Station[];
  readonly #counted: Cohort[][];
  readonly #unposted: number[];
  readonly #databases: readonly Station[];
  readonly #ways = { queue: 0, other_queue: 0, shard: 0, spool: 0 };
  readonly #ages = new Map<number, number>();
  #messages = 0;
  #consumersMs = 0;
  #clicks = 0;
  #rows = 0;

  constructor(settings: CapacitySettings, endMs: number) {
    this.#settings = settings;
    this.#endMs = endMs;
    this.#ads = new Ads(settings.ads, settings.skew);
    this.#shares = this.#ads.sharesOf(settings.shards);
    const each = <T>(count: number, make: () => T) => Array.from({ length: count }, make);
    this.#queues = each(settings.queues, () => new Backlog(settings.perMessage));
    this.#tokens = each(settings.queues, () => limits.QUEUE_MESSAGES_PER_S);
    this.#shards = each(settings.shards, () => new Station());
    this.#counted = each(settings.shards, () => []);
    this.#unposted = each(settings.shards, () => 0);
    this.#databases = each(settings.databases, () => new Station());
  }

  tick(nowMs: number): void {
    this.#send(nowMs);
    for (const queue of this.#queues) this.#consume(queue, nowMs);
    for (const [at, shard] of this.#shards.entries()) {
      const done = shard.work(TICK_MS);
      this.#counted[at]?.push(...done);
      this.#unposted[at] = (this.#unposted[at] ?? 0) + clicksIn(done);
      this.#flush(at, nowMs);
    }
    for (const database of this.#databases) {
      for (const { cameMs, clicks } of database.work(TICK_MS)) {
        const ageMs = nowMs + TICK_MS - cameMs;
        if (this.#isLookedAt(cameMs))
          this.#ages.set(ageMs, (this.#ages.get(ageMs) ?? 0) + clicks / this.#databases.length);
      }
    }
  }

  /** Each message goes to a queue, to the next one where that is over its rate, and straight to its shards at last. */
  #send(nowMs: number): void {
    const { clicksPerSecond, perMessage, queues } = this.#settings;
    const clicks = (clicksPerSecond * TICK_MS) / 1_000;
    this.#clicks += clicks;
    this.#messages += clicks / perMessage;
    const rate = (limits.QUEUE_MESSAGES_PER_S * TICK_MS) / 1_000;
    for (const [at, tokens] of this.#tokens.entries()) {
      this.#tokens[at] = Math.min(limits.QUEUE_MESSAGES_PER_S, tokens + rate);
    }
    const put = (queue: number, messages: number) => {
      const taken = Math.min(messages, this.#tokens[queue] ?? 0);
      this.#tokens[queue] = (this.#tokens[queue] ?? 0) - taken;
      this.#queues[queue]?.add(nowMs, taken);
      return messages - taken;
    };
    const offered = clicks / perMessage / queues;
    const left = this.#queues.map((_, at) => put(at, offered));
    for (const [at, messages] of left.entries()) {
      this.#ways.queue += offered - messages;
      const further = queues > 1 ? put((at + 1) % queues, messages) : messages;
      this.#ways.other_queue += messages - further;
      if (further > 0) this.#sendStraight(further, nowMs);
    }
  }

  #sendStraight(messages: number, nowMs: number): void {
    for (const [at, shard] of this.#shards.entries()) {
      const share = this.#shares[at] ?? 0;
      const clicks = messages * this.#settings.perMessage * share;
      if (shard.waitingMs > limits.SHARD_TIMEOUT_MS) {
        this.#ways.spool += messages * share;
        continue;
      }
      this.#ways.shard += messages * share;
      const calls = messages * hit(share, this.#settings.perMessage);
      shard.add([{ cameMs: nowMs, clicks }], workOf(calls, clicks));
    }
  }

  /** Batches that are full, or whose oldest message has waited, as many as consumers are free. */
  #consume(queue: Backlog, nowMs: number): void {
    const { batchMessages, batchWaitMs, perMessage } = this.#settings;
    const waitMs = Math.max(...this.#shards.map((shard) => shard.waitingMs));
    for (let freeMs = limits.CONSUMERS_MAX * TICK_MS; freeMs > 0; ) {
      const isDue = queue.messages >= batchMessages || nowMs - queue.oldestMs >= batchWaitMs;
      if (!isDue || queue.messages <= 0) break;
      const messages = Math.min(batchMessages, queue.messages);
      const cohorts = queue.take(messages);
      const events = messages * perMessage;
      const tookMs = limits.CONSUMER_CALL_MS + events * limits.DECODE_EVENT_MS + waitMs;
      freeMs -= tookMs;
      this.#consumersMs += tookMs;
      for (const [at, shard] of this.#shards.entries()) {
        const share = this.#shares[at] ?? 0;
        const own = cohorts.map(({ cameMs, clicks }) => ({ cameMs, clicks: clicks * share }));
        shard.add(own, workOf(hit(share, events), events * share));
      }
    }
  }

  /** What is counted is shown at each flush, and its rows are posted at each posting; shards take their turns. */
  #flush(at: number, nowMs: number): void {
    const { flushMs, postMs, shards } = this.#settings;
    const isTurn = (everyMs: number) => {
      const shiftedMs = nowMs + (everyMs * at) / shards;
      return Math.floor(shiftedMs / everyMs) !== Math.floor((shiftedMs - TICK_MS) / everyMs);
    };
    if (!isTurn(flushMs)) return;
    const cohorts = together(this.#counted[at] ?? []);
    if (cohorts.length === 0) return;
    this.#counted[at] = [];
    const isPosting = postMs <= flushMs || isTurn(postMs);
    const rows = isPosting ? this.#rowsOf(at) : 1;
    this.#rows += rows;
    for (const database of this.#databases) {
      database.add(cohorts, limits.D1_BATCH_MS + (rows / this.#databases.length) * limits.D1_ROW_MS);
    }
  }

  /** Of one shard's clicks since its last posting: its ads are as many as its share of all. */
  #rowsOf(at: number): number {
    const { postMs, shards } = this.#settings;
    const clicks = (this.#unposted[at] ?? 0) * shards;
    this.#unposted[at] = 0;
    return this.#ads.rows(clicks, Math.max(1, postMs / 60_000)) / shards;
  }

  #isLookedAt(cameMs: number): boolean {
    return cameMs >= WARM_MS && cameMs < this.#endMs - LAST_MS;
  }

  result(): CapacityResult {
    const { queues } = this.#settings;
    const endMs = this.#endMs;
    const most = (stations: readonly Station[]) =>
      Math.max(...stations.map((one) => (one.busyMs + one.waitingMs) / endMs));
    const messagesPerS = (this.#messages * 1_000) / endMs;
    const seen = Array.from(this.#ages).sort(([a], [b]) => a - b);
    const sum = seen.reduce((total, [, clicks]) => total + clicks, 0);
    const sent = (this.#settings.clicksPerSecond * (endMs - LAST_MS - WARM_MS)) / 1_000;
    const share = (messages: number) => messages / this.#messages;
    const { queue, other_queue, shard, spool } = this.#ways;
    return {
      settings: this.#settings,
      stations: [
        { name: "queues", busy: messagesPerS / (queues * limits.QUEUE_MESSAGES_PER_S) },
        { name: "consumers", busy: this.#consumersMs / (queues * limits.CONSUMERS_MAX * endMs) },
        { name: "shards", busy: most(this.#shards) },
        { name: "databases", busy: most(this.#databases) },
      ],
      ways: { queue: share(queue), other_queue: share(other_queue), shard: share(shard), spool: share(spool) },
      seenMs: {
        p50: percentile(seen, sum * 0.5),
        p99: percentile(seen, sum * 0.99),
        worst: seen.at(-1)?.[0] ?? Number.NaN,
      },
      unseen: Math.max(0, 1 - sum / sent),
      backlog: {
        most: Math.max(...this.#queues.map((one) => one.most)),
        end: this.#queues.reduce((total, { messages }) => total + messages, 0),
      },
      rowsPerClick: this.#rows / this.#clicks,
    };
  }
}

/** How likely one of so many events meets a shard with that share of all. */
function hit(share: number, events: number): number {
  return 1 - (1 - share) ** events;
}

function workOf(calls: number, events: number): number {
  return (calls * 1_000) / limits.OBJECT_CALLS_PER_S + events * limits.OBJECT_EVENT_MS;
}

/** One cohort for each instant. */
function together(cohorts: readonly Cohort[]): Cohort[] {
  const byInstant = new Map<number, number>();
  for (const { cameMs, clicks } of cohorts) byInstant.set(cameMs, (byInstant.get(cameMs) ?? 0) + clicks);
  return Array.from(byInstant, ([cameMs, clicks]) => ({ cameMs, clicks }));
}

function clicksIn(cohorts: readonly Cohort[]): number {
  return cohorts.reduce((sum, { clicks }) => sum + clicks, 0);
}

function percentile(seen: readonly (readonly [ageMs: number, clicks: number])[], rank: number): number {
  let sum = 0;
  for (const [ageMs, clicks] of seen) {
    sum += clicks;
    if (sum >= rank) return ageMs;
  }
  return seen.at(-1)?.[0] ?? Number.NaN;
}
