/**
 * The Durable Objects and Workflows of this Worker, each where the deployment keeps things; shards say what they spend.
 *
 * Keeps: all of them are `inPlace`, and index.ts exports no other class to the platform.
 */
import * as gate from "./access/read-gate.ts";
import * as audit from "./audit/workflow.ts";
import { ASSUMED_MS } from "./core/prices.ts";
import { gbSecondsOf, type Units } from "./core/spending.ts";
import * as evidence from "./evidence/workflow.ts";
import { Meter } from "./metering.ts";
import { inPlace } from "./placement.ts";
import * as replay from "./replay/workflow.ts";
import * as counts from "./shard/counts-shard.ts";
import * as events from "./shard/event-shard.ts";
import * as orders from "./shard/order-shard.ts";
import * as log from "./tlog/evidence-log.ts";
import * as webhooks from "./webhooks/endpoint.ts";

export class AuditWorkflow extends inPlace(audit.AuditWorkflow) {}
export class CountsShard extends inPlace(counts.CountsShard) {}
export class EventShard extends inPlace(events.EventShard) {
  readonly #meter: Meter;

  constructor(ctx: DurableObjectState, env: Env) {
    const meter = new Meter("object");
    super(ctx, meter.of(env));
    this.#meter = meter;
  }

  override ingest(...given: Parameters<events.EventShard["ingest"]>): Promise<number> {
    this.#called();
    return super.ingest(...given);
  }

  override async measure(): Promise<Awaited<ReturnType<events.EventShard["measure"]>> & { spent: Units }> {
    this.#called();
    // As SQLite counts, alarms included; entries of the two indexes, of late and of revised clicks, are not in it.
    const { rows } = this.ctx.storage.sql.exec<{ rows: number }>("SELECT total_changes() AS rows").one();
    return { ...(await super.measure()), spent: { ...this.#meter.units(), objectRowsWritten: rows } };
  }

  override sweep(): Promise<boolean> {
    this.#called();
    return super.sweep();
  }

  override alarm(): Promise<void> {
    this.#called();
    return super.alarm();
  }

  #called(): void {
    this.#meter.note({ objectRequests: 1, objectGbS: gbSecondsOf(ASSUMED_MS.call) });
  }
}
export class EvidenceLog extends inPlace(log.EvidenceLog) {}
export class EvidenceWorkflow extends inPlace(evidence.EvidenceWorkflow) {}
export class OrderShard extends inPlace(orders.OrderShard) {}
export class ReadGate extends inPlace(gate.ReadGate) {}
export class ReplayWorkflow extends inPlace(replay.ReplayWorkflow) {}
export class WebhookEndpoint extends inPlace(webhooks.WebhookEndpoint) {}
