/**
 * The Durable Objects and Workflows of this Worker, each where the deployment keeps things.
 *
 * Keeps: all of them are `inPlace`, and index.ts exports no other class to the platform.
 */
import * as gate from "./access/read-gate.ts";
import * as audit from "./audit/workflow.ts";
import * as evidence from "./evidence/workflow.ts";
import { inPlace } from "./placement.ts";
import * as replay from "./replay/workflow.ts";
import * as counts from "./shard/counts-shard.ts";
import * as events from "./shard/event-shard.ts";
import * as orders from "./shard/order-shard.ts";
import * as log from "./tlog/evidence-log.ts";
import * as webhooks from "./webhooks/endpoint.ts";

export class AuditWorkflow extends inPlace(audit.AuditWorkflow) {}
export class CountsShard extends inPlace(counts.CountsShard) {}
export class EventShard extends inPlace(events.EventShard) {}
export class EvidenceLog extends inPlace(log.EvidenceLog) {}
export class EvidenceWorkflow extends inPlace(evidence.EvidenceWorkflow) {}
export class OrderShard extends inPlace(orders.OrderShard) {}
export class ReadGate extends inPlace(gate.ReadGate) {}
export class ReplayWorkflow extends inPlace(replay.ReplayWorkflow) {}
export class WebhookEndpoint extends inPlace(webhooks.WebhookEndpoint) {}
