/**
 * What an answer lacks because its tier is not kept for so long: said by a warning, never by a zero alone.
 *
 * Relies on: a tier's rows are dropped only after its number of days (src/batch/retention.ts).
 */
import type { TierSettings } from "../../config.ts";
import { DAY_MS } from "../../core/limits.ts";
import { isoDay } from "../../core/time.ts";
import { type Segment, TIER_MS } from "../plan/plan.ts";
import type { Warning } from "../query/range.ts";

/** One warning for each tier that was read further back than it is kept. */
export function keptWarnings(segments: readonly Segment[], tiers: TierSettings, nowMs: number): Warning[] {
  const keptDays = { minute: tiers.minutesKeptDays, hour: tiers.hoursKeptDays, day: tiers.daysKeptDays };
  return (["minute", "hour", "day"] as const).flatMap((tier) => {
    const firstKeptMs = (Math.floor(nowMs / DAY_MS) - keptDays[tier]) * DAY_MS;
    const isShort = segments.some((segment) => segment.tier === tier && segment.from * TIER_MS[tier] < firstKeptMs);
    if (!isShort) return [];
    const detail = `Facts by ${tier} are kept from ${isoDay(firstKeptMs)} on; what lies before is missing here.`;
    return [{ code: "past_retention", detail }];
  });
}
