/**
 * One simulated isolate at the edge: requests become events, events go through the real coalescer and the real chain.
 *
 * The event is made as src/track/accept.ts makes it, and leaves by the station of its type; the token is taken as verified
 * (it has its own tests).
 *
 * Keeps: when a request or the isolate dies, its timers stay silent and what it would have said is not heard; what it
 * had sent takes effect all the same. Every request that does not die ends within 30 s, acknowledged or counted as lost.
 */
import type { EnqueueStepName } from "../../src/config.ts";
import { encodeBase64url } from "../../src/core/base64url.ts";
import type { Claims } from "../../src/core/claims.ts";
import type { ClickIdentity } from "../../src/core/click-id.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import { hash32 } from "../../src/core/hash.ts";
import { CLIENT_CLOCK_AHEAD_MAX_MS, SECOND_MS } from "../../src/core/limits.ts";
import type { Topology } from "../../src/core/routing.ts";
import { routingHashOf } from "../../src/core/routing.ts";
import { dayOf, minuteOf } from "../../src/core/time.ts";
import type { EventType, TokenEvent } from "../../src/core/token-event.ts";
import type { Coalescer, EncodedEvent } from "../../src/queue/coalescer.ts";
import { deliverEvents, type ProducerPorts } from "../../src/queue/producer.ts";
import type { ShardNamespace } from "../../src/shard/stub.ts";
import type { Timing } from "../../src/timing.ts";
import type { MemoryBucket } from "./bucket.ts";
import type { Carrier } from "./carrier.ts";
import type { Chance } from "./chance.ts";
import type { Network } from "./network.ts";
import type { Keeper, Parts } from "./parts.ts";
import type { QueueModel } from "./queue-model.ts";
import type { Request } from "./request.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Witness } from "./witness.ts";

const DURABLE_WAIT_MS = 2 * SECOND_MS;
const HOLD_MS = 50;

export type EdgeGround = {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly carrier: Carrier;
  readonly parts: Parts;
  readonly bucket: MemoryBucket;
  readonly queues: Readonly<Record<EventType, readonly QueueModel[]>>;
  readonly chain: readonly EnqueueStepName[];
  readonly witness: Witness;
  readonly ids: Chance;
  readonly namespace: (isCallerAlive: () => boolean) => ShardNamespace;
  readonly topology: (name: string, keeper: Keeper, nowMs: number) => Promise<Topology>;
  readonly clockOffset: (name: string) => number;
  /** Tells what the landing page learns of a click on the impression of this index. */
  readonly onClick: (impression: number, click: ClickIdentity) => void;
};

/** Where events of one type leave the edge. */
type Station = { readonly coalescer: Pick<Coalescer, "enqueue" | "enqueueAwaited">; readonly producer: ProducerPorts };

/** What must be told of one request while it lives. */
type Life = { isAlive: boolean };

export class EdgeIsolate {
  isAlive = true;
  readonly #name: string;
  readonly #ground: EdgeGround;
  readonly #stations: Readonly<Record<EventType, Station>>;
  #current: Life = { isAlive: true };

