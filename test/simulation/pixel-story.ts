/**
 * What is asked of the pixel of one impression: once when the ad is shown, again when the page or the mail is opened
 * again, by browsers that retry, by crawlers, by pages from a cache after the token's end, and not at all where a filter
 * sits in between.
 */
import { MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import type { Chance } from "./chance.ts";
import { type Impression, ISOLATES, machineOf, personalRequest, type Request, TOKEN_LIFE_MS } from "./request.ts";

/** The requests for the impression's pixel, in no order. */
export function tellPixelStory(chance: Chance, impression: Impression): Request[] {
  const mintedMs = Math.ceil(impression.claims.iat * SECOND_MS);
  const requests: Request[] = [];
  const isolate = chance.between(0, ISOLATES);
  const show = (atMs: number, more: Partial<Request> = {}) =>
    requests.push(personalRequest("impression", impression, { atMs, isolate, ...more }));
  const elsewhere = () => ({ isolate: chance.between(0, ISOLATES) });
  const shownMs = mintedMs + chance.between(5, 1_500);
  const plot = chance.unit();
  if (plot < 0.1) return requests;
  if (plot < 0.6) show(shownMs);
  else if (plot < 0.72) {
    // The page draws the ad twice, or the browser asks again at once.
    show(shownMs);
    show(shownMs + chance.between(0, 60), chance.is(0.7) ? {} : elsewhere());
  } else if (plot < 0.84) {
    const times = chance.between(2, 5);
    for (let time = 0; time < times; time++)
      show(shownMs + chance.unit() ** 2 * (TOKEN_LIFE_MS - MINUTE_MS), elsewhere());
  } else if (plot < 0.93) {
    show(shownMs, machineOf(chance));
    if (chance.is(0.7)) show(shownMs + chance.between(0, 5_000), elsewhere());
  } else if (plot < 0.97) {
    const times = chance.between(1, 4);
    for (let time = 0; time < times; time++) show(mintedMs + TOKEN_LIFE_MS + chance.between(-2_000, 2_000));
  } else {
    const people = chance.between(5, 30);
    for (let person = 0; person < people; person++) {
      show(shownMs + chance.between(0, 3_000), { client: `reader-${person % 7}`, ...elsewhere() });
    }
  }
  return requests;
}
