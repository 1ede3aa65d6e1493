/**
 * What an answer says about its unique users: how exact they are, and whom they cannot know.
 *
 *   {"standardError":0.0162,"exact":false,"coverage":0.87,"keyLifeDays":1,"note":"…"}
 *
 * Keeps: `exact` is true only when every number shown is a count. `coverage` is the share of the shown clicks whose
 * user is known; the others are in no number of users. It is null without clicks.
 */
import { addExact, type Exact } from "../../core/exact.ts";
import { STANDARD_ERROR } from "../../core/sketch.ts";
import { type Metric, ratioOf } from "../query/metrics.ts";
import { type Counted, sumsReader } from "../read/groups.ts";

/** The key of an address lives a day; one of an ad server may live longer. */
export const KEY_LIFE_DAYS = 1;

const NOTE =
  "A key that lives a day counts a person once for each day. Clicks without a user are in no number of users: of " +
  "clients that ask not to be tracked, and of moments when the day's salt could not be read.";

export type UsersMeta = {
  readonly standardError: number;
  readonly exact: boolean;
  readonly coverage: number | null;
  readonly keyLifeDays: number;
  readonly note: string;
};

export function usersMeta(shown: readonly Counted[], metrics: readonly Metric[]): UsersMeta {
  const sumsOf = sumsReader(metrics);
  let [clicks, known]: [Exact, Exact] = [0, 0];
  for (const counted of shown) {
    const sumOf = sumsOf(counted);
    clicks = addExact(clicks, sumOf("valid"));
    known = addExact(known, sumOf("valid_with_user"));
  }
  const exact = shown.every(({ sketch }) => sketch === null || sketch.estimate().isExact);
  return {
    standardError: exact ? 0 : Number(STANDARD_ERROR.toFixed(4)),
    exact,
    coverage: ratioOf(known, clicks),
    keyLifeDays: KEY_LIFE_DAYS,
    note: NOTE,
  };
}
