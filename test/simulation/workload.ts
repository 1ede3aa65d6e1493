/**
 * The traffic of one run, and what is true of it: impressions, and the requests that people, their browsers and machines
 * make on them. Made from the seed before anything runs, and never told what the system decides.
 *
 *   impression   claims, token, who it is for
 *   request      when, on which isolate, by which client, and what it is: a person's click, a crawler, HEAD, …
 *
 * Keeps: what a request is (`nature`) comes from the persona that made it, not from the rules under test.
 */
import type { Claims } from "../../src/core/claims.ts";
import type { ClickMethod } from "../../src/core/click-event.ts";
import type { DeviceClass } from "../../src/core/device.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import { Chance } from "./chance.ts";

export type Impression = { readonly index: number; readonly claims: Claims; readonly token: string };

export type Request = {
  readonly atMs: number;
  readonly impression: Impression;
  readonly isolate: number;
  readonly client: string;
  readonly nature: "person" | "machine";
  readonly method: ClickMethod;
  readonly userAgent: string;
  /** What the client says about the time of the click; null when it says nothing. */
  readonly timestampMs: number | null;
  readonly country: string | null;
  readonly device: DeviceClass;
};

export const TOKEN_LIFE_MS = 25 * MINUTE_MS;
export const ISOLATES = 5;
const PERSON = "Mozilla/5.0 (X11) Firefox/140.0";
const CRAWLER = "Googlebot/2.1";
const SESSION_MS = 12 * SECOND_MS;
const IMPRESSIONS_PER_SESSION = 24;
const SESSIONS_PER_HOUR = 7;

export type WorkloadOptions = {
  readonly seed: number;
  readonly startMs: number;
  readonly hours: number;
  /** Only impressions of these indexes click; null for all. */
  readonly only: ReadonlySet<number> | null;
};

/** All requests in the order of their time. */
export function makeWorkload({ seed, startMs, hours, only }: WorkloadOptions): Request[] {
  const chance = new Chance(seed, "workload");
  const requests: Request[] = [];
  const sessions = Math.max(1, Math.round(hours * SESSIONS_PER_HOUR));
  for (let session = 0; session < sessions; session++) {
    const sessionMs = startMs + Math.floor(chance.unit() * hours * HOUR_MS);
    for (let each = 0; each < IMPRESSIONS_PER_SESSION; each++) {
      const index = session * IMPRESSIONS_PER_SESSION + each;
      // Each impression has its own stream: leaving others out does not change it.
      const own = new Chance(seed, `impression ${index}`);
      const impression = mint(own, index, sessionMs + own.between(0, SESSION_MS));
      if (only === null || only.has(index)) requests.push(...new Story(own, impression).tell());
    }
  }
  return requests.sort((a, b) => a.atMs - b.atMs);
}

function mint(chance: Chance, index: number, mintedMs: number): Impression {
  const ad = chance.between(0, 6);
  // Now and then an ad server mints the same id again: another `iat`, another impression.
  const isAgain = chance.is(0.03);
  const second = Math.floor(mintedMs / SECOND_MS);
  const iat = isAgain ? second + index / 1e5 : chance.is(0.5) ? second : mintedMs / SECOND_MS;
  const claims: Claims = {
    jti: isAgain ? "again" : `i${index}`,
    iat,
    exp: iat + TOKEN_LIFE_MS / SECOND_MS,
    adv: `adv_${ad % 3}`,
    cmp: `cmp_${ad % 4}`,
    ad: `ad_${ad}`,
    pub: `pub_${chance.between(0, 3)}`,
    url: "https://shop.example/",
    cpc: 1_000 + chance.between(0, 500) * 100,
    grp: null,
    crt: chance.is(0.3) ? "crt_1" : null,
    plc: null,
    fmt: null,
    uid: null,
    slt: chance.pick([1, 1, 4, 16]),
    dur: chance.is(0.08),
    tst: chance.is(0.03),
  };
  return { index, claims, token: `token-${index}` };
}

/** What happens to one impression. */
class Story {
  readonly #chance: Chance;
  readonly #impression: Impression;
  readonly #mintedMs: number;
  readonly #requests: Request[] = [];

  constructor(chance: Chance, impression: Impression) {
    this.#chance = chance;
    this.#impression = impression;
    this.#mintedMs = Math.ceil(impression.claims.iat * SECOND_MS);
  }

