/**
 * Which ads one shard should share with others: an ad with more events a minute than HOT_AD_EVENTS_PER_MINUTE is logged
 * as `hot_ad`, once a minute, for an operator to name in the next epoch of TOPOLOGY (docs/OPERATIONS.md).
 *
 *   facts of each posting ─▶ events by (ad, minute) ─▶ past the bound: {"event":"hot_ad","shard":…,"ad":…,"events":…}
 *
 * Keeps: a proposal and nothing else: nothing is routed by it. Costs by the ad and minute, not by the click. Counts by
 * the minute of the events, so a backlog that is posted at once proposes nothing that was not hot. Bounded: minutes
 * older than KEPT_MINUTES behind the newest are forgotten, and so is everything when the object goes.
 */
import { type Facts, totalsOf } from "../core/facts.ts";
import { MEASURES } from "../core/fields.ts";
import { HOT_AD_EVENTS_PER_MINUTE, MINUTE_MS } from "../core/limits.ts";
import { isoSecond } from "../core/time.ts";
import { logInfo } from "../log.ts";

const GROSS = MEASURES.indexOf("gross");
const GROSS_IMPRESSIONS = MEASURES.indexOf("gross_impressions");
/** Minutes whose events may still come in; lateness beyond it is no load of that minute. */
const KEPT_MINUTES = 10;

export class HotAds {
  /** Events by minute and ad. */
  readonly #events = new Map<number, Map<string, number>>();
  readonly #shard: string;

  constructor(shard: string) {
    this.#shard = shard;
  }

  note(posted: readonly Facts[]): void {
    for (const facts of posted) for (const row of facts.values()) this.#add(row.window, row.adId, eventsOf(row));
    const newest = Math.max(...this.#events.keys());
    for (const minute of this.#events.keys()) if (minute <= newest - KEPT_MINUTES) this.#events.delete(minute);
  }

  #add(minute: number, ad: string, events: number): void {
    let ads = this.#events.get(minute);
    if (ads === undefined) {
      ads = new Map();
      this.#events.set(minute, ads);
    }
    const before = ads.get(ad) ?? 0;
    ads.set(ad, before + events);
    if (before >= HOT_AD_EVENTS_PER_MINUTE || before + events < HOT_AD_EVENTS_PER_MINUTE) return;
    logInfo("hot_ad", { shard: this.#shard, ad, minute: isoSecond(minute * MINUTE_MS), events: before + events });
  }
}

function eventsOf(row: Parameters<typeof totalsOf>[0]): number {
  const totals = totalsOf(row);
  return (totals[GROSS] ?? 0) + (totals[GROSS_IMPRESSIONS] ?? 0);
}
