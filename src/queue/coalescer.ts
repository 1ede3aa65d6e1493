/**
 * The coalescer: events of one isolate that arrive within a short hold share one queue message, because the queue is
 * billed and limited by the message.
 *
 *   t=0  leader opens a batch and holds it        leader: hold → close → deliver → tell the followers
 *   t<h  followers join                           follower: wait for its own promise or its own timer
 *   t≥h  the next event opens another batch
 *
 * Identical repeats (same identity: token, client, minute) inside a hold fold into one event with a `count`, so that a
 * flood of one link costs one event.
 *
 * Keeps: `deliver` never sees an event whose count may still grow: a batch is closed before anything in it is read. A
 * follower that is not told within `FOLLOWER_CONFIRM_MS` delivers its own event, with the batch's id and count, so a
 * leader that died takes nobody with it and a leader that was only slow causes a redelivery, which is not counted.
 * A request awaits only promises and timers that it made itself (another request may end at any time). A batch older
 * than its hold is never joined. Sources: PLATFORM limits of Queues; Workers' rule on I/O between requests.
 */
import { encodeUtf8 } from "../core/base64url.ts";
import { type ClickEvent, encodeClickEvent } from "../core/click-event.ts";
import type { EventId } from "../core/event-id.ts";
import { FOLDED_COUNT_MAX, FOLLOWER_CONFIRM_MS, MESSAGE_BYTES_MAX, MESSAGE_EVENTS_MAX } from "../core/limits.ts";

/** An event as it travels, with what its carriers need to know of it. */
export type EncodedClick = { readonly id: EventId; readonly count: number; readonly text: string };

/** Delivers events durably; resolves to false when every step of the chain failed. Bound to the caller's request. */
export type Deliver = (events: readonly EncodedClick[]) => Promise<boolean>;

type Entry = { readonly event: ClickEvent; readonly text: string; count: number };

class Batch {
  readonly openedAtMs: number;
  readonly entries = new Map<string, Entry>();
  readonly followers: ((isDelivered: boolean) => void)[] = [];
  bytes = 0;
  isClosed = false;
  /** Ends the leader's hold early. */
  wake: () => void = () => {};

  constructor(openedAtMs: number) {
    this.openedAtMs = openedAtMs;
  }

  hasRoomFor({ text }: Entry): boolean {
    return this.entries.size < MESSAGE_EVENTS_MAX && this.bytes + byteLength(text) <= MESSAGE_BYTES_MAX;
  }

  add(identity: string, entry: Entry): void {
    this.entries.set(identity, entry);
    // The comma, and the digits by which a count may grow.
    this.bytes += byteLength(entry.text) + 8;
    if (this.entries.size >= MESSAGE_EVENTS_MAX) this.wake();
  }
}

export class Coalescer {
  readonly #holdMs: number;
  readonly #clock: () => number;
  #batch: Batch | null = null;

  constructor({ holdMs, clock }: { holdMs: number; clock: () => number }) {
    this.#holdMs = holdMs;
    this.#clock = clock;
  }

  /** Enqueues one event; resolves when it is durable (true) or given up as lost (false). */
  async enqueue(event: ClickEvent, identity: string, deliver: Deliver): Promise<boolean> {
    const batch = this.#joinable();
    const repeated = batch?.entries.get(identity);
    if (batch !== null && repeated !== undefined && repeated.count < FOLDED_COUNT_MAX) {
      repeated.count += event.count;
      return this.#follow(batch, repeated, deliver);
    }
    const entry = { event, text: encodeClickEvent(event), count: event.count };
    if (batch === null) return this.#lead(identity, entry, deliver);
    if (repeated !== undefined || !batch.hasRoomFor(entry)) {
      batch.wake();
      return this.#lead(identity, entry, deliver);
    }
    batch.add(identity, entry);
    return this.#follow(batch, entry, deliver);
  }

  #joinable(): Batch | null {
    const batch = this.#batch;
    if (batch === null || batch.isClosed) return null;
    return this.#clock() - batch.openedAtMs < this.#holdMs ? batch : null;
  }

  async #lead(identity: string, entry: Entry, deliver: Deliver): Promise<boolean> {
    const batch = new Batch(this.#clock());
    batch.add(identity, entry);
    this.#batch = batch;
    const hold = timer(this.#holdMs);
    batch.wake = hold.end;
    await hold.ended;
    batch.isClosed = true;
    const isDelivered = await deliver(Array.from(batch.entries.values(), frozen));
    for (const tell of batch.followers) tell(isDelivered);
    return isDelivered;
  }

  async #follow(batch: Batch, entry: Entry, deliver: Deliver): Promise<boolean> {
    const patience = timer(FOLLOWER_CONFIRM_MS);
    let isDelivered = false;
    batch.followers.push((delivered) => {
      isDelivered = delivered;
      patience.end();
    });
    await patience.ended;
    if (isDelivered) return true;
    batch.isClosed = true;
    return deliver([frozen(entry)]);
  }
}

function frozen({ event, text, count }: Entry): EncodedClick {
  return { id: event.id, count, text: count === event.count ? text : encodeClickEvent({ ...event, count }) };
}

/** Bytes of the text in UTF-8; nearly every event is ASCII. */
function byteLength(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : encodeUtf8(text).length;
}

/**
 * A promise that resolves after `ms`, or when `end` is called. Another request may call `end`; the timer itself is
 * touched only by the request that made it.
 */
function timer(ms: number): { ended: Promise<void>; end: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const handle = setTimeout(resolve, ms);
  return { ended: promise.then(() => clearTimeout(handle)), end: resolve };
}
