/**
 * One click as the edge would record it, for benchmarks that begin behind the edge.
 */
import { encodeBase64url, encodeUtf8 } from "../../src/core/base64url.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import { encodeTokenEvent, type TokenEvent } from "../../src/core/token-event.ts";

const BROWSER =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/** Facts and claims of impression `index`. */
function benchEvent(index: number, ads: number, nowMs: number) {
  const ad = index % ads;
  const claims = {
    jti: `impression-${index}`,
    iat: (nowMs - 1_000) / 1_000,
    exp: nowMs / 1_000 + 3_600,
    adv: `adv_${ad % 20}`,
    cmp: `cmp_${ad % 100}`,
    ad: `ad_${ad}`,
    pub: `pub_${index % 50}`,
    url: "https://shop.example/offer/{ad_id}?from={publisher_id}",
    cpc: 250_000,
  };
  const event: Omit<TokenEvent, "id" | "token"> = {
    type: "click",
    receivedAtMs: nowMs,
    occurredAtMs: nowMs,
    method: "GET",
    count: 1,
    country: "DE",
    region: "BE",
    colo: "TXL",
    asn: 3320,
    device: "desktop",
    ipHash: "AAAAAAAAAAAAAAAA",
    userHash: `user${String(index).padStart(12, "0")}`,
    userAgent: BROWSER,
    hints: {},
    referrerHost: "news.example",
    gpc: false,
    clock: "server",
    redirectByMs: null,
    acceptedAtMs: null,
  };
  return { event, claims };
}

let serial = 0;

/** A click of another impression each time, as a shard is given it; its signature is of the right length. */
export function encodedEvent(ads: number): string {
  const random = new Uint8Array(8);
  new DataView(random.buffer).setUint32(4, ++serial);
  const receivedAtMs = Date.now();
  const id = makeEventId({ receivedAtMs, routingHash: serial }, random);
  const part = (value: unknown) => encodeBase64url(encodeUtf8(JSON.stringify(value)));
  const { event, claims } = benchEvent(serial, ads, receivedAtMs);
  const token = `${part({ alg: "HS256", kid: "bench-1", typ: "JWT" })}.${part(claims)}.${"A".repeat(43)}`;
  return encodeTokenEvent({ ...event, id, token });
}
