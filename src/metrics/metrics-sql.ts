/**
 * Statements of the metrics: sums over everybody, and the states of alarms.
 */
import { fromDatabase } from "../access/database.ts";
import { MICROS_PER_HUNDRED } from "../core/measures.ts";

const SELECT_SPEND_SINCE = `
SELECT coalesce(sum(spend_micros), 0) AS micros, coalesce(sum(spend_hundreds), 0) AS hundreds
FROM day_sums
WHERE dimension = '' AND publisher_id = '' AND day >= ?1`;

/** Spend of the summed days from one on, in micros of whichever currency. */
export async function readSpendSince(database: D1Database, day: number): Promise<number> {
  const row = await fromDatabase(() =>
    database.prepare(SELECT_SPEND_SINCE).bind(day).first<{ micros: number; hundreds: number }>(),
  );
  return row === null ? 0 : row.micros + row.hundreds * MICROS_PER_HUNDRED;
}

const SELECT_WEBHOOKS = `
SELECT status, count(*) AS webhooks
FROM webhooks
GROUP BY status`;

export async function countWebhooks(primary: D1Database): Promise<ReadonlyMap<string, number>> {
  const { results } = await fromDatabase(() =>
    primary.prepare(SELECT_WEBHOOKS).all<{ status: string; webhooks: number }>(),
  );
  return new Map(results.map(({ status, webhooks }) => [status, webhooks]));
}

const SELECT_ALARMS = `
SELECT alarm, changes
FROM alarms`;

/** How often each alarm has changed: an odd number is a raised one. */
export async function readAlarmChanges(primary: D1Database): Promise<ReadonlyMap<string, number>> {
  const { results } = await fromDatabase(() =>
    primary.prepare(SELECT_ALARMS).all<{ alarm: string; changes: number }>(),
  );
  return new Map(results.map(({ alarm, changes }) => [alarm, changes]));
}

/** Moves on only by the change that follows. */
const CHANGE_ALARM = `
INSERT INTO alarms (alarm, changes, changed_at_ms)
VALUES (?1, ?2, ?3)
ON CONFLICT (alarm) DO UPDATE SET changes = excluded.changes, changed_at_ms = excluded.changed_at_ms
WHERE alarms.changes = excluded.changes - 1`;

export function changeAlarm(
  primary: D1Database,
  { alarm, changes }: { alarm: string; changes: number },
  nowMs: number,
): D1PreparedStatement {
  return primary.prepare(CHANGE_ALARM).bind(alarm, changes, nowMs);
}
