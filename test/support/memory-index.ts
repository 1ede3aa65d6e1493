/**
 * A shard's decisions over the in-memory key index: what `planIngest` is tested with, across batches and drops.
 */
import { type IngestPlan, planIngest, prepareEvent } from "../../src/core/ingest.ts";
import type { OpenedEvent } from "../../src/core/message.ts";
import type { Decision, LatePolicy } from "../../src/core/verdict.ts";
import { MemoryKeyIndex } from "./memory-key-index.ts";

export type LoggedDecision = { readonly opened: OpenedEvent; readonly decision: Decision };

export class MemoryIndex {
  readonly log: LoggedDecision[] = [];
  redelivered = 0;
  readonly #index = new MemoryKeyIndex();

  ingest(events: readonly OpenedEvent[], policy: LatePolicy): IngestPlan {
    const batch = events.map(prepareEvent);
    const known = this.#index.lookup({
      keys: batch.map(({ keyHour, key }) => ({ hour: keyHour, key })),
      events: batch.map(({ repeatHour, opened }) => ({ hour: repeatHour, event: opened.event.id })),
    });
    const plan = planIngest(batch, known, policy);
    this.#index.insert(plan.claims, plan.repeats);
    for (const { index, decision } of plan.decided) this.log.push({ opened: events[index] as OpenedEvent, decision });
    this.redelivered += plan.redelivered;
    return plan;
  }

  /** Forgets all tables of hours before this one, as a shard does past its horizon. */
  drop(beforeHour: number): void {
    this.#index.dropBefore(beforeHour);
  }
}
