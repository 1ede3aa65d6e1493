/**
 * The coalescer: events of one isolate that arrive within a short hold share one queue message, because the queue is
 * billed and limited by the message.
 *
 *   t=0  leader opens a batch and holds it        leader: hold → close → deliver → note the outcome
 *   t<h  followers join                           the first two stay as watchers, the others are done
 *   t≥h  the next event opens another batch       watcher: look at the outcome by its own timer, or deliver the batch
 *
 * Identical repeats (same identity: token, client, minute) inside a hold fold into one event with a `count`, so that a
 * flood of one link costs one event. An event that somebody waits for (`dur: 1`) goes alone and at once; its repeats
 * fold like all others, and wait for the batch that holds them.
 *
 * Keeps: every event of a batch, the leader's too, is watched by up to three requests, and by every later leader of the
 * isolate (`#rescue`). Who finds a batch without outcome delivers it whole, with the same ids and counts: a leader that
 * died takes nobody with it, and one that was only slow causes redeliveries, which are not counted. `deliver` never
 * sees an event whose count may still grow: a batch is closed before anything in it is read. A batch older than its
 * hold is never joined.
 *
 * Requests share plain values and nothing else: each looks by its own timers, and nobody resolves a promise of another
 * request, which may end at any time. What a timer of its own in every follower would cost stands in
 * docs/decisions/0006.
 */
import { encodeUtf8 } from "../core/base64url.ts";
import type { EventId } from "../core/event-id.ts";
import { FOLDED_COUNT_MAX, FOLLOWER_CONFIRM_MS, MESSAGE_BYTES_MAX, MESSAGE_EVENTS_MAX } from "../core/limits.ts";
import type { EventCodec } from "../core/message.ts";
import { encodeTokenEvent, type TokenEvent } from "../core/token-event.ts";
import { PLATFORM_TIMING, type Timing } from "../timing.ts";

/** An event as it travels, with what its carriers need to know of it. */
export type EncodedEvent = { readonly id: EventId; readonly count: number; readonly text: string };

/** Delivers events durably; resolves to false when every step of the chain failed. Bound to the caller's request. */
export type Deliver = (events: readonly EncodedEvent[]) => Promise<boolean>;

/** What became of an event when its request had no more to do: known, or in the hands of others. */
export type Handover = "durable" | "lost" | "entrusted";

/** Followers of a batch that stay to see what becomes of it. */
const WATCHERS_MAX = 2;
/** A watcher's first look after the hold; each further one waits twice as long. */
const FIRST_LOOK_MS = 25;

/** Identities of awaited events that are remembered at once, to see their repeats. */
const AWAITED_MAX = 1_000;

/** After the last watcher's patience has ended. */
const RESCUE_AFTER_MS = (WATCHERS_MAX + 1) * FOLLOWER_CONFIRM_MS;

type Entry = { readonly event: TokenEvent; readonly text: string; readonly bytes: number; count: number };

class Batch {
  readonly openedAtMs: number;
  readonly entries = new Map<string, Entry>();
  bytes = 0;
  watchers = 0;
  isClosed = false;
  /** What became of the batch; null until it is known. A delivery that failed may be followed by one that does not. */
  isDelivered: boolean | null = null;
  /** When a later leader takes the batch for abandoned. */
  rescueAtMs: number;

  constructor(openedAtMs: number) {
    this.openedAtMs = openedAtMs;
    this.rescueAtMs = openedAtMs + RESCUE_AFTER_MS;
  }

  hasRoomFor({ bytes }: Entry): boolean {
    return this.entries.size < MESSAGE_EVENTS_MAX && this.bytes + bytes <= MESSAGE_BYTES_MAX;
  }

  add(identity: string, entry: Entry): void {
    this.entries.set(identity, entry);
    // The comma, and the digits by which a count may grow.
    this.bytes += entry.bytes + 8;
  }
}

export class Coalescer {
  readonly #holdMs: number;
  readonly #timing: Timing;
  readonly #encode: EventCodec["encode"];
  #batch: Batch | null = null;
  /** Batches of which the outcome is not known yet. */
  readonly #pending = new Set<Batch>();
  /** When each awaited identity came last, the oldest first. */
  readonly #awaited = new Map<string, number>();

  constructor(holdMs: number, timing: Timing = PLATFORM_TIMING, encode = encodeTokenEvent) {
    this.#holdMs = holdMs;
    this.#timing = timing;
    this.#encode = encode;
  }

  /**
   * Enqueues one event. The promise resolves when this request has no more to do for it; most requests have not from
   * the start, and get no promise, so that nothing has to be kept alive for them.
   */
  enqueue(event: TokenEvent, identity: string, deliver: Deliver): Handover | Promise<Handover> {
    const batch = this.#joinable();
    const repeated = batch?.entries.get(identity);
    if (batch !== null && repeated !== undefined && repeated.count < FOLDED_COUNT_MAX) {
      repeated.count += event.count;
      return this.#follow(batch, deliver);
    }
    const text = this.#encode(event);
    const entry = { event, text, bytes: byteLength(text), count: event.count };
    if (batch === null || repeated !== undefined || !batch.hasRoomFor(entry)) {
      return this.#lead(identity, entry, deliver);
    }
    batch.add(identity, entry);
    return this.#follow(batch, deliver);
  }

