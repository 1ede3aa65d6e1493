/**
 * Orders under crashes: conversions of clicks that were answered, each with an order id and a value of its own, and which
 * of them the server acknowledged.
 *
 *   acknowledged   the row was answered as recorded, repeated or accepted: it must be counted, once
 *   anything else  no answer, or 503: it may be counted or not, and is sent again after the crash
 *
 * Keeps: order ids fall to few objects, so that kills meet objects that are busy. An order that was recorded is never
 * recorded again: its repetitions are answered as repeated.
 */

import { readClickId } from "../../src/core/click-id.ts";
import { orderKeyOf } from "../../src/core/order.ts";
import { orderShardName } from "../../src/core/routing.ts";
import type { Random } from "../../src/demo/random.ts";
import { submissionHashUnder } from "../../src/shard/submission-routing.ts";
import { TEST_SECRETS } from "../support/secrets.ts";

export type Order = {
  readonly orderId: string;
  readonly clickId: string;
  readonly ad: string;
  readonly valueMicros: number;
  isAcknowledged: boolean;
  /** Some answer said that it is recorded or repeated. */
  isKnown: boolean;
  /** Answers that said that they recorded it. */
  recordings: number;
};

/** Laid into the bucket before the first start, so that it is known here which objects decide. */
export const ROUTING_KEY = new Uint8Array(32).fill(7);
const hash = submissionHashUnder(ROUTING_KEY);

const ORDER_OBJECTS = 3;
const SHARE_REPEATED = 0.3;
const MICROS = 1_000_000;

export class Orders {
  readonly placed: Order[] = [];
  /** Names of the objects that decide on the orders. */
  readonly objects = new Set<string>();
  readonly findings: string[] = [];
  readonly #random: Random;
  #unanswered: Order[] = [];
  #nextId = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get acknowledged(): Order[] {
    return this.placed.filter(({ isAcknowledged }) => isAcknowledged);
  }

  /** Reports an order: one that had no answer, one that had, or a new one of the click. False without an answer. */
  async report(url: string, click: { readonly clickId: string; readonly ad: string }): Promise<boolean> {
    const order = this.#pick(click);
    const { clickId: click_id, orderId: order_id, valueMicros: value_micros, isKnown } = order;
    const answer = await fetch(`${url}/v1/conversions`, {
      method: "POST",
      headers: { Authorization: `Bearer ${TEST_SECRETS.ADMIN_API_KEY}`, "Content-Type": "application/json" },
      body: JSON.stringify({ conversions: [{ click_id, order_id, value_micros }] }),
    }).catch(() => null);
    const text = await answer?.text().catch(() => null);
    if (answer === null || text === null || text === undefined || answer.status === 503) {
      this.#unanswered.push(order);
      return answer !== null;
    }
    const [result] = answer.status === 200 ? (JSON.parse(text) as { results: { status?: string }[] }).results : [];
    const status = result?.status ?? "";
    if (!["recorded", "repeated", "accepted"].includes(status)) throw new Error(`a good order got ${text}`);
    // Two requests for one order may be under way at once, and the one that repeats it be answered first.
    if (status === "recorded" && (isKnown || ++order.recordings > 1)) {
      this.findings.push(`order ${order_id}: recorded twice`);
    }
    order.isAcknowledged = true;
    order.isKnown ||= status !== "accepted";
    return true;
  }

  #pick({ clickId, ad }: { readonly clickId: string; readonly ad: string }): Order {
    const retried = this.#unanswered.pop();
    if (retried !== undefined) return retried;
    if (this.placed.length > 0 && this.#random.unit() < SHARE_REPEATED) return this.#random.pick(this.placed);
    const orderId = this.#makeId(clickId);
    const valueMicros = (1 + this.#random.below(99)) * MICROS;
    const order = { orderId, clickId, ad, valueMicros, isAcknowledged: false, isKnown: false, recordings: 0 };
    this.placed.push(order);
    return order;
  }

  /** The next order id that falls to one of the few objects. */
  #makeId(clickId: string): string {
    const click = readClickId(clickId);
    if (click === null) throw new Error("a redirect carries a click id");
    for (;;) {
      const orderId = `order_${this.#nextId++}`;
      const object = orderShardName(hash(orderKeyOf({ click, kind: "purchase", orderId })));
      if (this.objects.size < ORDER_OBJECTS) this.objects.add(object);
      if (this.objects.has(object)) return orderId;
    }
  }
}
