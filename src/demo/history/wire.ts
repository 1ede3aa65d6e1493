/**
 * The history's clicks, orders and uploads as the edge would have written them: minted tokens, event ids, signed click
 * ids, encoded events.
 *
 * Keeps: what is signed is signed with the ring's key, so that a stranger can verify it like any other. The same plan
 * under the same key is the same text.
 */
import { type ClickIdentity, makeClickId } from "../../core/click-id.ts";
import { encodeConversion } from "../../core/conversion.ts";
import { type EventId, makeEventId } from "../../core/event-id.ts";
import { UNSET_DIMENSIONS } from "../../core/fields.ts";
import { hash32 } from "../../core/hash.ts";
import { encodeImpressionCounts } from "../../core/impression-counts.ts";
import type { KeyRing } from "../../core/key-ring.ts";
import { ATTRIBUTION_WINDOW_DAYS_DEFAULT, SECOND_MS } from "../../core/limits.ts";
import { routingHashOf } from "../../core/routing.ts";
import { mintToken, type TokenPolicy } from "../../core/token.ts";
import { encodeTokenEvent } from "../../core/token-event.ts";
import { advertiserOf } from "./catalog.ts";
import type { PlannedClick } from "./clicks.ts";
import type { PlannedUpload } from "./impressions.ts";
import type { PlannedConversion } from "./orders.ts";

/** Who did what the history says that somebody did. */
export const HISTORY_ACTOR = "demonstration";

const LANDING_URL = "https://shop.example/?ad={ad_id}&click={click_id}";

export function eventIdOf({ ad, jti, receivedAtMs, random }: PlannedClick): EventId {
  return makeEventId({ receivedAtMs, routingHash: routingHashOf({ ad: ad.id, jti }) }, random);
}

/** The click as its shard is given it. */
export async function encodeClick(
  click: PlannedClick,
  { ring, policy }: { ring: KeyRing; policy: TokenPolicy },
): Promise<string> {
  const { client, receivedAtMs, occurredAtMs, method, count } = click;
  const { country, region, asn, device, userAgent, userHash } = client;
  return encodeTokenEvent({
    ...{ type: "click", id: eventIdOf(click), token: await tokenOf(click, { ring, policy }) },
    ...{ receivedAtMs, occurredAtMs, method, count, country, region, colo: "FRA", asn, device, userAgent, userHash },
    ...{ ipHash: userHash, hints: {}, referrerHost: click.publisher.host, gpc: false },
    ...{ clock: occurredAtMs === receivedAtMs ? "server" : "client", redirectByMs: null },
    acceptedAtMs: receivedAtMs + 40,
  });
}

async function tokenOf(click: PlannedClick, { ring, policy }: { ring: KeyRing; policy: TokenPolicy }): Promise<string> {
  const minted = await mintToken(payloadOf(click), { ring, policy, nowMs: click.iatS * SECOND_MS });
  if (!minted.ok) throw new Error(`the history cannot mint: ${minted.error.reason}`);
  return minted.value;
}

function payloadOf({ ad, publisher, placement, creativeId, client, jti, iatS, expS, isTest }: PlannedClick) {
  return {
    ...{ jti, iat: iatS, exp: expS, adv: advertiserOf(ad), cmp: ad.campaignId, grp: ad.adGroupId, ad: ad.id },
    ...{ crt: creativeId, pub: publisher.id, plc: placement.id, fmt: placement.format, url: LANDING_URL },
    ...{ cpc: ad.cpcMicros, ...(client.uid === null ? {} : { uid: client.uid }), ...(isTest ? { tst: 1 } : {}) },
  };
}

/** What the click's landing page was told of it. */
export function identityOf(click: PlannedClick): ClickIdentity {
  const { ad, publisher, placement, creativeId, client } = click;
  return {
    ...UNSET_DIMENSIONS,
    ...{ advertiserId: advertiserOf(ad), campaignId: ad.campaignId, adGroupId: ad.adGroupId, adId: ad.id },
    ...{ publisherId: publisher.id, placementId: placement.id, adFormat: placement.format, creativeId },
    ...{ country: client.country, device: client.device },
    ...{ eventId: eventIdOf(click), clickedAtMs: click.occurredAtMs, isTest: click.isTest },
  };
}

/** The conversion as its order's object is given it. */
export function encodeOrderStep(step: PlannedConversion, ring: Pick<KeyRing, "derivedSigning">): string {
  const { click, orderId, kind, action, correctionId, valueMicros, occurredAtMs, receivedAtMs, random } = step;
  const identity = identityOf(click);
  return encodeConversion({
    ...{ type: "conversion", id: makeEventId({ receivedAtMs, routingHash: hash32(orderId) }, random) },
    ...{ clickId: makeClickId(identity, ring), click: identity, orderId, kind, action, correctionId, valueMicros },
    ...{ occurredAtMs, receivedAtMs, windowDays: ATTRIBUTION_WINDOW_DAYS_DEFAULT, by: HISTORY_ACTOR },
  });
}

/** The rows of an upload. */
export function encodeUpload({ batchId, receivedAtMs, rows }: PlannedUpload): string[] {
  return rows.map((counts, row) => {
    const random = new Uint8Array(8);
    new DataView(random.buffer).setUint32(4, row);
    const id = makeEventId({ receivedAtMs, routingHash: hash32(batchId) }, random);
    return encodeImpressionCounts({
      ...{ ...counts, type: "impression_counts", id, batchId, row, receivedAtMs, by: HISTORY_ACTOR },
    });
  });
}
