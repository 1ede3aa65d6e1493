/**
 * Builders with defaults: a test names only what it is about. All instants hang on one frozen noon.
 */

import { encodeBase64url, encodeUtf8 } from "../../src/core/base64url.ts";
import type { Claims } from "../../src/core/claims.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import type { OpenedEvent } from "../../src/core/message.ts";
import { type Epoch, routingHashOf } from "../../src/core/routing.ts";
import { encodeTokenEvent, type TokenEvent } from "../../src/core/token-event.ts";

/** 2026-04-20T12:00:00Z. */
export const NOON_MS = Date.UTC(2026, 3, 20, 12);
export const NOON_S = NOON_MS / 1_000;

export const BROWSER =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
export const CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

export type TokenPayload = Record<string, unknown> & { jti: string; iat: number; exp: number };

/** The JSON payload of a token, as an ad server writes it. */
export function aPayload(overrides: Record<string, unknown> = {}): TokenPayload {
  return {
    jti: "imp_1",
    iat: NOON_S,
    exp: NOON_S + 3_600,
    adv: "adv_1",
    cmp: "cmp_7",
    ad: "ad_9",
    pub: "pub_1",
    url: "https://shop.example/landing",
    cpc: 250_000,
    ...overrides,
  };
}

/** A token whose signature is not real: for stations behind the edge, which do not verify. */
export function anUnsignedToken(payload: Record<string, unknown>): string {
  const part = (value: unknown) => encodeBase64url(encodeUtf8(JSON.stringify(value)));
  return `${part({ alg: "HS256", kid: "test-1", typ: "JWT" })}.${part(payload)}.${"A".repeat(43)}`;
}

/** An epoch that spreads clicks and impressions alike. */
export function anEpoch(sinceMs: number, shards: number, hot: Readonly<Record<string, number>> = {}): Epoch {
  return { sinceMs, shards: { click: shards, impression: shards }, hot: new Map(Object.entries(hot)) };
}

let serial = 0;

/** Event id bytes that differ at every call, without randomness. */
export function serialBytes(): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(4, ++serial);
  return bytes;
}

/** A click event of the given token payload; received at noon plus one second unless told. */
export function aClick(overrides: Partial<TokenEvent> = {}, payload: Record<string, unknown> = {}): TokenEvent {
  const claims = aPayload(payload);
  const receivedAtMs = overrides.receivedAtMs ?? NOON_MS + 1_000;
  const routingHash = routingHashOf({ ad: String(claims["ad"]), jti: claims.jti });
  return {
    type: "click",
    id: makeEventId({ receivedAtMs, routingHash }, serialBytes()),
    token: anUnsignedToken(claims),
    receivedAtMs,
    occurredAtMs: receivedAtMs,
    method: "GET",
    count: 1,
    country: "DE",
    region: "BE",
    colo: "TXL",
    asn: 3320,
    device: "desktop",
    ipHash: null,
    userHash: null,
    userAgent: BROWSER,
    hints: {},
    referrerHost: "news.example",
    gpc: false,
    clock: "server",
    redirectByMs: null,
    acceptedAtMs: null,
    ...overrides,
  };
}

/** The event as it travels in a queue message. */
export function anEncodedEvent(overrides: Partial<TokenEvent> = {}, payload: Record<string, unknown> = {}): string {
  return encodeTokenEvent(aClick(overrides, payload));
}

/** An event with its claims. */
export function anOpenedClick(overrides: Partial<TokenEvent> = {}, payload: Partial<Claims> = {}): OpenedEvent {
  const wire = payload as Record<string, unknown>;
  return { event: aClick(overrides, wire), claims: { ...defaultClaims, ...payload } };
}

const defaultClaims: Claims = {
  jti: "imp_1",
  iat: NOON_S,
  exp: NOON_S + 3_600,
  adv: "adv_1",
  cmp: "cmp_7",
  ad: "ad_9",
  pub: "pub_1",
  url: "https://shop.example/landing",
  cpc: 250_000,
  grp: null,
  crt: null,
  plc: null,
  fmt: null,
  uid: null,
  fwd: false,
  dur: false,
  tst: false,
};
