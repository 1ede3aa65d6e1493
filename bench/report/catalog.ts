/**
 * Who advertises what in the data set of `npm run bench:report`: advertisers, their ads, and how often each ad is clicked.
 *
 *   advertiser of rank r   about r^-0.7 of the ads, at least one      ad of rank i   about i^-0.9 of the clicks
 *   cells of an ad         1 to 20, more often few; the hottest hundredth has 60, the hottest thousandth 200
 *
 * Keeps: the same seed makes the same catalogue. Advertisers of rank 4, 14, 24, … are the sample that has hours and minutes
 * at all times (bench/report/generate.ts), so that a tenth of all traffic is in it.
 */
import { ELEMENT_HASH_BYTES, elementOf } from "../../src/core/sketch.ts";

export type Catalog = { readonly advertisers: readonly Advertiser[]; readonly ads: number };

export type Advertiser = {
  readonly advertiserId: string;
  readonly rank: number;
  readonly isSampled: boolean;
  /** In the order of their keys. */
  readonly ads: readonly Ad[];
};

export type Ad = {
  readonly campaignId: string;
  readonly adGroupId: string;
  readonly adId: string;
  readonly cpcMicros: number;
  /** Clicks a minute, on average. */
  readonly rate: number;
  /** The JSON of each cell up to its first count. */
  readonly cells: readonly string[];
  /** Sketch elements of the people who click it; none where they are not known. */
  readonly users: readonly number[];
};

export type CatalogSize = {
  readonly advertisers: number;
  /** About so many; every advertiser has one at least. */
  readonly ads: number;
  /** Share of its minutes in which an ad has a click, over all ads. */
  readonly activeShare: number;
};

const ADS_EXPONENT = 0.7;
const CLICKS_EXPONENT = 0.9;
const SAMPLE_EVERY = 10;
const SAMPLE_AT = 4;
/** Every so many ads know their users. */
const USERS_EVERY = 10;
/** Below the limit up to which a sketch is an exact set, so that every stored one can be exported as a list. */
const USERS_OF_AD = 400;
const PUBLISHERS = 200;
const PUBLISHERS_OF_AD = 12;
const COUNTRIES = ["US", "DE", "BR", "IN", "GB", "FR", "JP", "MX", "ES", "PL", "NL", ""] as const;
const DEVICES = ["mobile", "desktop", "tablet"] as const;

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The probability that a minute of an ad has a click. */
export function activeProbability({ rate }: Pick<Ad, "rate">): number {
  return 1 - Math.exp(-rate);
}

export function makeCatalog(size: CatalogSize, seed: number): Catalog {
  const random = randomOf(seed);
  const counts = shares(size.advertisers, ADS_EXPONENT).map((share) => Math.max(1, Math.round(share * size.ads)));
  const ads = counts.reduce((sum, count) => sum + count, 0);
  const places = shuffled(ads, random);
  const scale = scaleOf(ads, size.activeShare);
  let next = 0;
  const advertisers = counts.map((count, rank): Advertiser => {
    const advertiserId = `adv_${String(rank).padStart(4, "0")}`;
    const ours = Array.from({ length: count }, (_, at) => {
      const place = places[next++] ?? 0;
      const rate = scale * (place + 1) ** -CLICKS_EXPONENT;
      return makeAd({ rank, at, place, rate, ads }, random);
    });
    return { advertiserId, rank, isSampled: rank % SAMPLE_EVERY === SAMPLE_AT, ads: ours.toSorted(byKey) };
  });
  return { advertisers, ads };
}

type Place = {
  readonly rank: number;
  readonly at: number;
  readonly place: number;
  readonly rate: number;
  readonly ads: number;
};

function makeAd({ rank, at, place, rate, ads }: Place, random: () => number): Ad {
  const count = place < ads / 1_000 ? 200 : place < ads / 100 ? 60 : 1 + Math.floor(random() ** 1.5 * 20);
  const publisher = Math.floor(random() * PUBLISHERS);
  const [country, creatives] = [Math.floor(random() * COUNTRIES.length), 1 + Math.floor(random() * 3)];
  const cells = Array.from(
    { length: count },
    (_, cell) =>
      // The beginning of a cell: its dimensions, and where its counts go on.
      `[${JSON.stringify([
        `pub_${(publisher + (cell % PUBLISHERS_OF_AD) * 7) % PUBLISHERS}`,
        COUNTRIES[(country + Math.floor(cell / 3)) % COUNTRIES.length],
        DEVICES[cell % DEVICES.length],
        `cre_${rank}_${at}_${Math.floor(cell / 2) % creatives}`,
      ])},[`,
  );
  return {
    campaignId: `cmp_${rank}_${at % 7}`,
    adGroupId: at % 3 === 0 ? "" : `grp_${rank}_${at % 14}`,
    adId: `ad_${rank}_${at}`,
    cpcMicros: 50_000 + Math.floor(random() * 500) * 1_000,
    rate,
    cells,
    users: place % USERS_EVERY === 0 ? usersOf(rank, at) : [],
  };
}

/** People of an ad; neighbouring ads of an advertiser share most of them. */
function usersOf(rank: number, at: number): number[] {
  return Array.from({ length: USERS_OF_AD }, (_, person) => {
    const user = at * 50 + person;
    const random = randomOf(Math.imul(rank + 1, 0x9e3779b1) ^ Math.imul(user + 1, 0x85ebca6b));
    return elementOf(Uint8Array.from({ length: ELEMENT_HASH_BYTES }, () => Math.floor(random() * 256)));
  });
}

function shares(count: number, exponent: number): number[] {
  const weights = Array.from({ length: count }, (_, rank) => (rank + 1) ** -exponent);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** The rate of the hottest ad, by bisection, at which ads are active as often as is wanted on average. */
function scaleOf(ads: number, activeShare: number): number {
  let [low, high] = [0, 1e6];
  for (let step = 0; step < 100; step++) {
    const scale = (low + high) / 2;
    let active = 0;
    for (let place = 1; place <= ads; place++) active += activeProbability({ rate: scale * place ** -CLICKS_EXPONENT });
    if (active / ads < activeShare) low = scale;
    else high = scale;
  }
  return low;
}

function shuffled(count: number, random: () => number): number[] {
  const places = Array.from({ length: count }, (_, at) => at);
  for (let at = count - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [places[at], places[other]] = [places[other] ?? 0, places[at] ?? 0];
  }
  return places;
}

function byKey(a: Ad, b: Ad): number {
  const [left, right] = [a, b].map(({ campaignId, adGroupId, adId }) => [campaignId, adGroupId, adId].join("\u0000"));
  return (left ?? "") < (right ?? "") ? -1 : 1;
}