  constructor(name: string, ground: EdgeGround) {
    this.#name = name;
    this.#ground = ground;
    const timing = this.#makeTiming();
    const keeper = ground.parts.makeKeeper(ground.bucket.bound(() => this.isAlive));
    this.#stations = {
      click: this.#makeStation("click", timing, keeper),
      impression: this.#makeStation("impression", timing, keeper),
    };
  }

  #makeTiming(): Timing {
    const { scheduler } = this.#ground;
    const after = (ms: number) => {
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
    };
    return { nowMs: () => this.#nowMs, after };
  }

  #makeStation(type: EventType, timing: Timing, keeper: Keeper): Station {
    const { network, parts, carrier, bucket, queues, namespace, topology } = this.#ground;
    const isCallerAlive = () => this.isAlive;
    const send = (queue: QueueModel, body: unknown) =>
      network.call({
        kind: "send",
        service: queue.name,
        label: "send",
        latencyMs: 30,
        apply: () => queue.take(String(body)),
        isCallerAlive,
      });
    const producer: ProducerPorts = {
      shards: namespace(isCallerAlive),
      topology: () => topology(this.#name, keeper, this.#nowMs),
      archive: bucket.bound(isCallerAlive),
      timing,
      queues: queues[type].map((queue) => ({
        send: (body: unknown) => send(queue, body),
      })) as unknown as ProducerPorts["queues"],
      operations: { writeDataPoint: () => {} },
      codec: carrier,
    };
    return { coalescer: parts.makeCoalescer(HOLD_MS, timing, carrier), producer };
  }

  get #nowMs(): number {
    return this.#ground.scheduler.nowMs + this.#ground.clockOffset(this.#name);
  }

  /** Takes one request; `diesAfterMs` is when it ends without a word, if it does. */
  take(request: Request, diesAfterMs: number | null): void {
    const { scheduler, witness } = this.#ground;
    const receivedAtMs = this.#nowMs;
    const { claims } = request.impression;
    // As verifyToken does: a token from the future is refused, and makes no event.
    if (claims.iat * SECOND_MS > receivedAtMs + 60 * SECOND_MS) return;
    const event = this.#eventOf(request, receivedAtMs);
    const { coalescer, producer } = this.#stations[event.type];
    const identity = identityOf(event, request);
    if (event.type === "click") this.#ground.onClick(request.impression.index, clickOf(event, claims));
    const life: Life = { isAlive: true };
    const isDead = () => !this.isAlive || !life.isAlive;
    const isIsolateAlive = () => this.isAlive;
    const group = `${event.type}\n${identity}`;
    const note = witness.requested({ request, event, group, isDead, isIsolateAlive, isolate: this.#name });
    const deliver = async (events: readonly EncodedEvent[]): Promise<boolean> => {
      if (isDead()) return new Promise(() => {});
      const step = await deliverEvents(events, this.#ground.chain, { ...producer, isAwaited: claims.dur });
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
      ? coalescer.enqueueAwaited(event, identity, deliver)
      : coalescer.enqueue(event, identity, deliver);
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

  #eventOf(request: Request, receivedAtMs: number): TokenEvent {
    const { type, impression, method, userAgent, gpc, timestampMs, country, device } = request;
    const { claims, token } = impression;
    const random = new Uint8Array(8);
    new DataView(random.buffer).setUint32(0, this.#ground.ids.bits());
    new DataView(random.buffer).setUint32(4, this.#ground.ids.bits());
    const isTold = timestampMs !== null;
    const latestMs = Math.min(receivedAtMs + CLIENT_CLOCK_AHEAD_MAX_MS, claims.exp * SECOND_MS);
    const isCredible = isTold && timestampMs >= claims.iat * SECOND_MS && timestampMs <= latestMs;
    return {
      type,
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
      userHash: gpc ? null : userHashOf(request, dayOf(receivedAtMs)),
      userAgent,
      hints: {},
      referrerHost: null,
      gpc,
      clock: !isTold ? "server" : isCredible ? "client" : "client_refused",
      redirectByMs: claims.dur ? receivedAtMs + DURABLE_WAIT_MS : null,
      acceptedAtMs: null,
    };
  }
}

/** What two requests must share to fold into one event; as in src/track/accept.ts. */
function identityOf(
  { token, userAgent, method, device, clock, occurredAtMs }: TokenEvent,
  { client }: Request,
): string {
  return [token, client, userAgent, method, device, clock, minuteOf(occurredAtMs)].join("\n");
}

/** As src/track/click.ts tells the landing page. */
function clickOf({ id, occurredAtMs, country, device }: TokenEvent, claims: Claims): ClickIdentity {
  return {
    eventId: id,
    clickedAtMs: occurredAtMs,
    advertiserId: claims.adv,
    campaignId: claims.cmp,
    adGroupId: claims.grp ?? "",
    adId: claims.ad,
    publisherId: claims.pub,
    creativeId: claims.crt ?? "",
    placementId: claims.plc ?? "",
    adFormat: claims.fmt ?? "",
    country: country ?? "",
    device,
    isTest: claims.tst,
  };
}

/** Twelve bytes that are the same for one client and agent all day; the salt has its own tests. */
function userHashOf({ client, userAgent }: Request, day: number): string {
  const hash = hash32(`${day} ${client} ${userAgent}`);
  const bytes = new DataView(new ArrayBuffer(12));
  for (const [at, factor] of [1, 0x9e3779b1, 0x85ebca6b].entries()) bytes.setUint32(at * 4, Math.imul(hash, factor));
  return encodeBase64url(new Uint8Array(bytes.buffer));
}
