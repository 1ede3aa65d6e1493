/**
 * The shop of the demonstration, as an advertiser would run it: a price, an order id, and on the thank-you page a pixel
 * that reports the order, signed on the server with the advertiser's secret.
 *
 *   /v1/conversions?click_id=2~…&order_id=N-x8Kq…&value_micros=399000000&kid=…&format=gif&sig=…
 *
 * Keeps: the order id is made before anything is bought and stays in the page's address, so that loading the page again
 * reports the same order again, which is counted once. A click id that is none gets no pixel; one that is forged gets a
 * pixel that the Worker refuses.
 */

import { AttributionWindows } from "../conversions/attribution-windows.ts";
import { postbackSecretOf, signPostback } from "../conversions/postback.ts";
import { decodeBase64url, encodeBase64url } from "../core/base64url.ts";
import { readClickId } from "../core/click-id.ts";
import { assert } from "../core/result.ts";
import type { Edge } from "../track/edge.ts";
import type { CatalogAd } from "./catalog.ts";

const ORDER_ID_BYTES = 9;
const ORDER_ID = /^N-[A-Za-z0-9_-]{12}$/;
/** What somebody pays for whom the advertiser paid a click's price. */
const CLICKS_PER_PRICE = 950;

export const THANKS_PATH = "/demo/thanks";

export type Purchase = {
  readonly ad: CatalogAd;
  readonly orderId: string;
  readonly clickId: string;
  readonly valueMicros: number;
  readonly pixelPath: string;
};

/** An order id that nobody has used. */
export function makeOrderId(): string {
  return `N-${encodeBase64url(crypto.getRandomValues(new Uint8Array(ORDER_ID_BYTES)))}`;
}

/** What is sold on the landing page of an ad. */
export function priceMicrosOf({ cpc_micros: cpcMicros }: CatalogAd): number {
  return cpcMicros * CLICKS_PER_PRICE;
}

/** The purchase that a thank-you page is about, or null when its address names none. */
export async function purchaseOf(
  search: URLSearchParams,
  ads: readonly CatalogAd[],
  { ring, database }: Pick<Edge, "ring"> & { readonly database: D1Database },
): Promise<Purchase | null> {
  const clickId = search.get("click_id") ?? "";
  const orderId = search.get("order") ?? "";
  const click = readClickId(clickId);
  const ad = ads.find(({ ad_id }) => ad_id === click?.adId);
  if (click === null || ad === undefined || !ORDER_ID.test(orderId)) return null;
  const valueMicros = priceMicrosOf(ad);
  const { epoch } = await new AttributionWindows(database).currentEpochsOf(click.advertiserId, Date.now());
  const { kid, secret } = postbackSecretOf(click.advertiserId, epoch, ring);
  const key = decodeBase64url(secret);
  assert(key !== null, "a postback secret is base64url");
  const fields = new Map([
    ["click_id", clickId],
    ["order_id", orderId],
    ["value_micros", String(valueMicros)],
    ["kid", kid],
    ["format", "gif"],
  ]);
  fields.set("sig", signPostback(fields, key));
  const pixelPath = `/v1/conversions?${new URLSearchParams([...fields])}`;
  return { ad, orderId, clickId, valueMicros, pixelPath };
}
