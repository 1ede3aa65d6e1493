/**
 * The submission shard of a local run: the deployed one, which can also live through the demonstration's past: orders
 * and uploads, as they were sent then.
 */

import { DAY_MS } from "../../core/limits.ts";
import { orderKeyOf } from "../../core/order.ts";
import { digestOfLines } from "../../core/position.ts";
import { countsShardName, orderShardName } from "../../core/routing.ts";
import { LogStore } from "../../shard/sqlite-shard-log.ts";
import { SqliteSubmissionBook } from "../../shard/sqlite-submission-book.ts";
import { type SubmissionHash, submissionHashOf } from "../../shard/submission-routing.ts";
import { SubmissionShard } from "../../shard/submission-shard.ts";
import { submitConversions, submitCounts, type Upload } from "../../shard/submit.ts";
import { edgeOf } from "../../track/edge.ts";
import { byLogging, liveThrough } from "./life.ts";
import { COUNTS_OBJECT, ORDER_OBJECTS } from "./objects.ts";
import type { PlannedConversion, PlannedOrder } from "./orders.ts";
import { type HistorySpan, plannedOrders, plannedUploads } from "./plan.ts";
import { encodeOrderStep, encodeUpload, identityOf } from "./wire.ts";

const LOGGED_EVERY_MS = 7 * DAY_MS;

type Logging = { readonly nowMs: number; readonly encoded: readonly string[] };

export class HistoricSubmissionShard extends SubmissionShard {
  /** Lives through this object's part of the history; idempotent. */
  async liveThrough(span: HistorySpan): Promise<void> {
    const { ctx, env } = this;
    const log = new LogStore(ctx.storage.sql);
    const book = new SqliteSubmissionBook(ctx.storage.sql);
    const isNew = log.life().read() === null;
    const orders = isNew ? await this.#orders(span) : [];
    const uploads = isNew ? await this.#uploads(span) : [];
    const isEmpty = orders.length === 0 && uploads.length === 0;
    if (isNew && isEmpty) return;
    const write = () => {
      for (const { nowMs, encoded } of orders) submitConversions(encoded, { log, book }, nowMs);
      for (const { nowMs, upload } of uploads) submitCounts(upload, { log, book }, nowMs);
    };
    await liveThrough({
      ctx,
      env,
      endMs: span.endMs,
      log,
      write,
      carry: () => this.sweep(),
      status: () => this.status(),
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

  async #uploads(span: HistorySpan): Promise<{ readonly nowMs: number; readonly upload: Upload }[]> {
    if (this.ctx.id.name !== COUNTS_OBJECT) return [];
    const hash = await submissionHashOf(this.env.ARCHIVE);
    const uploads: { nowMs: number; upload: Upload }[] = [];
    for (const planned of plannedUploads(span)) {
      const key = await keyWhere(planned.batchId, (name) => countsShardName(hash(name)) === COUNTS_OBJECT);
      const upload = { key, content: planned.batchId, encodedRows: encodeUpload(planned) };
      uploads.push({ nowMs: planned.receivedAtMs, upload });
    }
    return uploads;
  }
}

/** A batch's key, as its sender's name and its own would make one. */
async function keyWhere(batchId: string, isWanted: (key: string) => boolean): Promise<string> {
  for (let number = 1; ; number++) {
    const key = (await digestOfLines(`demonstration ${number} ${batchId}`)).slice(0, 32);
    if (isWanted(key)) return key;
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
