/**
 * Load with a known truth: impressions, the clicks sent on each, and which of them the server acknowledged.
 *
 *   acknowledged   302 to a token of `dur: 1` in less time than the edge would wait at most: the click was durable before
 *                  the redirect was sent, so it must be counted
 *   anything else  no answer, a slow one, or a token that did not ask for durability: it may be counted or not
 *
 * Keeps: closed loop on loopback, a bounded number of lanes, a pause between clicks. A lane ends with the first request
 * that gets no answer. Impressions are sent again: at once, later, and after a crash when their click had no answer.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../scripts/demo/random.ts";
import { signToken } from "../../scripts/demo/tokens.ts";
import { decodeEventId, isEventId } from "../../src/core/event-id.ts";
import { BROWSER } from "../support/builders.ts";
import { TEST_TOKEN_KEYS } from "../support/secrets.ts";

export type Impression = { readonly jti: string; readonly ad: string; readonly token: string };
export type Click = {
  readonly impression: Impression;
  /** The event id, which the redirect carries; null without an answer. */
  readonly id: string | null;
  readonly receivedAtMs: number;
  readonly isAcknowledged: boolean;
};

/** The edge redirects after 2 s at the latest; an answer before that means that the click is durable. */
export const DURABLE_WITHIN_MS = 1_900;
const LANES = 12;
const PAUSE_MS = 5;
const ADS_PER_ROUND = 6;
const SHARE = { retry: 0.5, repeat: 0.2, notDurable: 0.1 } as const;
const KEY = { kid: "test-1", bytes: Buffer.from(TEST_TOKEN_KEYS["test-1"], "base64url") };

export class Traffic {
  readonly impressions: Impression[] = [];
  readonly clicks: Click[] = [];
  readonly #random: Random;
  readonly #isDurable: boolean;
  #unanswered: Impression[] = [];

  constructor(random: Random, { isDurable = true } = {}) {
    this.#random = random;
    this.#isDurable = isDurable;
  }

  /** Sends clicks until the server is gone or `isStopped`; every click sent is then in `clicks`. */
  async drive(url: string, round: number, isStopped: () => boolean = () => false): Promise<void> {
    const lanes = Array.from({ length: LANES }, async () => {
      while (!isStopped() && (await this.#send(url, this.#pick(round)))) await sleep(PAUSE_MS);
    });
    await Promise.all(lanes);
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
  async #send(url: string, impression: Impression): Promise<boolean> {
    const sentAtMs = performance.now();
    const init = { redirect: "manual", headers: { "User-Agent": BROWSER } } as const;
    const answer = await fetch(`${url}/c/${impression.token}`, init).catch(() => null);
    const tookMs = performance.now() - sentAtMs;
    if (answer === null) {
      this.#unanswered.push(impression);
      this.clicks.push({ impression, id: null, receivedAtMs: Number.NaN, isAcknowledged: false });
      return false;
    }
    if (answer.status !== 302) throw new Error(`a good link got ${answer.status}: ${await answer.text()}`);
    const id = new URL(answer.headers.get("Location") ?? "").searchParams.get("click_id");
    if (!isEventId(id)) throw new Error("a redirect without a click id");
    const isAcknowledged = isDurableToken(impression.token) && tookMs < DURABLE_WITHIN_MS;
    this.clicks.push({ impression, id, receivedAtMs: decodeEventId(id).receivedAtMs, isAcknowledged });
    return true;
  }
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
