/**
 * Wrong keys slow down whoever sends them: a budget of wrong keys for each network, and a rest when it is spent.
 *
 *   wrong key ──▶ WRONG_KEY_RATE counts it for the network ──▶ spent: for a period, nothing of it is looked up
 *
 * Keeps: a key has 256 random bits and is not found by guessing; what is saved is the look-up in the database that each
 * wrong one costs. So who is right need not pay for a neighbour behind the same address: while the network rests, the
 * operator's key of the configuration passes, and so does any key that this isolate has found right before (it is
 * looked up as ever, so one that was revoked does not). A key that it has not seen waits for the period, right or
 * wrong. A request without a key is no guess. The network is remembered as a keyed hash, for the period only.
 * Relies on: `[[ratelimits]]` in wrangler.toml has this period. Counts are kept by location, and a rest by isolate.
 */

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeBase64url, encodeUtf8 } from "../core/base64url.ts";
import { clientOf } from "../core/client-address.ts";
import { SECOND_MS } from "../core/limits.ts";
import { logFault } from "../log.ts";
import { problemResponse } from "../problem.ts";

export const WRONG_KEY_PERIOD_S = 60;
const REMEMBERED_MAX = 10_000;

export class WrongKeys {
  /** Networks that rest, by when they may ask again. */
  readonly #restsUntilMs = new Map<string, number>();
  /** Hashes of keys that were right. */
  readonly #right = new Set<string>();

  /** Null, or the answer to a key of a network that rests. */
  refuse(network: string, keyHash: string, nowMs: number): Response | null {
    const untilMs = this.#restsUntilMs.get(network);
    if (untilMs === undefined || this.#right.has(keyHash)) return null;
    if (untilMs > nowMs) return slowDown(untilMs - nowMs);
    this.#restsUntilMs.delete(network);
    return null;
  }

  /** Notes that a key was right. */
  accept(keyHash: string): void {
    if (this.#right.size >= REMEMBERED_MAX) this.#right.clear();
    this.#right.add(keyHash);
  }

  /** Counts a wrong key. Null, or the answer to a network whose budget is spent. */
  async count(network: string, limiter: RateLimit, nowMs: number): Promise<Response | null> {
    if (await isWithinRate(network, limiter)) return null;
    if (this.#restsUntilMs.size >= REMEMBERED_MAX) this.#restsUntilMs.clear();
    this.#restsUntilMs.set(network, nowMs + WRONG_KEY_PERIOD_S * SECOND_MS);
    return slowDown(WRONG_KEY_PERIOD_S * SECOND_MS);
  }
}

/** The network of a request, as a hash that only who holds the secret can make. */
export function networkHashOf(request: Request, secret: string): string {
  const network = clientOf(request.headers.get("CF-Connecting-IP") ?? "");
  return encodeBase64url(hmac(sha256, encodeUtf8(secret), encodeUtf8(`wrong keys\n${network}`)).subarray(0, 12));
}

/** A limiter that fails lets wrong keys be wrong, at the price of their look-ups. */
async function isWithinRate(network: string, limiter: RateLimit): Promise<boolean> {
  try {
    return (await limiter.limit({ key: network })).success;
  } catch (fault) {
    logFault("rate_limit_failed", fault);
    return true;
  }
}

function slowDown(waitMs: number): Response {
  const seconds = Math.ceil(waitMs / SECOND_MS);
  const detail = `Send the right key in ${seconds} seconds. Keys that have been right here before are still taken.`;
  return problemResponse({ reason: "wrong_keys", detail }, { "Retry-After": String(seconds) });
}
