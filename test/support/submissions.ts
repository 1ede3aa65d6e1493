/**
 * Builders of conversions and uploaded counts, for stations behind the edge: their click ids are well-formed, and signed
 * by nobody's key. A test names only what it is about.
 */

import { type ClickIdentity, makeClickId } from "../../src/core/click-id.ts";
import type { ConversionEvent } from "../../src/core/conversion.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import type { ImpressionCountsEvent } from "../../src/core/impression-counts.ts";
import type { DerivedKeys } from "../../src/core/key-ring.ts";
import { KeyedHash } from "../../src/core/keyed-hash.ts";
import { MINUTE_MS } from "../../src/core/limits.ts";
import { NOON_MS, serialBytes } from "./builders.ts";

const nobodys = new KeyedHash(new Uint8Array(32));
export const NOBODYS_KEYS: DerivedKeys = { kid: "test-1", clickId: nobodys, postback: nobodys };

/** A click of noon, received in the minute that it is counted in. */
export function aClickIdentity(overrides: Partial<ClickIdentity> = {}): ClickIdentity {
  const clickedAtMs = overrides.clickedAtMs ?? NOON_MS;
  return {
    eventId: makeEventId({ receivedAtMs: clickedAtMs + 1_000, routingHash: 7 }, serialBytes()),
    clickedAtMs,
    advertiserId: "adv_1",
    campaignId: "cmp_7",
    adGroupId: "",
    adId: "ad_9",
    publisherId: "pub_1",
    creativeId: "",
    placementId: "",
    adFormat: "",
    country: "DE",
    device: "desktop",
    isTest: false,
    ...overrides,
  };
}

/** The click id of an identity, with a signature that is not real. */
export function anUnsignedClickId(click: ClickIdentity): string {
  return makeClickId(click, { derivedSigning: NOBODYS_KEYS });
}

/** A purchase of ten minutes after its click, reported at once. */
export function aConversion(
  overrides: Partial<Omit<ConversionEvent, "click" | "clickId">> = {},
  click: ClickIdentity = aClickIdentity(),
): ConversionEvent {
  const occurredAtMs = overrides.occurredAtMs ?? click.clickedAtMs + 10 * MINUTE_MS;
  return {
    type: "conversion",
    id: makeEventId({ receivedAtMs: occurredAtMs, routingHash: 7 }, serialBytes()),
    clickId: anUnsignedClickId(click),
    click,
    orderId: "A-1001",
    kind: "purchase",
    action: "record",
    correctionId: null,
    valueMicros: 5_000_000,
    occurredAtMs,
    receivedAtMs: occurredAtMs,
    windowDays: 7,
    by: "key_7",
    ...overrides,
  };
}

/** A thousand impressions of noon, a hundred more of which the sender filtered out. */
export function someCounts(overrides: Partial<ImpressionCountsEvent> = {}): ImpressionCountsEvent {
  return {
    type: "impression_counts",
    id: makeEventId({ receivedAtMs: NOON_MS + MINUTE_MS, routingHash: 7 }, serialBytes()),
    batchId: "2026-04-20T12",
    row: 0,
    minuteAtMs: NOON_MS,
    receivedAtMs: NOON_MS + MINUTE_MS,
    advertiserId: "adv_1",
    campaignId: "cmp_7",
    adGroupId: "",
    adId: "ad_9",
    publisherId: "pub_1",
    creativeId: "",
    placementId: "",
    adFormat: "",
    country: "DE",
    device: "desktop",
    impressions: 1_000,
    grossImpressions: 1_100,
    by: "key_7",
    ...overrides,
  };
}
