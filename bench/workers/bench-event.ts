/**
 * One click as the edge would record it, for benchmarks that begin behind the edge.
 */
import type { TokenEvent } from "../../src/core/token-event.ts";

const BROWSER =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/** Facts and claims of impression `index`. */
export function benchEvent(index: number, ads: number, nowMs: number) {
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
