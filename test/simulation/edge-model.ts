/**
 * One simulated isolate at the edge: requests become events, events go through the real coalescer and the real chain.
 *
 * The event is made as src/track/click.ts makes it; the token is taken as verified (it has its own tests).
 *
 * Keeps: when a request or the isolate dies, its timers stay silent and what it would have said is not heard; what it
 * had sent takes effect all the same. Every request that does not die ends within 30 s, acknowledged or counted as lost.
 */
import type { EnqueueStepName } from "../../src/config.ts";
import type { ClickEvent } from "../../src/core/click-event.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import { CLIENT_CLOCK_AHEAD_MAX_MS, SECOND_MS } from "../../src/core/limits.ts";
import type { Topology } from "../../src/core/routing.ts";
import { routingHashOf } from "../../src/core/routing.ts";
import { minuteOf } from "../../src/core/time.ts";
import type { Coalescer, EncodedClick, Handover } from "../../src/queue/coalescer.ts";
import { deliverEvents, type ProducerPorts } from "../../src/queue/producer.ts";
import type { ShardNamespace } from "../../src/shard/stub.ts";
import type { MemoryBucket } from "./bucket.ts";
import type { Carrier } from "./carrier.ts";
import type { Chance } from "./chance.ts";
import type { Network } from "./network.ts";
import type { Keeper, Parts } from "./parts.ts";
import type { QueueModel } from "./queue-model.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Witness } from "./witness.ts";
import type { Request } from "./workload.ts";

const DURABLE_WAIT_MS = 2 * SECOND_MS;
const HOLD_MS = 50;

export type EdgeGround = {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly carrier: Carrier;
  readonly parts: Parts;
  readonly bucket: MemoryBucket;
  readonly queues: readonly QueueModel[];
  readonly chain: readonly EnqueueStepName[];
  readonly witness: Witness;
  readonly ids: Chance;
  readonly namespace: (isCallerAlive: () => boolean) => ShardNamespace;
  readonly topology: (name: string, keeper: Keeper, nowMs: number) => Promise<Topology>;
  readonly clockOffset: (name: string) => number;
};

/** What must be told of one request while it lives. */
type Life = { isAlive: boolean };

export class EdgeIsolate {
  isAlive = true;
  readonly #name: string;
  readonly #ground: EdgeGround;
  readonly #coalescer: Pick<Coalescer, "enqueue">;
  readonly #producer: ProducerPorts;
  #current: Life = { isAlive: true };

  constructor(name: string, ground: EdgeGround) {
    this.#name = name;
    this.#ground = ground;
    const { scheduler, network, parts, carrier, bucket, queues } = ground;
    const isCallerAlive = () => this.isAlive;
    const archive = bucket.bound(isCallerAlive);
    const keeper = parts.makeKeeper(archive);
    const timing = {
      nowMs: () => this.#nowMs,
      after: (ms: number) => {
        // A timer made while a request is being taken in belongs to it; one made later, to the isolate.
        const owner = this.#current;
        let cancel = () => {};
        const done = new Promise<void>((resolve) => {
          cancel = scheduler.after(ms, "timer", () => {
            if (!this.isAlive || !owner.isAlive) return;
            scheduler.touch();
            resolve();
          });
        });
        return { done, cancel };
      },
    };
    this.#coalescer = parts.makeCoalescer(HOLD_MS, timing, carrier);
    this.#producer = {
      shards: ground.namespace(isCallerAlive),
      topology: () => ground.topology(name, keeper, this.#nowMs),
      archive,
      timing,
      queues: queues.map((queue) => ({
        send: (body: unknown) =>
          network.call({
            kind: "send",
            service: queue.name,
            label: "send",
            latencyMs: 30,
            apply: () => queue.take(String(body)),
            isCallerAlive,
          }),
      })) as unknown as ProducerPorts["queues"],
      operations: { writeDataPoint: () => {} },
      codec: carrier,
    };
  }

  get #nowMs(): number {
    return this.#ground.scheduler.nowMs + this.#ground.clockOffset(this.#name);
  }

  /** Takes one request; `diesAfterMs` is when it ends without a word, if it does. */
  click(request: Request, diesAfterMs: number | null): void {
    const { scheduler, witness } = this.#ground;
    const receivedAtMs = this.#nowMs;
    const { claims } = request.impression;
    // As verifyToken does: a token from the future is refused, and is not a click.
    if (claims.iat * SECOND_MS > receivedAtMs + 60 * SECOND_MS) return;
    const event = this.#eventOf(request, receivedAtMs);
    const identity = [
      event.token,
      request.client,
      event.userAgent,
      event.method,
      event.clock,
      minuteOf(event.occurredAtMs),
    ];
    const life: Life = { isAlive: true };
    const isDead = () => !this.isAlive || !life.isAlive;
    const isIsolateAlive = () => this.isAlive;
    const group = identity.join("\n");
    const note = witness.requested({ request, event, group, isDead, isIsolateAlive, isolate: this.#name });
    const deliver = async (events: readonly EncodedClick[]): Promise<boolean> => {
      if (isDead()) return new Promise(() => {});
      const step = await deliverEvents(events, this.#ground.chain, this.#producer);
      if (isDead()) return new Promise(() => {});
      witness.delivered(note, events, step);
      return step !== null;
    };
    if (diesAfterMs !== null) {
      scheduler.after(diesAfterMs, "request dies", () => {
        life.isAlive = false;
      });
    }
    this.#current = life;
    const outcome = claims.dur
      ? deliver([{ id: event.id, count: 1, text: this.#ground.carrier.encode(event) }]).then(
          (isDurable): Handover => (isDurable ? "durable" : "lost"),
        )
      : this.#coalescer.enqueue(event, group, deliver);
    this.#current = { isAlive: true };
    // Straight on its way, or entrusted to others at once: either may go on without waiting for a timer.
    scheduler.touch();
    Promise.resolve(outcome).then(
      (handover) => !isDead() && witness.answered(note, handover),
      (fault: unknown) => witness.bug(`a request of ${this.#name} rejects: ${String(fault)}`),
    );
  }

  die(): void {
    this.isAlive = false;
  }

  #eventOf({ impression, method, userAgent, timestampMs, country, device }: Request, receivedAtMs: number): ClickEvent {
    const { claims, token } = impression;
    const random = new Uint8Array(8);
    new DataView(random.buffer).setUint32(0, this.#ground.ids.bits());
    new DataView(random.buffer).setUint32(4, this.#ground.ids.bits());
    const isTold = timestampMs !== null;
    const isCredible =
      isTold && timestampMs >= claims.iat * SECOND_MS && timestampMs <= receivedAtMs + CLIENT_CLOCK_AHEAD_MAX_MS;
    return {
      id: makeEventId({ receivedAtMs, routingHash: routingHashOf(claims) }, random),
      token,
      receivedAtMs,
      occurredAtMs: isCredible ? timestampMs : receivedAtMs,
      method,
      count: 1,
      country,
      region: null,
      colo: null,
      asn: null,
      device,
      ipHash: null,
      userAgent,
      hints: {},
      referrerHost: null,
      gpc: false,
      clock: !isTold ? "server" : isCredible ? "client" : "client_refused",
      redirectByMs: claims.dur ? receivedAtMs + DURABLE_WAIT_MS : null,
      acceptedAtMs: null,
    };
  }
}
