/**
 * Events as the simulation carries them: an event's text is the number under which the event itself is kept here, so
 * that no JSON of an event is written or read and no key is hashed twice. The codecs and the key have their own tests.
 *
 *   encode(event) → "812"      open(812) → the event and its claims      message → {"v":1,"events":[812,813]}
 *
 * Keeps: an event that was encoded is opened as it was. Relies on: a token stands for one set of claims (`know`).
 */
import type { Claims } from "../../src/core/claims.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import { type PreparedEvent, prepareEvent } from "../../src/core/ingest.ts";
import type { DeadEvent, EventCodec, OpenedEvent } from "../../src/core/message.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import { hourOf } from "../../src/core/time.ts";
import type { EventType, TokenEvent } from "../../src/core/token-event.ts";
import type { Arrival } from "../../src/shard/ingest.ts";

type KnownKeys = Map<Claims, { readonly key: ImpressionKey; readonly keyHour: number }>;

export class Carrier implements EventCodec {
  readonly #claims = new Map<string, Claims>();
  readonly #carried: TokenEvent[] = [];
  readonly #keys: Record<EventType, KnownKeys> = { click: new Map(), impression: new Map() };

  /** Makes the claims of a token known, as its payload would. */
  know(token: string, claims: Claims): void {
    this.#claims.set(token, claims);
  }

  readonly encode = (event: TokenEvent): string => String(this.#carried.push(event) - 1);

  readonly open = (value: unknown): Result<OpenedEvent, DeadEvent> => {
    const event = typeof value === "number" ? this.#carried[value] : undefined;
    const claims = event === undefined ? undefined : this.#claims.get(event.token);
    if (event === undefined || claims === undefined) return err({ reason: "event_shape", payload: String(value) });
    return ok({ event, claims });
  };

  /** What `openArrivals` makes of encoded events, with the key of an impression hashed once. */
  arrive(encodedEvents: readonly string[]): Arrival[] {
    return encodedEvents.map((encoded) => {
      const opened = this.open(Number(encoded));
      if (!opened.ok) throw new Error(`the carrier does not know event ${encoded}`);
      return { encoded, prepared: this.#prepare(opened.value) };
    });
  }

  #prepare(opened: OpenedEvent): PreparedEvent {
    const keys = this.#keys[opened.event.type];
    const known = keys.get(opened.claims);
    if (known !== undefined) return { opened, ...known, repeatHour: hourOf(opened.event.receivedAtMs) };
    const prepared = prepareEvent(opened);
    keys.set(opened.claims, { key: prepared.key, keyHour: prepared.keyHour });
    return prepared;
  }
}
