/**
 * When a delivery is tried, and when an endpoint is given up.
 *
 *   a delivery     at once, then 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h later: 10 tries in 75 h 35 min
 *   an endpoint    while it fails, one try at a time, so far apart as its failures in a row say, by the same steps
 *
 *   5 failures in a row warn, 20 stop the endpoint: with the last step a day each, that is after 13 days
 *
 * Keeps: pure. Of an endpoint that takes nothing, no delivery is given up: when it comes back, all of them are made.
 * One delivery that is always refused does not hold up the others: each success ends the row of failures.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "./limits.ts";

const STEPS_MS = [
  ...[5 * SECOND_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS],
  ...[10 * HOUR_MS, 14 * HOUR_MS, 20 * HOUR_MS, DAY_MS],
] as const;

export const TRIES_MAX = STEPS_MS.length + 1;
export const FAILURES_WARNED = 5;
export const FAILURES_MAX = 20;

/** How an endpoint has answered lately. */
export type EndpointHealth = {
  /** In a row. */
  readonly failures: number;
  /** Of the first of them. */
  readonly failingSinceMs: number | null;
  /** Nothing is tried before. */
  readonly notBeforeMs: number;
};

export const HEALTHY: EndpointHealth = { failures: 0, failingSinceMs: null, notBeforeMs: 0 };

/**
 * When a delivery that failed is due again, after its tries and the endpoint's failures in a row. Null after its last
 * try, where the endpoint takes others meanwhile; where it takes none, nothing is given up before the endpoint is.
 */
export function dueAfter({ tries, failures }: { tries: number; failures: number }, nowMs: number): number | null {
  const step = STEPS_MS[tries - 1];
  if (step !== undefined) return nowMs + step;
  return failures >= TRIES_MAX ? nowMs + DAY_MS : null;
}

/** The endpoint's health after a further failure. */
export function afterFailure({ failures, failingSinceMs }: EndpointHealth, nowMs: number): EndpointHealth {
  const step = STEPS_MS[Math.min(failures, STEPS_MS.length - 1)] ?? DAY_MS;
  return { failures: failures + 1, failingSinceMs: failingSinceMs ?? nowMs, notBeforeMs: nowMs + step };
}
