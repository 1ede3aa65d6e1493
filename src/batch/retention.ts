/**
 * What is past its time leaves: hours, days, late clicks and what has changed in the report database, minutes in R2,
 * each in small steps.
 *
 *   ledger 'cold' ──▶ 'dropped' ──▶ delete the objects ──▶ delete the ledger rows
 *
 * Keeps: an object is deleted only after no answer counts it, and forgotten only after it is deleted, so a crash
 * between two steps leaves what the next run finishes. Rows of hours and days and the sums of both are derived: what
 * arrives for a deleted one makes a new row that holds only what arrived, and leaves with the next run. Sums of days
 * leave whichever bucket has its turn, so for the time of a round they lack days that some buckets still have: answers
 * from there carry the warning `past_retention`. Sums of hours leave with their hours, or before, when nobody has read
 * them for a week (facts/hour-sums-days.ts).
 */

import { DELETE_OLD_DAYS, DELETE_OLD_HOURS, DROP_OBJECTS, FORGET_DROPPED, SELECT_DROPPED } from "../cold/sql.ts";
import { EVENT_ID_RANDOM_BYTES, makeEventId } from "../core/event-id.ts";
import { CHANGES_KEPT_DAYS, DAY_MS, EVENTS_KEPT_DAYS, HOUR_MS } from "../core/limits.ts";
import { DELETE_OLD_CHANGES } from "../facts/changed-days-sql.ts";
import { DELETE_OLD_PUBLISHER_SUMS, DELETE_OLD_SUMS } from "../facts/day-sums-sql.ts";
import { DELETE_OLD_LATE_CLICKS } from "../facts/facts-sql.ts";
import { firstHourSumsKept } from "../facts/hour-sums-days.ts";
import { DELETE_OLD_HOUR_SUMS } from "../facts/hour-sums-sql.ts";
import { DELETE_OLD_EVENTS } from "../facts/outbox-sql.ts";

/** Rows of each tier that one transaction deletes, and objects that one call does. */
const ROWS_PER_STEP_MAX = 1_000;
/** Sums are of all buckets, have no cells, and leave in every call. */
const SUMS_PER_STEP_MAX = 2_000;
const OBJECTS_PER_STEP_MAX = 500;

export type Kept = { readonly minutesKeptDays: number; readonly hoursKeptDays: number; readonly daysKeptDays: number };

/** Late clicks that one transaction deletes, and transactions of one bucket's turn. */
const LATES_PER_STEP_MAX = 2_000;
const LATE_STEPS_MAX = 10;

/**
 * Late clicks of the buckets that were received before an instant leave the review list, decided or not: their shards
 * have forgotten them, so nothing can be decided on them any more. Their counts stay as they are. Returns how many
 * left.
 */
export async function dropLateClicks(
  database: D1Database,
  { receivedBeforeMs, buckets }: { receivedBeforeMs: number; buckets: readonly number[] },
): Promise<number> {
  const before = makeEventId({ receivedAtMs: receivedBeforeMs, routingHash: 0 }, new Uint8Array(EVENT_ID_RANDOM_BYTES));
  let deleted = 0;
  for (const bucket of buckets) {
    for (let step = 0; step < LATE_STEPS_MAX; step++) {
      const drop = database.prepare(DELETE_OLD_LATE_CLICKS).bind(bucket, before, LATES_PER_STEP_MAX);
      const { changes } = (await drop.run()).meta;
      deleted += changes;
      if (changes < LATES_PER_STEP_MAX) break;
    }
  }
  return deleted;
}

/** Changed days that one call forgets of a bucket. */
const CHANGES_PER_STEP_MAX = 2_000;

/**
 * Forgets which days have changed, one step for each bucket, a day after a cursor of that time is refused. Returns how
 * many were forgotten.
 */
export async function dropChanges(
  database: D1Database,
  { nowMs, buckets }: { nowMs: number; buckets: readonly number[] },
): Promise<number> {
  const beforeMs = nowMs - (CHANGES_KEPT_DAYS + 1) * DAY_MS;
  // A day does not change before it begins, so those that follow need no look; clocks differ by less than a day.
  const lastDay = Math.floor(beforeMs / DAY_MS) + 1;
  let deleted = 0;
  for (const bucket of buckets) {
    const drop = database.prepare(DELETE_OLD_CHANGES).bind(bucket, beforeMs, lastDay, CHANGES_PER_STEP_MAX);
    deleted += (await drop.run()).meta.changes;
  }
  return deleted;
}

/** Events that one call forgets. */
const EVENTS_PER_STEP_MAX = 5_000;
/** A newer `report.moved` says all that an older one said; readers on their way are given this long. */
const MOVED_KEPT_MS = HOUR_MS;

/** Forgets old events, a day after a cursor of that time is refused. Returns how many were forgotten. */
export async function dropEvents(database: D1Database, nowMs: number): Promise<number> {
  const beforeMs = nowMs - (EVENTS_KEPT_DAYS + 1) * DAY_MS;
  const drop = database.prepare(DELETE_OLD_EVENTS).bind(beforeMs, nowMs - MOVED_KEPT_MS, EVENTS_PER_STEP_MAX);
  return (await drop.run()).meta.changes;
}

/** One step for each bucket, and one for the sums. Returns what was deleted. */
export async function dropOld(
  { database, archive }: { database: D1Database; archive: R2Bucket },
  { nowMs, kept, buckets }: { nowMs: number; kept: Kept; buckets: readonly number[] },
): Promise<{ rows: number; objects: number }> {
  const today = Math.floor(nowMs / DAY_MS);
  const deleted = { rows: 0, objects: 0 };
  for (const bucket of buckets) {
    const ofHours = today - kept.hoursKeptDays;
    const ofHourSums = Math.max(ofHours, firstHourSumsKept(nowMs));
    const results = await database.batch([
      database.prepare(DELETE_OLD_HOURS).bind(bucket, ofHours * 24, ROWS_PER_STEP_MAX),
      database.prepare(DELETE_OLD_HOUR_SUMS).bind(bucket, ofHourSums, ROWS_PER_STEP_MAX),
      database.prepare(DELETE_OLD_DAYS).bind(bucket, today - kept.daysKeptDays, ROWS_PER_STEP_MAX),
    ]);
    deleted.rows += results.reduce((sum, { meta }) => sum + meta.changes, 0);
    deleted.objects += await dropObjects({ database, archive }, bucket, today - kept.minutesKeptDays);
  }
  deleted.rows += await dropSums(database, today - kept.daysKeptDays);
  return deleted;
}

async function dropSums(database: D1Database, beforeDay: number): Promise<number> {
  const results = await database.batch(
    [DELETE_OLD_PUBLISHER_SUMS, DELETE_OLD_SUMS].map((sql) => database.prepare(sql).bind(beforeDay, SUMS_PER_STEP_MAX)),
  );
  return results.reduce((sum, { meta }) => sum + meta.changes, 0);
}

async function dropObjects(
  { database, archive }: { database: D1Database; archive: R2Bucket },
  bucket: number,
  beforeDay: number,
): Promise<number> {
  await database.prepare(DROP_OBJECTS).bind(bucket, beforeDay, OBJECTS_PER_STEP_MAX).run();
  const { results } = await database.prepare(SELECT_DROPPED).bind(bucket, beforeDay).all<{ object_key: string }>();
  if (results.length === 0) return 0;
  const keys = results.map(({ object_key: key }) => key).slice(0, OBJECTS_PER_STEP_MAX);
  await archive.delete(keys);
  await database.prepare(FORGET_DROPPED).bind(bucket, beforeDay, JSON.stringify(keys)).run();
  return keys.length;
}
