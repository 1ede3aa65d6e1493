/**
 * The coalescer: events of one isolate that arrive within a short hold share one queue message, because the queue is
 * billed and limited by the message.
 *
 *   t=0  leader opens a batch and holds it        leader: hold → close → deliver → note the outcome
 *   t<h  followers join                           follower: look at the outcome by its own timer, or help itself
 *   t≥h  the next event opens another batch
 *
 * Identical repeats (same identity: token, client, minute) inside a hold fold into one event with a `count`, so that a
 * flood of one link costs one event.
 *
 * Keeps: `deliver` never sees an event whose count may still grow: a batch is closed before anything in it is read. A
 * follower whose batch is not delivered within `FOLLOWER_CONFIRM_MS` delivers its own event, with the batch's id and
 * count, so a leader that died takes nobody with it and a leader that was only slow causes a redelivery, which is not
 * counted. A batch older than its hold is never joined.
 *
 * Requests share plain values and nothing else: a follower looks at its batch by its own timers, at growing intervals,
 * and nobody resolves a promise of another request. (With the runtime's cross-request promise resolution that would
 * work too, but a request may end at any time, and the test runtime switches that feature off.)
 */
import { encodeUtf8 } from "../core/base64url.ts";
import { type ClickEvent, encodeClickEvent } from "../core/click-event.ts";
import type { EventId } from "../core/event-id.ts";
import { FOLDED_COUNT_MAX, FOLLOWER_CONFIRM_MS, MESSAGE_BYTES_MAX, MESSAGE_EVENTS_MAX } from "../core/limits.ts";
import type { EventCodec } from "../core/message.ts";
import { PLATFORM_TIMING, type Timing } from "./timing.ts";

/** An event as it travels, with what its carriers need to know of it. */
export type EncodedClick = { readonly id: EventId; readonly count: number; readonly text: string };

/** Delivers events durably; resolves to false when every step of the chain failed. Bound to the caller's request. */
export type Deliver = (events: readonly EncodedClick[]) => Promise<boolean>;

/** A follower's first look after the hold; each further one waits twice as long. */
const FIRST_LOOK_MS = 25;

type Entry = { readonly event: ClickEvent; readonly text: string; count: number };

class Batch {
  readonly openedAtMs: number;
  readonly entries = new Map<string, Entry>();
  bytes = 0;
  isClosed = false;
  /** What became of the leader's delivery; null until it is known. */
  isDelivered: boolean | null = null;

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
  }
}

export class Coalescer {
  readonly #holdMs: number;
  readonly #timing: Timing;
  readonly #encode: EventCodec["encode"];
  #batch: Batch | null = null;

  constructor(holdMs: number, timing: Timing = PLATFORM_TIMING, encode = encodeClickEvent) {
    this.#holdMs = holdMs;
    this.#timing = timing;
    this.#encode = encode;
  }

  /** Enqueues one event; resolves when it is durable (true) or given up as lost (false). */
  async enqueue(event: ClickEvent, identity: string, deliver: Deliver): Promise<boolean> {
    const batch = this.#joinable();
    const repeated = batch?.entries.get(identity);
    if (batch !== null && repeated !== undefined && repeated.count < FOLDED_COUNT_MAX) {
      repeated.count += event.count;
      return this.#follow(batch, repeated, deliver);
    }
    const entry = { event, text: this.#encode(event), count: event.count };
    if (batch === null) return this.#lead(identity, entry, deliver);
    if (repeated !== undefined || !batch.hasRoomFor(entry)) return this.#lead(identity, entry, deliver);
    batch.add(identity, entry);
    return this.#follow(batch, entry, deliver);
  }

  #joinable(): Batch | null {
    const batch = this.#batch;
    if (batch === null || batch.isClosed) return null;
    return this.#timing.nowMs() - batch.openedAtMs < this.#holdMs ? batch : null;
  }

  async #lead(identity: string, entry: Entry, deliver: Deliver): Promise<boolean> {
    const batch = new Batch(this.#timing.nowMs());
    batch.add(identity, entry);
    this.#batch = batch;
    await this.#timing.after(this.#holdMs).done;
    batch.isClosed = true;
    batch.isDelivered = await deliver(Array.from(batch.entries.values(), (held) => this.#frozen(held)));
    return batch.isDelivered;
  }

  async #follow(batch: Batch, entry: Entry, deliver: Deliver): Promise<boolean> {
    const patienceEndsMs = this.#holdMs + FOLLOWER_CONFIRM_MS;
    let waitedMs = 0;
    let waitMs = this.#holdMs + FIRST_LOOK_MS;
    while (batch.isDelivered === null && waitedMs < patienceEndsMs) {
      await this.#timing.after(waitMs).done;
      waitedMs += waitMs;
      waitMs = Math.min(waitedMs, patienceEndsMs - waitedMs);
    }
    if (batch.isDelivered === true) return true;
    batch.isClosed = true;
    return deliver([this.#frozen(entry)]);
  }

  #frozen({ event, text, count }: Entry): EncodedClick {
    return { id: event.id, count, text: count === event.count ? text : this.#encode({ ...event, count }) };
  }
}

/** Bytes of the text in UTF-8; nearly every event is ASCII. */
function byteLength(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : encodeUtf8(text).length;
}
