/**
 * What a shard remembers, as plain maps: the model that `planIngest` is tested against, and that runs it.
 */
import type { EventId } from "../../src/core/event-id.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import { type IngestPlan, planIngest, prepareEvent } from "../../src/core/ingest.ts";
import type { OpenedEvent } from "../../src/core/message.ts";
import type { Decision, LatePolicy } from "../../src/core/verdict.ts";

export type LoggedDecision = { readonly opened: OpenedEvent; readonly decision: Decision };

export class MemoryIndex {
  readonly log: LoggedDecision[] = [];
  redelivered = 0;
  #droppedBeforeHour = 0;
  readonly #claims = new Map<ImpressionKey, { event: EventId; hour: number }>();
  readonly #repeats = new Map<EventId, number>();

  ingest(events: readonly OpenedEvent[], policy: LatePolicy): IngestPlan {
    const batch = events.map(prepareEvent);
    const claimedBy = new Map([...this.#claims].map(([key, { event }]) => [key, event]));
    const known = { claimedBy, repeats: new Set(this.#repeats.keys()), droppedBeforeHour: this.#droppedBeforeHour };
    const plan = planIngest(batch, known, policy);
    for (const { hour, key, event } of plan.claims) this.#claims.set(key, { event, hour });
    for (const { hour, event } of plan.repeats) this.#repeats.set(event, hour);
    for (const { index, decision } of plan.decided) {
      this.log.push({ opened: events[index] as OpenedEvent, decision });
    }
    this.redelivered += plan.redelivered;
    return plan;
  }

  /** Forgets all tables of hours before this one, as a shard does past its horizon. */
  drop(beforeHour: number): void {
    this.#droppedBeforeHour = Math.max(this.#droppedBeforeHour, beforeHour);
    for (const [key, { hour }] of this.#claims) if (hour < beforeHour) this.#claims.delete(key);
    for (const [event, hour] of this.#repeats) if (hour < beforeHour) this.#repeats.delete(event);
  }
}
