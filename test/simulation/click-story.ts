/**
 * What people, their browsers and machines do with the link of one impression: one click, two, retries, crawlers that come
 * first, clients that tell the time late or wrong, clicks around the token's end, a link that is passed on, a flood.
 */
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import type { Chance } from "./chance.ts";
import { type Impression, ISOLATES, machineOf, personalRequest, type Request, TOKEN_LIFE_MS } from "./request.ts";

/** What happens to the link of one impression. */
export class ClickStory {
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
    else if (plot < 0.985) this.#lateFlood(seenMs, isolate);
    else this.#overItsWholeLife();
    return this.#requests;
  }

  #person(atMs: number, isolate: number, more: Partial<Request> = {}): void {
    this.#requests.push(personalRequest("click", this.#impression, { atMs, isolate, ...more }));
  }

  #machine(atMs: number, isolate: number): void {
    this.#person(atMs, isolate, machineOf(this.#chance));
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

  /** One token sent again and again by script, each time with another time of long ago. */
  #lateFlood(atMs: number, isolate: number): void {
    const clicks = this.#chance.between(9, 60);
    const toldMs = Math.max(atMs, this.#mintedMs + SECOND_MS);
    for (let click = 0; click < clicks; click++) {
      const timestampMs = toldMs + this.#chance.between(0, 4 * MINUTE_MS);
      const sentMs = toldMs + this.#chance.between(6, 12) * MINUTE_MS + this.#chance.between(0, 90_000);
      this.#person(sentMs, isolate, { method: "POST", timestampMs, client: `late-${click}` });
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
