/**
 * The late clicks of one ingest: each is placed beside those that are kept of its impression (core/late-cap.ts), and
 * what is to be remembered of them is written after the log.
 *
 * Keeps: reads the lateStore once for each impression that has a late click, and not at all for a batch without one.
 * Relies on: the caller's transaction; ids of one impression's late clicks ascend as they are kept, or their order does
 * not matter: it only says which of several waiting ones is joined.
 */
import { parseJson } from "../core/base64url.ts";
import type { EventId } from "../core/event-id.ts";
import type { ImpressionKey } from "../core/impression-key.ts";
import { type KeptLate, placeLate } from "../core/late-cap.ts";
import type { TokenContent } from "../core/log-line.ts";
import type { EventCodec } from "../core/message.ts";
import { assert } from "../core/result.ts";
import type { LateClick, LateStore } from "./late-store.ts";
import type { NewEntry } from "./shard-log.ts";

export class LateArrivals {
  readonly #lateStore: LateStore;
  readonly #codec: EventCodec;
  readonly #byKey = new Map<ImpressionKey, KeptLate[]>();
  readonly #kept: LateClick[] = [];
  readonly #joined = new Map<EventId, number>();

  constructor(lateStore: LateStore, codec: EventCodec) {
    this.#lateStore = lateStore;
    this.#codec = codec;
  }

  /** The entry of a late click. */
  place(content: TokenContent, encoded: string, key: ImpressionKey): NewEntry {
    const { event } = content;
    const kept = this.#ofKey(key);
    const place = placeLate(event, kept);
    switch (place.kind) {
      case "decided":
        return { content: { ...content, ...place.decision }, encoded };
      case "joins": {
        const { to } = place.joins;
        this.#joined.set(to, (this.#joined.get(to) ?? 0) + event.count);
        const at = kept.findIndex((other) => other.event.id === to);
        const target = kept[at] as KeptLate;
        kept[at] = { ...target, clicks: target.clicks + event.count };
        return { content: { ...content, joins: place.joins }, encoded };
      }
      case "kept": {
        const { id, receivedAtMs, count: clicks } = event;
        this.#kept.push({ event: id, key, receivedAtMs, clicks, encoded });
        kept.push({ event, clicks, choice: null });
        return { content, encoded };
      }
    }
  }

  /** Writes what was kept and what joined. */
  remember(): void {
    if (this.#kept.length > 0) this.#lateStore.put(this.#kept);
    for (const [event, clicks] of this.#joined) this.#lateStore.join(event, clicks);
  }

  #ofKey(key: ImpressionKey): KeptLate[] {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const kept = this.#lateStore.ofKey(key).map(({ encoded, clicks, decided }): KeptLate => {
      const opened = this.#codec.open(parseJson(encoded));
      assert(opened.ok, "a shelved click is readable");
      return { event: opened.value.event, clicks, choice: decided?.choice ?? null };
    });
    this.#byKey.set(key, kept);
    return kept;
  }
}
