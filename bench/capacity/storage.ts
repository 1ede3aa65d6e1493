/**
 * How large the report databases become: what a day makes, each kept as long as its tier says.
 *
 *   minutes, hours, days   rows of (ad, window) · 180 bytes
 *   sums of hours          values of a day by each dimension · 520 bytes       kept for 100 days, as long as hours at most
 *
 * Left out, since all of it is below a hundredth: days that changed, sums of days, the outbox, late clicks.
 */
import { HOUR_SUMS_KEPT_DAYS } from "../../src/facts/hour-sums-days.ts";
import { Ads } from "./ads.ts";
import * as limits from "./limits.ts";
import type { CapacitySettings } from "./settings.ts";

/** A day has so many times the clicks of its busiest second: 100 million with 10 000 a second. */
export const DAY_OF_PEAK_SECOND = 10_000;
const HOURS = 24;
const MINUTES = 1_440;

type Kept<Name extends string> = Readonly<Record<Name, number>>;
export type Storage = {
  readonly rowsPerDay: Kept<"minute" | "hour" | "day">;
  /** By all dimensions together. */
  readonly sumsPerDay: number;
  readonly daysKept: Kept<"minute" | "hour" | "day" | "hourSums">;
  readonly bytes: Kept<"minute" | "hour" | "day" | "hourSums">;
  /** So that none is fuller than it should be. */
  readonly databases: number;
};

/** With all tiers full, which takes years; minutes leave to R2. */
export function storageOf(settings: CapacitySettings): Storage {
  const ads = new Ads(settings.ads, settings.skew);
  const clicks = settings.clicksPerSecond * DAY_OF_PEAK_SECOND;
  const rowsPerDay = { minute: ads.rows(clicks, MINUTES), hour: ads.rows(clicks, HOURS), day: ads.distinct(clicks) };
  const sumsPerDay = valuesOf(settings.ads, rowsPerDay.day);
  // A day moves to R2 as a whole, so long after its end.
  const minuteDays = 1 + settings.hotMinutesH / HOURS;
  const { hoursKeptDays, daysKeptDays } = settings;
  const sumDays = Math.min(hoursKeptDays, HOUR_SUMS_KEPT_DAYS);
  const daysKept = { minute: minuteDays, hour: hoursKeptDays, day: daysKeptDays, hourSums: sumDays };
  const bytesOf = (tier: "minute" | "hour" | "day") => rowsPerDay[tier] * daysKept[tier] * limits.D1_ROW_BYTES;
  const hourSums = sumsPerDay * daysKept.hourSums * limits.D1_HOUR_SUM_BYTES;
  const bytes = { minute: bytesOf("minute"), hour: bytesOf("hour"), day: bytesOf("day"), hourSums };
  const all = bytes.minute + bytes.hour + bytes.day + bytes.hourSums;
  const databases = Math.max(1, Math.ceil(all / limits.D1_BYTES_USED_MAX));
  return { rowsPerDay, sumsPerDay, daysKept, bytes, databases };
}

/** Values of a day's sums of hours, where so many of the ads are clicked in it: two for each, its own and its creative's. */
function valuesOf(ads: number, clicked: number): number {
  /** Groups of so many ads of which one is clicked at least. */
  const active = (size: number) => (ads / size) * (1 - (1 - clicked / ads) ** size);
  const { ADS_OF_CAMPAIGN, ADS_OF_ADVERTISER, OTHER_VALUES } = limits;
  return 2 * clicked + 2 * active(ADS_OF_CAMPAIGN) + OTHER_VALUES * active(ADS_OF_ADVERTISER);
}