  tell(): Request[] {
    const chance = this.#chance;
    const plot = chance.unit();
    const seenMs = this.#mintedMs + chance.between(50, 15_000);
    const isolate = chance.between(0, ISOLATES);
    if (plot < 0.42) this.#person(seenMs, isolate);
    else if (plot < 0.57) this.#doubleClick(seenMs, isolate);
    else if (plot < 0.66) this.#retries(seenMs, isolate);
    else if (plot < 0.78) this.#machinesFirst(seenMs, isolate);
    else if (plot < 0.88) this.#lateClient(seenMs, isolate);
    else if (plot < 0.92) this.#liar(seenMs, isolate);
    else if (plot < 0.95) this.#aroundExpiry(isolate);
    else if (plot < 0.975) this.#sharedLink(seenMs, isolate);
    else if (plot < 0.98) this.#flood(seenMs, isolate);
    else this.#overItsWholeLife();
    return this.#requests;
  }

  #person(atMs: number, isolate: number, more: Partial<Request> = {}): void {
    const { index } = this.#impression;
    this.#requests.push({
      atMs: Math.floor(atMs),
      impression: this.#impression,
      isolate,
      client: `person-${index}`,
      nature: "person",
      method: "GET",
      userAgent: PERSON,
      timestampMs: null,
      country: index % 3 === 0 ? "DE" : null,
      device: index % 2 === 0 ? "mobile" : "desktop",
      ...more,
    });
  }

  #machine(atMs: number, isolate: number): void {
    const isHead = this.#chance.is(0.4);
    const method = isHead ? "HEAD" : "GET";
    this.#person(atMs, isolate, { client: "machine", nature: "machine", method, userAgent: isHead ? PERSON : CRAWLER });
  }

  #doubleClick(atMs: number, isolate: number): void {
    this.#person(atMs, isolate);
    const other = this.#chance.is(0.8) ? isolate : this.#chance.between(0, ISOLATES);
    this.#person(atMs + this.#chance.between(0, 400), other);
  }

  #retries(atMs: number, isolate: number): void {
    this.#person(atMs, isolate);
    const retries = this.#chance.between(1, 4);
    for (let retry = 0; retry < retries; retry++) {
      this.#person(atMs + this.#chance.between(900, 20_000), this.#chance.between(0, ISOLATES));
    }
  }

  #machinesFirst(atMs: number, isolate: number): void {
    this.#machine(atMs, isolate);
    if (this.#chance.is(0.5)) this.#machine(atMs + this.#chance.between(1, 3_000), this.#chance.between(0, ISOLATES));
    if (this.#chance.is(0.8)) this.#person(atMs + this.#chance.between(10, 60_000), isolate);
  }

  /** A script that tells the time of the click, minutes after it; perhaps the person's link follows. */
  #lateClient(atMs: number, isolate: number): void {
    const toldMs = atMs + this.#chance.between(0, 1_000);
    const sentMs = toldMs + this.#chance.between(0, 12 * MINUTE_MS);
    this.#person(sentMs, isolate, { method: "POST", timestampMs: toldMs });
    if (this.#chance.is(0.3))
      this.#person(sentMs + this.#chance.between(0, 90_000), isolate, { timestampMs: toldMs, method: "POST" });
    if (this.#chance.is(0.4)) this.#person(sentMs + this.#chance.between(-30_000, 4 * MINUTE_MS), isolate);
  }

  /** A client whose time is before the token or in the future. */
  #liar(atMs: number, isolate: number): void {
    const lie = this.#chance.is(0.5) ? -HOUR_MS : HOUR_MS;
    this.#person(atMs, isolate, { method: "POST", timestampMs: this.#mintedMs + lie });
    if (this.#chance.is(0.5)) this.#person(atMs + 5_000, isolate);
  }

  #aroundExpiry(isolate: number): void {
    const expiresMs = this.#mintedMs + TOKEN_LIFE_MS;
    const clicks = this.#chance.between(1, 4);
    for (let click = 0; click < clicks; click++) {
      this.#person(expiresMs + this.#chance.between(-2_000, 2_000), isolate, { client: `person-${click}` });
    }
  }

  #sharedLink(atMs: number, isolate: number): void {
    const people = this.#chance.between(3, 10);
    for (let person = 0; person < people; person++) {
      this.#person(atMs + this.#chance.between(0, 90_000), (isolate + person) % ISOLATES, {
        client: `friend-${person}`,
      });
    }
  }

  #flood(atMs: number, isolate: number): void {
    const clicks = this.#chance.between(60, 200);
    for (let click = 0; click < clicks; click++) {
      const client = `flood-${click % 3}`;
      this.#person(atMs + this.#chance.between(0, 1_500), isolate, { client });
    }
  }

  /** Clicks across minutes, hours and epochs, up to the end of the token's life. */
  #overItsWholeLife(): void {
    const clicks = this.#chance.between(2, 6);
    for (let click = 0; click < clicks; click++) {
      const atMs = this.#mintedMs + 100 + this.#chance.unit() * (TOKEN_LIFE_MS - MINUTE_MS);
      this.#person(atMs, this.#chance.between(0, ISOLATES), { client: `visit-${click}` });
    }
  }
}
