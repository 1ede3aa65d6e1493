/**
 * Orders to erase, and their receipts, in R2.
 *
 *   erasures/v1/open/<id>.json     whose events, how far the job is, what waits; replaced by etag, deleted at the end
 *   erasures/v1/done/<id>.json     the receipt: when, by whom, how much of what, what is left; put once, and sealed
 *
 * Keeps: who was erased stands in an open order only; a receipt has the order's id and a keyed hash of the subject, by
 * which whoever holds both can be shown that they belong together.
 */
import { parseJson } from "../core/base64url.ts";
import type { EventId } from "../core/event-id.ts";
import type { Seal } from "../core/seal.ts";

const OPEN_PREFIX = "erasures/v1/open/";
const DONE_PREFIX = "erasures/v1/done/";
const LISTED_MAX = 100;

/** A person by the ad server's key, or one click. */
export type Subject = { readonly advertiserId: string } & ({ readonly uid: string } | { readonly eventId: EventId });

/** What is gone through, in this order: each pass goes through all of it. */
export const PHASES = ["lines", "click_lines", "tokens", "copies", "late_clicks"] as const;
export type Phase = (typeof PHASES)[number];
/** How many of what were erased. */
export type Erased = Readonly<Record<Phase, number>>;
export const NOTHING_ERASED: Erased = { lines: 0, click_lines: 0, tokens: 0, copies: 0, late_clicks: 0 };

export type Order = {
  readonly v: 1;
  readonly id: string;
  readonly subject: Subject;
  readonly by: string;
  readonly askedAtMs: number;
  readonly pass: number;
  readonly phase: Phase;
  /** Where the phase goes on: behind this key. */
  readonly after: string;
  /** The next pass begins then. */
  readonly notBeforeMs: number;
  readonly erased: Erased;
  /** Of this pass, or the last one where it has not begun: days that a hold keeps, objects that R2 did not replace. */
  readonly waiting: { readonly held: readonly string[]; readonly refused: readonly string[] };
  /** Whether this pass erased anything. */
  readonly isFinding: boolean;
  /** Whether something that was received before the order may have been on its way when this pass began. */
  readonly mayFollow?: boolean;
};

export type ErasureReceipt = {
  readonly v: 1;
  readonly id: string;
  readonly subject: "user" | "click";
  /** HMAC-SHA-256 of the subject under the order's id, in hexadecimal. */
  readonly subject_hash: string;
  readonly by: string;
  readonly asked_at_ms: number;
  readonly ended_at_ms: number;
  readonly passes: number;
  readonly erased: Erased;
};
export type SealedReceipt = { readonly receipt: ErasureReceipt; readonly seal: Seal };
export type StoredOrder = { readonly order: Order; readonly etag: string };

const openKey = (id: string) => `${OPEN_PREFIX}${id}.json`;
const doneKey = (id: string) => `${DONE_PREFIX}${id}.json`;
const JSON_TYPE = { httpMetadata: { contentType: "application/json" } } as const;

export async function readOrder(bucket: R2Bucket, id: string): Promise<StoredOrder | null> {
  const object = await bucket.get(openKey(id));
  return object === null ? null : { order: parseJson(await object.text()) as Order, etag: object.etag };
}

/** Puts an order where it still is as it was read, null for new; null where somebody else has changed it. */
export async function writeOrder(bucket: R2Bucket, order: Order, etag: string | null): Promise<StoredOrder | null> {
  const onlyIf = etag === null ? { etagDoesNotMatch: "*" } : { etagMatches: etag };
  const put = await bucket.put(openKey(order.id), JSON.stringify(order), { ...JSON_TYPE, onlyIf });
  return put === null ? null : { order, etag: put.etag };
}

/** Puts the receipt, then takes the order away, and who was erased with it. */
export async function closeOrder(bucket: R2Bucket, sealed: SealedReceipt): Promise<void> {
  const { id } = sealed.receipt;
  await bucket.put(doneKey(id), JSON.stringify(sealed), { ...JSON_TYPE, onlyIf: { etagDoesNotMatch: "*" } });
  await bucket.delete(openKey(id));
}

export async function readReceipt(bucket: R2Bucket, id: string): Promise<SealedReceipt | null> {
  const object = await bucket.get(doneKey(id));
  return object === null ? null : (parseJson(await object.text()) as SealedReceipt);
}

/** The ids of orders that are open, the first ones. */
export const openOrders = (bucket: R2Bucket) => idsBelow(bucket, OPEN_PREFIX);

async function idsBelow(bucket: R2Bucket, prefix: string): Promise<string[]> {
  const { objects } = await bucket.list({ prefix, limit: LISTED_MAX });
  return objects.map(({ key }) => key.slice(prefix.length, -".json".length));
}
