/**
 * Figures as both sides of the comparison have them: everything that a report can show, at each level at which it is
 * compared.
 *
 *   level   all · by advertiser · by campaign · by ad · by minute      sheet   key (`ad_3`) → row
 *   row     one value per metric, null for a quotient by zero; counts by reason
 *
 * Keeps: names of metrics are the API's. A tally counts what happened in one place and minute; rows are made of tallies.
 */
import type { AdIds } from "./requests.ts";

/** What is added up. */
export const SUMS = [
  "impressions",
  "gross_impressions",
  "clicks",
  "duplicate_clicks",
  "invalid_clicks",
  "late_clicks",
  "gross_clicks",
  "clicks_with_user",
  "conversions",
  "conversions_by_time",
  "spend_micros",
  "conversion_value_micros",
  "conversion_value_by_time_micros",
] as const;
export type Sum = (typeof SUMS)[number];

/** What is made of sums and users. */
export const DERIVED = ["unique_users", "ctr", "cvr", "avg_cpc_micros", "cpa_micros", "roas"] as const;
export const METRICS = [...SUMS, ...DERIVED] as const;
export type Metric = (typeof METRICS)[number];

export type Row = {
  readonly values: Readonly<Record<Metric, number | null>>;
  readonly reasons: ReadonlyMap<string, number>;
};
export type Sheet = ReadonlyMap<string, Row>;

export const LEVELS = ["all", "advertiser_id", "campaign_id", "ad_id", "minute"] as const;
export type Level = (typeof LEVELS)[number];
export type Book = Readonly<Record<Level, Sheet>>;

/** The key of the one row of level `all`. */
export const ALL = "all";

export type Tally = {
  readonly sums: Record<Sum, number>;
  readonly reasons: Map<string, number>;
  readonly users: Set<string>;
};

/** Where something is counted: an ad, and a minute as an ISO instant. */
export type Place = AdIds & { readonly minute: string };

const MINUTE_MS = 60_000;
const MILLIONTHS = 1_000_000n;

/** Tallies by place, and the book that they make. */
export class Tallies {
  readonly #byPlace = new Map<string, { readonly place: Place; readonly tally: Tally }>();

  at(place: Place): Tally {
    const key = `${place.adId} ${place.minute}`;
    const known = this.#byPlace.get(key) ?? { place, tally: emptyTally() };
    this.#byPlace.set(key, known);
    return known.tally;
  }

  toBook(): Book {
    const keyOf = (level: Level, { advertiserId, campaignId, adId, minute }: Place) =>
      ({ all: ALL, advertiser_id: advertiserId, campaign_id: campaignId, ad_id: adId, minute })[level];
    const sheetOf = (level: Level): Sheet => {
      const sheet = new Map<string, Tally>();
      for (const { place, tally } of this.#byPlace.values()) {
        const key = keyOf(level, place);
        const sum = sheet.get(key) ?? emptyTally();
        sheet.set(key, sum);
        addTally(sum, tally);
      }
      return new Map(Array.from(sheet, ([key, tally]) => [key, toRow(tally)]));
    };
    return {
      all: sheetOf("all"),
      advertiser_id: sheetOf("advertiser_id"),
      campaign_id: sheetOf("campaign_id"),
      ad_id: sheetOf("ad_id"),
      minute: sheetOf("minute"),
    };
  }
}

export function emptyTally(): Tally {
  const sums = Object.fromEntries(SUMS.map((sum) => [sum, 0])) as Record<Sum, number>;
  return { sums, reasons: new Map(), users: new Set() };
}

/** Derives what is not added up: ratios in millionths and micros in whole ones, rounded half up. */
export function toRow({ sums, reasons, users }: Tally): Row {
  return {
    values: {
      ...sums,
      unique_users: users.size,
      ctr: ratio(sums.clicks, sums.impressions),
      cvr: ratio(sums.conversions, sums.clicks),
      avg_cpc_micros: quotient(sums.spend_micros, sums.clicks),
      cpa_micros: quotient(sums.spend_micros, sums.conversions),
      roas: ratio(sums.conversion_value_micros, sums.spend_micros),
    },
    reasons,
  };
}

/** The row of a place where nothing happened. */
export const NOTHING: Row = toRow(emptyTally());

export function isoMinute(ms: number): string {
  return new Date(Math.floor(ms / MINUTE_MS) * MINUTE_MS).toISOString().replace(".000Z", "Z");
}

/** A metric's or a dimension's name in an answer. */
export function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

export function count(counts: Map<string, number>, key: string, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

/** The keys of both, sorted as people count: ad_2 before ad_10. */
export function keysOf(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].sort((x, y) => x.localeCompare(y, "en", { numeric: true }));
}

function addTally(sum: Tally, { sums, reasons, users }: Tally): void {
  for (const name of SUMS) sum.sums[name] += sums[name];
  for (const [reason, times] of reasons) count(sum.reasons, reason, times);
  for (const user of users) sum.users.add(user);
}

function ratio(of: number, per: number): number | null {
  return per === 0 ? null : Number(divided(BigInt(of) * MILLIONTHS, BigInt(per))) / Number(MILLIONTHS);
}

function quotient(of: number, per: number): number | null {
  return per === 0 ? null : Number(divided(BigInt(of), BigInt(per)));
}

/** Of numbers that are not negative. */
function divided(of: bigint, per: bigint): bigint {
  return (2n * of + per) / (2n * per);
}
