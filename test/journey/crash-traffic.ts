/**
 * Load with a known truth: impressions, the pixels and clicks sent on each, and which of them the server acknowledged;
 * and orders of the clicks (crash-orders.ts).
 *
 *   acknowledged   the answer to a token of `dur: 1` came in less time than the edge would wait at most: the event was
 *                  durable before the answer was sent, so it must be counted
 *   anything else  no answer, a slow one, or a token that did not ask for durability: it may be counted or not
 *
 * Keeps: closed loop on loopback, a bounded number of lanes, a pause between requests. A lane ends with the first request
 * that gets no answer. Impressions are sent again: at once, later, and after a crash when their click had no answer.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { signToken } from "../../scripts/demo/tokens.ts";
import { readClickId } from "../../src/core/click-id.ts";
import { decodeEventId } from "../../src/core/event-id.ts";
import type { Random } from "../../src/demo/random.ts";
import { BROWSER } from "../support/builders.ts";
import { TEST_TOKEN_KEYS } from "../support/secrets.ts";
import { Orders } from "./crash-orders.ts";

export type Impression = { readonly jti: string; readonly ad: string; readonly token: string };
export type Click = {
  readonly impression: Impression;
  /** The event id, which the redirect carries; null without an answer. */
  readonly id: string | null;
  readonly receivedAtMs: number;
  readonly isAcknowledged: boolean;
};

export type Pixel = { readonly impression: Impression; readonly isAcknowledged: boolean };

/** The edge answers after 2 s at the latest; an answer before that means that the event is durable. */
export const DURABLE_WITHIN_MS = 1_900;
const CLICK_LANES = 10;
const PIXEL_LANES = 4;
const ORDER_LANES = 2;
const PAUSE_MS = 5;
const ADS_PER_ROUND = 6;
const SHARE = { retry: 0.5, repeat: 0.2, notDurable: 0.1 } as const;
const KEY = { kid: "test-1", bytes: Buffer.from(TEST_TOKEN_KEYS["test-1"], "base64url") };

export class Traffic {
  readonly impressions: Impression[] = [];
  readonly clicks: Click[] = [];
  readonly pixels: Pixel[] = [];
  readonly orders: Orders;
  readonly #random: Random;
  readonly #isDurable: boolean;
  readonly #answered: { readonly clickId: string; readonly ad: string }[] = [];
  #unanswered: Impression[] = [];

  constructor(random: Random, { isDurable = true } = {}) {
    this.#random = random;
    this.#isDurable = isDurable;
    this.orders = new Orders(random);
  }

  /** Sends until the server is gone or `isStopped`; everything sent is then in `clicks`, `pixels` and `orders`. */
  async drive(url: string, round: number, isStopped: () => boolean = () => false): Promise<void> {
    const lane = async (send: () => Promise<boolean>) => {
      while (!isStopped() && (await send())) await sleep(PAUSE_MS);
    };
    const lanes = (count: number, send: () => Promise<boolean>) => Array.from({ length: count }, () => lane(send));
    await Promise.all([
      ...lanes(CLICK_LANES, () => this.#click(url, this.#pick(round))),
      ...lanes(PIXEL_LANES, () => this.#show(url, this.#pick(round))),
      ...lanes(ORDER_LANES, () => this.#order(url, round)),
    ]);
  }

  get acknowledged(): Click[] {
    return this.clicks.filter(({ isAcknowledged }) => isAcknowledged);
  }

  #pick(round: number): Impression {
    const random = this.#random;
    if (random.unit() < SHARE.retry) {
      const retried = this.#unanswered.pop();
      if (retried !== undefined) return retried;
    }
    if (this.impressions.length > 0 && random.unit() < SHARE.repeat) return random.pick(this.impressions);
    const isDurable = this.#isDurable && random.unit() >= SHARE.notDurable;
    const impression = makeImpression(this.impressions.length, `ad_${round}_${random.below(ADS_PER_ROUND)}`, isDurable);
    this.impressions.push(impression);
    return impression;
  }

  /** Sends one click; false when there was no answer. */
  async #click(url: string, impression: Impression): Promise<boolean> {
    const { answer, isInTime } = await ask(`${url}/c/${impression.token}`);
    if (answer === null) {
      this.#unanswered.push(impression);
      this.clicks.push({ impression, id: null, receivedAtMs: Number.NaN, isAcknowledged: false });
      return false;
    }
    if (answer.status !== 302) throw new Error(`a good link got ${answer.status}: ${await answer.text()}`);
    const clickId = new URL(answer.headers.get("Location") ?? "").searchParams.get("click_id") ?? "";
    const id = readClickId(clickId)?.eventId;
    if (id === undefined) throw new Error("a redirect without a click id");
    this.#answered.push({ clickId, ad: impression.ad });
    const isAcknowledged = isDurableToken(impression.token) && isInTime;
    this.clicks.push({ impression, id, receivedAtMs: decodeEventId(id).receivedAtMs, isAcknowledged });
    return true;
  }

  /** Asks for one pixel; false when there was no answer. */
  async #show(url: string, impression: Impression): Promise<boolean> {
    const { answer, isInTime } = await ask(`${url}/i/${impression.token}`);
    const isAcknowledged = answer !== null && isDurableToken(impression.token) && isInTime;
    this.pixels.push({ impression, isAcknowledged });
    if (answer !== null && answer.headers.get("Content-Type") !== "image/gif") {
      throw new Error(`a good pixel got ${answer.status}`);
    }
    return answer !== null;
  }

  /** Reports one order, or asks for a pixel while no click was answered yet; false when there was no answer. */
  async #order(url: string, round: number): Promise<boolean> {
    if (this.#answered.length === 0) return this.#show(url, this.#pick(round));
    return this.orders.report(url, this.#random.pick(this.#answered));
  }
}

/** The answer, null without one, and whether it came early enough to mean durability. */
async function ask(url: string): Promise<{ answer: Response | null; isInTime: boolean }> {
  const sentAtMs = performance.now();
  const answer = await fetch(url, { redirect: "manual", headers: { "User-Agent": BROWSER } }).catch(() => null);
  return { answer, isInTime: performance.now() - sentAtMs < DURABLE_WITHIN_MS };
}

function makeImpression(index: number, ad: string, isDurable: boolean): Impression {
  const iat = Math.floor(Date.now() / 1_000) - 1;
  const jti = `imp_${index}`;
  const ids = { adv: "adv_1", cmp: "cmp_1", ad, pub: "pub_1" };
  const claims = { jti, iat, exp: iat + 3_600, ...ids, url: "https://shop.example/", cpc: 1 };
  return { jti, ad, token: signToken(isDurable ? { ...claims, dur: 1 } : claims, KEY) };
}

function isDurableToken(token: string): boolean {
  const payload = Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8");
  return (JSON.parse(payload) as { dur?: number }).dur === 1;
}
