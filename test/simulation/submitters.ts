/**
 * Who submits: advertisers their conversions, ad servers their counts. Each calls the object that decides, over the
 * unreliable network, and again until it has an answer, or gives up with its process.
 *
 *   click at the edge → click id → conversion → orders-<i>        batch → counts-<i>
 *
 * Keeps: each try makes its events anew, as the edge does, so that only what they say tells that they are the same. What
 * an object decided is written down when its transaction has committed, whether or not anybody hears of it.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { encodeBase64url, encodeUtf8 } from "../../src/core/base64url.ts";
import { type ClickIdentity, makeClickId, openClickId } from "../../src/core/click-id.ts";
import { type ConversionEvent, encodeConversion } from "../../src/core/conversion.ts";
import { type EventId, makeEventId } from "../../src/core/event-id.ts";
import { hash32 } from "../../src/core/hash.ts";
import { encodeImpressionCounts, type ImpressionCounts } from "../../src/core/impression-counts.ts";
import { importKeyRing } from "../../src/core/key-ring.ts";
import { MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import { orderHashOf, orderKeyOf } from "../../src/core/order.ts";
import { assert } from "../../src/core/result.ts";
import { countsShardName, orderShardName } from "../../src/core/routing.ts";
import type { Chance } from "./chance.ts";
import { SUBMISSION_SHARDS } from "./faults.ts";
import { NetworkFault } from "./network.ts";
import { type Purchase, type Step, WINDOW_DAYS } from "./purchase.ts";
import type { ShardHost } from "./shard-host.ts";
import type { UploadPlan } from "./upload-plan.ts";
import type { World } from "./world.ts";

const imported = await importKeyRing({ sim: encodeBase64url(new Uint8Array(32)) }, "sim");
assert(imported.ok, "the ring is readable");
const RING = imported.value;

/** Half a day of tries: nothing is out of order for that long. */
const TRIES_MAX = 720;

type Landed = { readonly clickId: string; readonly click: ClickIdentity };

export class Submitters {
  /** Calls that somebody still waits for. */
  pending = 0;
  readonly #world: World;
  readonly #ids: Chance;
  readonly #clicks = new Map<number, ClickIdentity[]>();
  readonly #opened = new Map<ClickIdentity, Landed>();

  constructor(world: World, ids: Chance) {
    this.#world = world;
    this.#ids = ids;
  }

  /** What a landing page is told of a click. */
  clicked(impression: number, click: ClickIdentity): void {
    const clicks = this.#clicks.get(impression);
    if (clicks === undefined) this.#clicks.set(impression, [click]);
    else clicks.push(click);
  }

