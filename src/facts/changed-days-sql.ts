/**
 * Which days of which ads have changed, and since when: one row for each, which every posting brings up to date.
 *
 *   change_clock   tick_ms     12:00 ─────────▶ 12:05 ─────────▶ 12:11        at least five minutes apart
 *   changed_days   (advertiser, day, campaign, ad group, ad) → the tick in which it last changed
 *
 * A reader is given the tick at which it read, and next time takes what has that tick or a later one.
 *
 * Keeps: the clock is a row of the database, moved and read in the transactions of postings and of readers, so neither
 * clocks of machines nor a request that is late decide what comes before what: a posting behind a reading leaves a row
 * whose tick is the reading's or later. Within a tick a row that has changed is not written again. A row that a reader
 * was given in the tick that it read in is given once more.
 * Relies on: every change of a figure is a posting. Rolls and moves change where figures stand, and no figure; what
 * leaves by its age is not named. A database that was set back is posted to again by clocks that have passed its last
 * tick: setting it back takes longer than clocks differ.
 */
import { CHANGE_TICK_MS } from "../core/limits.ts";

const MOVE_CLOCK = `
INSERT INTO change_clock (id, tick_ms)
VALUES (1, ?1)
ON CONFLICT (id) DO UPDATE SET tick_ms = excluded.tick_ms
WHERE change_clock.tick_ms <= ?2`;

/** Moves the clock to an instant, unless it has moved in the five minutes before; it never goes back. */
export function tick(database: D1Database, nowMs: number): D1PreparedStatement {
  return database.prepare(MOVE_CLOCK).bind(nowMs, nowMs - CHANGE_TICK_MS);
}

export const SELECT_TICK = `
SELECT tick_ms
FROM change_clock`;

/** Names the days of a posting, from the deltas ?1 of days (facts-sql.ts). */
export const NAME_CHANGED = `
INSERT INTO changed_days (advertiser_id, day, campaign_id, ad_group_id, ad_id, tick_ms)
SELECT value ->> 0, value ->> 2, value ->> 3, value ->> 4, value ->> 5, (SELECT tick_ms FROM change_clock)
FROM json_each(?1)
WHERE value ->> 6 = 0
ON CONFLICT (advertiser_id, day, campaign_id, ad_group_id, ad_id) DO UPDATE SET tick_ms = excluded.tick_ms
WHERE changed_days.tick_ms < excluded.tick_ms`;

/** Forgets days of bucket ?1 that last changed before ?2 ms and do not lie behind day ?3; at most ?4. */
export const DELETE_OLD_CHANGES = `
DELETE FROM changed_days
WHERE (advertiser_id, day, campaign_id, ad_group_id, ad_id) IN (
  SELECT changed.advertiser_id, changed.day, changed.campaign_id, changed.ad_group_id, changed.ad_id
  FROM advertisers
  CROSS JOIN changed_days AS changed ON changed.advertiser_id = advertisers.advertiser_id AND changed.day <= ?3
  WHERE advertisers.bucket = ?1 AND changed.tick_ms < ?2
  LIMIT ?4
)`;
