/**
 * Clicks for benchmarks: signed links as whole HTTP requests, with the headers that a browser and the platform send.
 */
import { randomBytes } from "node:crypto";
import { keyRingOf, privateKeyOf, type SecretKey, type SigningKey, signToken } from "../scripts/demo/tokens.ts";

const BROWSER =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const COUNTRIES = ["US", "DE", "BR", "IN", "GB"] as const;

export const BENCH_KEY: SecretKey = { kid: "bench-1", bytes: randomBytes(32) };
/** An ad server's own. */
export const BENCH_PRIVATE_KEY = privateKeyOf("bench-2", randomBytes(32));

/** Secrets for a Worker that verifies both keys. */
export const BENCH_SECRETS = {
  TOKEN_KEYS: keyRingOf([BENCH_KEY, BENCH_PRIVATE_KEY]),
  TOKEN_SIGNING_KID: BENCH_KEY.kid,
  ADMIN_API_KEY: `clk_${randomBytes(32).toString("base64url")}`,
  EVIDENCE_LOG_KEYS: "[]",
  SESSION_KEYS: randomBytes(32).toString("base64url"),
} as const;

/** Claims of impression `index`, one of `ads` ads; every index is another impression. */
export function benchClaims(index: number, ads: number, issuedAtMs: number): Record<string, unknown> {
  const ad = index % ads;
  return {
    jti: `${index}-${BENCH_KEY.bytes.toString("hex", 0, 6)}`,
    iat: Math.floor(issuedAtMs / 1_000),
    exp: Math.floor(issuedAtMs / 1_000) + 3_600,
    adv: `adv_${ad % 20}`,
    cmp: `cmp_${ad % 100}`,
    ad: `ad_${ad}`,
    pub: `pub_${index % 50}`,
    url: "https://shop.example/offer/{ad_id}?from={publisher_id}",
    cpc: 250_000,
  };
}

type Signed = { readonly ads: number; readonly issuedAtMs: number; readonly key?: SigningKey };

/** `count` click requests for distinct impressions. */
export function clickRequests(count: number, { ads, issuedAtMs, key = BENCH_KEY }: Signed): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    const token = signToken(benchClaims(index, ads, issuedAtMs), key);
    const cf = JSON.stringify({ country: COUNTRIES[index % COUNTRIES.length], colo: "BEN", asn: 64_512 });
    const address = `198.51.${(index >> 8) % 256}.${index % 256}`;
    const lines = [
      `GET /c/${token} HTTP/1.1`,
      "Host: 127.0.0.1",
      `User-Agent: ${BROWSER}`,
      "Accept: text/html,application/xhtml+xml",
      "Referer: https://news.example/story",
      `CF-Connecting-IP: ${address}`,
      `MF-CF-Blob: ${cf}`,
    ];
    return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  });
}
