/**
 * How large the report databases become: the rows that a day makes, each kept as long as its tier says.
 */
import { Ads } from "./ads.ts";
import { D1_BYTES_USED_MAX, D1_ROW_BYTES } from "./limits.ts";
import type { CapacitySettings } from "./settings.ts";

/** A day has so many times the clicks of its busiest second: 100 million with 10 000 a second. */
export const DAY_OF_PEAK_SECOND = 10_000;
const HOURS = 24;
const MINUTES = 1_440;

export type Storage = {
  readonly rowsPerDay: Readonly<Record<"minute" | "hour" | "day", number>>;
  readonly bytes: Readonly<Record<"minute" | "hour" | "day", number>>;
  /** So that none is fuller than it should be. */
  readonly databases: number;
};

/** With all tiers full, which takes years; minutes leave to R2 behind their hours. */
export function storageOf(settings: CapacitySettings): Storage {
  const ads = new Ads(settings.ads, settings.skew);
  const clicks = settings.clicksPerSecond * DAY_OF_PEAK_SECOND;
  const rowsPerDay = { minute: ads.rows(clicks, MINUTES), hour: ads.rows(clicks, HOURS), day: ads.distinct(clicks) };
  const days = { minute: settings.hotMinutesH / HOURS, hour: settings.hoursKeptDays, day: settings.daysKeptDays };
  const bytesOf = (tier: "minute" | "hour" | "day") => rowsPerDay[tier] * days[tier] * D1_ROW_BYTES;
  const bytes = { minute: bytesOf("minute"), hour: bytesOf("hour"), day: bytesOf("day") };
  const all = bytes.minute + bytes.hour + bytes.day;
  return { rowsPerDay, bytes, databases: Math.max(1, Math.ceil(all / D1_BYTES_USED_MAX)) };
}
