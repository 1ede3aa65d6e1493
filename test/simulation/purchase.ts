/**
 * What an advertiser says of one buyer: which calls it makes for an order, when, and under which click.
 *
 *   plain         the order, perhaps twice in a call, perhaps again later
 *   two clicks    the order under a click of this impression and under another one, in any order
 *   corrections   returns of a part; the same one again, another value under its name, more than there was
 *   retraction    taken back, once more, and recorded again
 *   outside       under a click that is older than the window, and perhaps under one that is not
 *   conflict      two values for one order
 *   disorder      all of it at once
 *
 * Keeps: some orders are shared by two impressions, whose clicks may be of different ads.
 */
import type { ClickIdentity } from "../../src/core/click-id.ts";
import type { ConversionAction, ConversionKind } from "../../src/core/conversion.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import type { Chance } from "./chance.ts";
import type { Impression, Request } from "./request.ts";

export type Step = {
  readonly atMs: number;
  readonly action: ConversionAction;
  /** Which of the impression's clicks so far, counted round; or a click of before the run. */
  readonly click: number | ClickIdentity;
  readonly valueMicros: number;
  readonly correctionId: string | null;
  /** Null when the advertiser does not say: then it is the time of the call. */
  readonly occurredAtMs: number | null;
  /** How often it stands in its call. */
  readonly copies: number;
};

export type Purchase = {
  readonly impression: Impression;
  readonly orderId: string | null;
  readonly kind: ConversionKind;
  readonly steps: readonly Step[];
};

export const WINDOW_DAYS = 7;
const BUYERS = 0.2;
const UNIT_MICROS = 1_000_000;

/** The calls that follow the clicks on an impression; null when nothing is bought. */
export function planPurchase(chance: Chance, impression: Impression, clicks: readonly Request[]): Purchase | null {
  const first = clicks[0];
  if (first === undefined || !chance.is(BUYERS)) return null;
  const pair = impression.index >> 1;
  const isShared = chance.is(0.25);
  const orderId = isShared ? `joint-${pair}` : chance.is(0.25) ? null : `order-${impression.index}`;
  const kind = isShared || chance.is(0.7) ? "purchase" : "lead";
  const boughtMs = first.atMs + chance.between(SECOND_MS, 10 * MINUTE_MS);
  const valueMicros = (1 + (pair % 9)) * UNIT_MICROS;
  const steps = new PurchaseStory(chance, impression, { boughtMs, valueMicros }).tell();
  return { impression, orderId, kind, steps };
}

class PurchaseStory {
  readonly #chance: Chance;
  readonly #impression: Impression;
  readonly #boughtMs: number;
  readonly #valueMicros: number;
  readonly #occurredAtMs: number | null;
  readonly #steps: Step[] = [];

  constructor(
    chance: Chance,
    impression: Impression,
    { boughtMs, valueMicros }: { boughtMs: number; valueMicros: number },
  ) {
    this.#chance = chance;
    this.#impression = impression;
    this.#boughtMs = boughtMs;
    this.#valueMicros = valueMicros;
    this.#occurredAtMs = chance.is(0.6) ? boughtMs : null;
  }

  tell(): Step[] {
    const plot = this.#chance.unit();
    if (plot < 0.25) this.#plain();
    else if (plot < 0.45) this.#twoClicks();
    else if (plot < 0.6) this.#corrections();
    else if (plot < 0.72) this.#retraction();
    else if (plot < 0.8) this.#outside();
    else if (plot < 0.9) this.#conflict();
    else this.#disorder();
    return this.#steps;
  }