  schedule(): void {
    const { scheduler, workload } = this.#world;
    for (const purchase of workload.purchases) {
      for (const step of purchase.steps) scheduler.at(step.atMs, "convert", () => this.#convert(purchase, step));
    }
    for (const plan of workload.uploads) {
      for (const { atMs, rows } of plan.calls) scheduler.at(atMs, "upload", () => this.#upload(plan, rows));
    }
  }

  #convert(purchase: Purchase, step: Step): void {
    const { index } = purchase.impression;
    const clicks = this.#clicks.get(index) ?? [];
    const made = typeof step.click === "number" ? clicks[step.click % clicks.length] : step.click;
    // Nobody has clicked yet: the edge refused a token from the future.
    if (made === undefined) return;
    const landed = this.#landed(made);
    this.#untilAnswered(() => {
      const events = Array.from({ length: step.copies }, () => this.#conversionOf(purchase, step, landed));
      const { witness } = this.#world;
      for (const { id } of events) witness.submitted(id, index);
      const host = this.#world.orderHost(orderShardName(orderHashOf(orderKeyOf(events[0] as ConversionEvent))));
      return this.#call(host, "convert", async () => {
        const outcomes = await host.object().convert(events.map(encodeConversion));
        for (const [at, event] of events.entries()) witness.converted(event, outcomes[at]);
      });
    });
  }

  /** What the landing page was given for a click, opened again as the edge does. */
  #landed(made: ClickIdentity): Landed {
    const known = this.#opened.get(made);
    if (known !== undefined) return known;
    const clickId = makeClickId(made, RING);
    const click = openClickId(clickId, RING);
    assert(click !== null, "the edge opens the click ids that it made");
    const landed = { clickId, click };
    this.#opened.set(made, landed);
    return landed;
  }

  #upload(plan: UploadPlan, rows: readonly ImpressionCounts[]): void {
    const { witness } = this.#world;
    const { impression, batchId, by } = plan;
    const key = digestOf(`${by} ${batchId}`);
    const content = digestOf(JSON.stringify(rows));
    this.#untilAnswered(() => {
      const receivedAtMs = this.#world.scheduler.nowMs;
      const encodedRows = rows.map((counts, row) => {
        const id = this.#makeId(hash32(key));
        witness.submitted(id, impression.index);
        return encodeImpressionCounts({ ...counts, type: "impression_counts", id, batchId, row, receivedAtMs, by });
      });
      const host = this.#world.countsHost(countsShardName(hash32(key)));
      return this.#call(host, "upload", async () => {
        const outcome = await host.object().upload({ key, content, encodedRows });
        witness.uploaded({ key, rows, content, outcome, impression: impression.index });
      });
    });
  }

  /** Calls until there is an answer; some give up instead. */
  #untilAnswered(call: () => Promise<void>): void {
    const { scheduler, faults, witness } = this.#world;
    let waitMs = SECOND_MS;
    let tries = 0;
    this.pending++;
    const attempt = () => {
      call().then(
        () => this.pending--,
        (fault: unknown) => {
          if ((fault as Error).name === "AssertionError") witness.bug(String(fault));
          const isHopeless = ++tries === TRIES_MAX;
          if (isHopeless) witness.complain("G3", `a submission is never answered: ${String(fault)}`, null);
          if (isHopeless || faults.strikes("death", 0.3)) this.pending--;
          else scheduler.after(waitMs, "submit again", attempt);
          waitMs = Math.min(2 * waitMs, MINUTE_MS);
        },
      );
    };
    attempt();
  }

  #call(host: ShardHost, label: string, decide: () => Promise<void>): Promise<void> {
    const { network, faults } = this.#world;
    const apply = async () => {
      host.maybeEvict();
      await decide();
      if (faults.strikes("evict", 0.3)) {
        host.evict();
        throw new NetworkFault("evicted after the commit");
      }
    };
    const isCallerAlive = () => true;
    return network.call({ kind: "rpc", service: SUBMISSION_SHARDS, label, latencyMs: 20, apply, isCallerAlive });
  }

  #conversionOf(
    { orderId, kind }: Purchase,
    { action, correctionId, valueMicros, occurredAtMs }: Step,
    { clickId, click }: Landed,
  ): ConversionEvent {
    const receivedAtMs = this.#world.scheduler.nowMs;
    return {
      type: "conversion",
      id: this.#makeId(hash32(clickId)),
      clickId,
      click,
      orderId,
      kind,
      action,
      correctionId,
      valueMicros: action === "retract" ? 0 : valueMicros,
      occurredAtMs: occurredAtMs ?? receivedAtMs,
      receivedAtMs,
      windowDays: WINDOW_DAYS,
      by: "key_sim",
    };
  }

  #makeId(routingHash: number): EventId {
    const random = new Uint8Array(8);
    new DataView(random.buffer).setUint32(0, this.#ids.bits());
    new DataView(random.buffer).setUint32(4, this.#ids.bits());
    return makeEventId({ receivedAtMs: this.#world.scheduler.nowMs, routingHash }, random);
  }
}

function digestOf(text: string): string {
  return bytesToHex(sha256(encodeUtf8(text)).subarray(0, 16));
}
