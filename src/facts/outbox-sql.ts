/**
 * The outbox of a report database: what happened, in the order in which it was committed.
 *
 *   writer   transaction { what happened; INSERT OR IGNORE INTO outbox … }
 *   reader   transaction { move outbox_published to the last row, at most once in ten seconds; rows up to there }
 *
 * That figures moved is told once until it may have been read: a posting writes no second `report.moved` of an
 * advertiser while the first lies behind the mark. What lies before the mark may have been read, so a further posting
 * writes a further row. What is shown and not posted yet (open-sql.ts) is told as well. Rows of `report.moved` are
 * therefore as many as readers ask for, and none is missed.
 *
 * Keeps: rows get their numbers in the transactions that write them, and a database has one writer at a time, so
 * nothing appears behind a number that was read. A database that was set back loses its mark, and gets another life
 * with the next one (batch/set-back.ts): whoever read of an earlier life begins anew, and knows events by their ids.
 */

import { OUTBOX_PUBLISH_MS } from "../core/limits.ts";
import type { NewEvent } from "../core/outbox-event.ts";

const INSERT_EVENTS = `
INSERT OR IGNORE INTO outbox (fact, audience, type, at_ms, data)
SELECT value ->> 0, value ->> 1, value ->> 2, ?2, value ->> 3
FROM json_each(?1)`;

/** Puts events into the outbox; those whose facts it has are left as they are. */
export function insertEvents(database: D1Database, events: readonly NewEvent[], nowMs: number): D1PreparedStatement {
  const rows = events.map(({ fact, audience, type, data }) => [fact, audience, type, JSON.stringify(data)]);
  return database.prepare(INSERT_EVENTS).bind(JSON.stringify(rows), nowMs);
}

/** Tells the advertisers of the list ?1, which begins with them, that their figures moved, by the posting ?2, at ?3. */
const TELL_MOVED = `
INSERT OR IGNORE INTO outbox (fact, audience, type, at_ms, data)
SELECT 'report.moved:' || moved.advertiser_id || ':' || ?2, moved.advertiser_id, 'report.moved', ?3,
  json_object('advertiserId', moved.advertiser_id)
FROM (SELECT DISTINCT value ->> 0 AS advertiser_id FROM json_each(?1)) AS moved
WHERE NOT EXISTS (
  SELECT 1
  FROM outbox
  WHERE outbox.audience = moved.advertiser_id
    AND outbox.seq > coalesce((SELECT seq FROM outbox_published), 0)
    AND outbox.type = 'report.moved'
)`;

export function tellMoved(
  database: D1Database,
  deltas: string,
  { posting, nowMs }: { posting: string; nowMs: number },
): D1PreparedStatement {
  return database.prepare(TELL_MOVED).bind(deltas, posting, nowMs);
}

const PUBLISH = `
INSERT INTO outbox_published (id, seq, at_ms, life)
SELECT 1, seq, ?1, abs(random() % 1000000007)
FROM outbox
WHERE seq = (SELECT max(seq) FROM outbox)
ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, at_ms = excluded.at_ms
WHERE excluded.seq > outbox_published.seq AND outbox_published.at_ms <= ?2`;

/** Moves the mark to the last row, unless it has moved in the ten seconds before. */
export function publish(database: D1Database, nowMs: number): D1PreparedStatement {
  return database.prepare(PUBLISH).bind(nowMs, nowMs - OUTBOX_PUBLISH_MS);
}

export const SELECT_PUBLISHED = `
SELECT seq, life
FROM outbox_published`;

/** What follows a database that was set back: its rows are not those that were read. */
export const BEGIN_LIFE = `
DELETE FROM outbox_published`;

/** Forgets what happened before ?1, and `report.moved` of before ?2 where there is a newer one; at most ?3. */
export const DELETE_OLD_EVENTS = `
DELETE FROM outbox
WHERE seq IN (
  SELECT old.seq
  FROM outbox AS old
  WHERE old.seq <= (SELECT seq FROM outbox_published) AND (
    old.at_ms < ?1
    OR (old.type = 'report.moved' AND old.at_ms < ?2 AND EXISTS (
      SELECT 1
      FROM outbox AS newer
      WHERE newer.audience = old.audience AND newer.seq > old.seq AND newer.type = 'report.moved'
    ))
  )
  LIMIT ?3
)`;