  #step(afterMs: number, step: Partial<Step> = {}): void {
    this.#steps.push({
      atMs: this.#boughtMs + afterMs,
      action: "record",
      click: 0,
      valueMicros: this.#valueMicros,
      correctionId: null,
      occurredAtMs: this.#occurredAtMs,
      copies: 1,
      ...step,
    });
  }

  #correct(afterMs: number, share: number, correctionId: string | null): void {
    this.#step(afterMs, { action: "correct", valueMicros: -Math.round(this.#valueMicros * share), correctionId });
  }

  #plain(): void {
    const chance = this.#chance;
    this.#step(0, { copies: chance.is(0.3) ? 2 : 1 });
    const again = chance.is(0.5) ? chance.between(1, 4) : 0;
    for (let time = 0; time < again; time++) this.#step(chance.between(0, 20_000), { click: time % 2 });
  }

  #twoClicks(): void {
    const chance = this.#chance;
    const clicks = [0, chance.is(0.5) ? this.#pastClick(2 * HOUR_MS, 6 * DAY_MS) : 1 + chance.between(0, 3)];
    if (chance.is(0.5)) clicks.reverse();
    const gapMs = chance.pick([0, 2_000, 3 * MINUTE_MS]);
    for (const [at, click] of clicks.entries()) this.#step(at * gapMs, { click });
    if (chance.is(0.5)) this.#correct(chance.between(0, 2 * gapMs + 5_000), 0.25, null);
    if (chance.is(0.3)) this.#step(gapMs + chance.between(0, 60_000), { click: clicks[0] as Step["click"] });
  }

  #corrections(): void {
    const chance = this.#chance;
    this.#step(0);
    this.#correct(chance.between(0, 30_000), 0.25, "c1");
    if (chance.is(0.6)) this.#correct(chance.between(0, 60_000), 0.25, "c1");
    if (chance.is(0.5)) this.#correct(chance.between(0, 60_000), 0.5, "c2");
    if (chance.is(0.4)) this.#correct(chance.between(0, 60_000), 0.1, "c1");
    if (chance.is(0.4)) this.#correct(chance.between(0, 60_000), 0.6, null);
  }

  #retraction(): void {
    const chance = this.#chance;
    this.#step(0, { click: chance.between(0, 2) });
    if (chance.is(0.3)) this.#correct(chance.between(0, 20_000), 0.5, null);
    const retractions = chance.between(1, 4);
    for (let time = 0; time < retractions; time++) {
      this.#step(chance.between(5_000, 90_000), { action: "retract", copies: chance.is(0.3) ? 2 : 1 });
    }
    if (chance.is(0.5)) this.#step(chance.between(0, 2 * MINUTE_MS), { click: 1 });
  }

  #outside(): void {
    const chance = this.#chance;
    const old = this.#pastClick((WINDOW_DAYS + 1) * DAY_MS, 20 * DAY_MS);
    this.#step(0, { click: old, copies: chance.is(0.3) ? 2 : 1 });
    if (chance.is(0.6)) this.#step(chance.between(0, MINUTE_MS));
    if (chance.is(0.3)) this.#correct(chance.between(0, MINUTE_MS), 0.5, "c1");
  }

  #conflict(): void {
    const chance = this.#chance;
    this.#step(0, { click: chance.between(0, 3) });
    this.#step(chance.between(0, 2_000), { click: chance.between(0, 3), valueMicros: this.#valueMicros + UNIT_MICROS });
    if (chance.is(0.5)) this.#correct(chance.between(0, 5_000), 1.1, null);
  }

  #disorder(): void {
    const chance = this.#chance;
    const steps = chance.between(3, 8);
    const past = this.#pastClick(HOUR_MS, 9 * DAY_MS);
    for (let step = 0; step < steps; step++) {
      const afterMs = chance.between(0, 15_000);
      const action = chance.pick(["record", "record", "record", "correct", "retract"] as const);
      if (action === "correct") this.#correct(afterMs, chance.pick([0.25, 0.5]), chance.pick(["c1", "c2", null]));
      else this.#step(afterMs, { action, click: chance.is(0.3) ? past : chance.between(0, 4) });
    }
  }

  /** A click of the same advertiser, of another ad, long before the run. */
  #pastClick(agoMinMs: number, agoMaxMs: number): ClickIdentity {
    const chance = this.#chance;
    const { adv } = this.#impression.claims;
    const receivedAtMs = this.#boughtMs - chance.between(agoMinMs, agoMaxMs);
    const random = Uint8Array.from({ length: 8 }, () => chance.between(0, 256));
    return {
      eventId: makeEventId({ receivedAtMs, routingHash: chance.bits() }, random),
      clickedAtMs: receivedAtMs - chance.between(0, 3) * MINUTE_MS,
      advertiserId: adv,
      campaignId: "cmp_past",
      adGroupId: chance.is(0.5) ? "grp_past" : "",
      adId: `ad_past_${chance.between(0, 2)}`,
      publisherId: "pub_past",
      creativeId: "",
      placementId: chance.is(0.5) ? "plc_past" : "",
      adFormat: "",
      country: "FR",
      device: "tablet",
      isTest: chance.is(0.1),
    };
  }
}
