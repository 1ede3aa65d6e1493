/**
 * The order shard of a local run: the deployed one, which can also live through the demonstration's past: its orders,
 * as they were sent then.
 */
import { DAY_MS } from "../../core/limits.ts";
import { orderKeyOf } from "../../core/order.ts";
import { orderShardName } from "../../core/routing.ts";
import { OrderShard } from "../../shard/order-shard.ts";
import { type SubmissionHash, submissionHashOf } from "../../shard/submission-routing.ts";
import { submitConversions } from "../../shard/submit-conversions.ts";
import { edgeOf } from "../../track/edge.ts";
import { byLogging } from "./life.ts";
import { ORDER_OBJECTS } from "./objects.ts";
import type { PlannedConversion, PlannedOrder } from "./orders.ts";
import { type HistorySpan, plannedOrders } from "./plan.ts";
import { liveThroughPlan } from "./submissions-life.ts";
import { encodeOrderStep, identityOf } from "./wire.ts";

const LOGGED_EVERY_MS = 7 * DAY_MS;

type Logging = { readonly nowMs: number; readonly encoded: readonly string[] };

export class HistoricOrderShard extends OrderShard {
  /** Lives through this object's part of the history; idempotent. */
  async liveThrough(span: HistorySpan): Promise<void> {
    const { ctx, env } = this;
    const object = { ctx, env, endMs: span.endMs, carry: () => this.archiveNow(), status: () => this.status() };
    await liveThroughPlan(object, {
      plan: () => this.#orders(span),
      submit: ({ nowMs, encoded }, ports) => void submitConversions(encoded, ports, nowMs),
    });
  }

  async #orders(span: HistorySpan): Promise<Logging[]> {
    const { ring } = await edgeOf(this.env);
    const all = namedOrders(plannedOrders(span), await submissionHashOf(this.env.ARCHIVE));
    const steps = (all.get(this.ctx.id.name ?? "") ?? []).flatMap((order) => order.steps);
    return Array.from(
      byLogging(steps, { endMs: span.endMs, everyMs: LOGGED_EVERY_MS }, ({ receivedAtMs }) => receivedAtMs),
      ([nowMs, items]) => ({ nowMs, encoded: items.map((step) => encodeOrderStep(step, ring)) }),
    );
  }
}

const named = new WeakMap<readonly PlannedOrder[], ReadonlyMap<string, PlannedOrder[]>>();

/** The orders by the object that decides on them, under names that lead to one of the few. */
function namedOrders(orders: readonly PlannedOrder[], hash: SubmissionHash): ReadonlyMap<string, PlannedOrder[]> {
  const known = named.get(orders);
  if (known !== undefined) return known;
  const byObject = new Map<string, PlannedOrder[]>(ORDER_OBJECTS.map((name) => [name, []]));
  for (const { orderId: wanted, steps, expect } of orders) {
    const objectOf = (orderId: string) => orderShardName(hash(keyOf(steps[0], orderId)));
    const orderId = nameWhere(wanted, (name) => byObject.has(objectOf(name)));
    byObject.get(objectOf(orderId))?.push({ orderId, steps: steps.map((step) => ({ ...step, orderId })), expect });
  }
  named.set(orders, byObject);
  return byObject;
}

function keyOf(step: PlannedConversion | undefined, orderId: string): string {
  if (step === undefined) throw new Error("an order has a first step");
  return orderKeyOf({ click: identityOf(step.click), kind: step.kind, orderId });
}

/** The text with the first number behind it that is wanted. */
function nameWhere(text: string, isWanted: (name: string) => boolean): string {
  for (let number = 1; ; number++) {
    const name = `${text}-${number}`;
    if (isWanted(name)) return name;
  }
}