  /**
   * Enqueues an event that somebody waits for. The promise resolves when the event is durable or lost, or with
   * `entrusted` when that is not known in the time that a follower waits.
   */
  async enqueueAwaited(event: TokenEvent, identity: string, deliver: Deliver): Promise<Handover> {
    if (!this.#isRepeat(identity)) {
      const isDelivered = await deliver([{ id: event.id, count: event.count, text: this.#encode(event) }]);
      return isDelivered ? "durable" : "lost";
    }
    const handover = this.enqueue(event, identity, deliver);
    const batch = this.#batch;
    if (handover !== "entrusted" || batch === null) return handover;
    await this.#watch(batch, this.#holdMs + FOLLOWER_CONFIRM_MS);
    return batch.isDelivered === null ? handover : outcomeOf(batch.isDelivered);
  }

  /** True when the same was awaited less than a hold ago. */
  #isRepeat(identity: string): boolean {
    const nowMs = this.#timing.nowMs();
    const lastMs = this.#awaited.get(identity);
    this.#awaited.delete(identity);
    this.#awaited.set(identity, nowMs);
    for (const oldest of this.#awaited.keys()) {
      if (this.#awaited.size <= AWAITED_MAX) break;
      this.#awaited.delete(oldest);
    }
    return lastMs !== undefined && nowMs - lastMs < this.#holdMs;
  }

  #joinable(): Batch | null {
    const batch = this.#batch;
    if (batch === null || batch.isClosed) return null;
    return this.#timing.nowMs() - batch.openedAtMs < this.#holdMs ? batch : null;
  }

  async #lead(identity: string, entry: Entry, deliver: Deliver): Promise<Handover> {
    const batch = new Batch(this.#timing.nowMs());
    batch.add(identity, entry);
    this.#batch = batch;
    this.#pending.add(batch);
    await this.#timing.after(this.#holdMs).done;
    const handover = await this.#deliver(batch, deliver);
    // A leader whose own delivery took long has no time left for others: work after the response ends after 30 s.
    const rescueEndsMs = batch.openedAtMs + this.#holdMs + FOLLOWER_CONFIRM_MS;
    await this.#rescue(deliver, rescueEndsMs);
    return handover;
  }

  /** The first followers stay as watchers; the others entrust their events to them. */
  #follow(batch: Batch, deliver: Deliver): Handover | Promise<Handover> {
    return batch.watchers >= WATCHERS_MAX ? "entrusted" : this.#stay(batch, deliver);
  }

  /** Stays until the outcome is known, each watcher with more patience than the one before. */
  async #stay(batch: Batch, deliver: Deliver): Promise<Handover> {
    batch.watchers++;
    await this.#watch(batch, this.#holdMs + batch.watchers * FOLLOWER_CONFIRM_MS);
    return batch.isDelivered === true ? "durable" : this.#deliver(batch, deliver);
  }

  /** Looks at the batch by timers of this request until its outcome is known, or the patience has ended. */
  async #watch(batch: Batch, patienceMs: number): Promise<void> {
    let waitedMs = 0;
    let waitMs = this.#holdMs + FIRST_LOOK_MS;
    while (batch.isDelivered === null && waitedMs < patienceMs) {
      await this.#timing.after(waitMs).done;
      waitedMs += waitMs;
      waitMs = Math.min(waitedMs, patienceMs - waitedMs);
    }
  }

  async #deliver(batch: Batch, deliver: Deliver): Promise<Handover> {
    batch.isClosed = true;
    const isDelivered = await deliver(Array.from(batch.entries.values(), (held) => this.#frozen(held)));
    batch.isDelivered = isDelivered || batch.isDelivered === true;
    this.#pending.delete(batch);
    return outcomeOf(batch.isDelivered);
  }

  /** Delivers batches whose leader and watchers are all gone. */
  async #rescue(deliver: Deliver, endsMs: number): Promise<void> {
    for (const batch of Array.from(this.#pending)) {
      const nowMs = this.#timing.nowMs();
      if (nowMs > endsMs) return;
      if (batch.rescueAtMs > nowMs || batch.isDelivered !== null) continue;
      batch.rescueAtMs = nowMs + RESCUE_AFTER_MS;
      await this.#deliver(batch, deliver);
    }
  }

  #frozen({ event, text, count }: Entry): EncodedEvent {
    return { id: event.id, count, text: count === event.count ? text : this.#encode({ ...event, count }) };
  }
}

function outcomeOf(isDelivered: boolean): Handover {
  return isDelivered ? "durable" : "lost";
}

/** Bytes of the text in UTF-8; nearly every event is ASCII. */
function byteLength(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : encodeUtf8(text).length;
}
