/**
 * How often a key may ask: the platform's rate limiter, one budget for each key over all routes that take a key.
 *
 * Keeps: asked after authentication, so that nobody spends another's budget. A limiter that fails lets the request
 * pass. The operator's own key of the configuration has no budget: it is the way in when everything else is busy.
 * Relies on: `[[ratelimits]]` in wrangler.toml has this period. Counts are kept by location and are approximate there;
 * the local one is exact.
 * Wrong keys have a budget of their own (access/wrong-keys.ts).
 */
import { logFault } from "../log.ts";
import { problemResponse } from "../problem.ts";
import { CONFIGURED_KEY_ID, type Principal } from "./api-keys.ts";

export const RATE_PERIOD_S = 10;

/** Null, or the answer to a key that has asked too often. */
export async function refuseIfTooFast({ keyId }: Principal, limiter: RateLimit): Promise<Response | null> {
  if (keyId === CONFIGURED_KEY_ID || (await isWithinRate(keyId, limiter))) return null;
  const detail = `Wait ${RATE_PERIOD_S} seconds, then send fewer requests with this key.`;
  return problemResponse({ reason: "rate_limited", detail }, { "Retry-After": String(RATE_PERIOD_S) });
}

/** Whether the holder of a budget may ask once more, which spends it; a limiter that fails lets pass. */
export async function isWithinRate(holder: string, limiter: RateLimit): Promise<boolean> {
  try {
    return (await limiter.limit({ key: holder })).success;
  } catch (fault) {
    logFault("rate_limit_failed", fault, { holder });
    return true;
  }
}
