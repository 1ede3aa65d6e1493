/**
 * Changes of verdicts as rows of one table; they are few, so they are deleted by row.
 *
 * Keeps: the contract of revised-store.ts. Relies on: the caller's transaction.
 */
import type { EventId } from "../core/event-id.ts";
import type { ImpressionKey } from "../core/impression-key.ts";
import type { Change } from "../core/revision.ts";
import type { Verdict, VerdictReason } from "../core/verdict.ts";
import type { RevisedStore } from "./revised-store.ts";

const INSERT_REVISED = `
INSERT OR IGNORE INTO revised
  (event, n, key, at_ms, verdict, reason, from_verdict, from_reason, cause, decided_by)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`;
const SELECT_REVISED = `
SELECT n, at_ms, verdict, reason, from_verdict, from_reason, cause, decided_by
FROM revised
WHERE event = ?1
ORDER BY n`;
const SELECT_VALID = `
SELECT event
FROM revised AS newest
WHERE key = ?1 AND event <> ?2 AND verdict = 'valid'
  AND n = (SELECT max(n) FROM revised WHERE event = newest.event)
LIMIT 1`;
const HAS_OLD_REVISED = `SELECT EXISTS (SELECT 1 FROM revised WHERE at_ms < ?1) AS found`;
/** An event's changes go together, with the last. */
const DELETE_REVISED = `
DELETE FROM revised
WHERE at_ms < ?1
  AND NOT EXISTS (SELECT 1 FROM revised AS later WHERE later.event = revised.event AND later.at_ms >= ?1)`;

type RevisedRow = {
  readonly n: number;
  readonly at_ms: number;
  readonly verdict: Verdict;
  readonly reason: VerdictReason | null;
  readonly from_verdict: Verdict;
  readonly from_reason: VerdictReason | null;
  readonly cause: string;
  readonly decided_by: string;
};

export class SqliteRevisedStore implements RevisedStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  put(event: EventId, key: ImpressionKey, { n, atMs, verdict, reason, from, cause, by }: Change): void {
    const row = [event, n, key, atMs, verdict, reason, from.verdict, from.reason, cause, by];
    this.#sql.exec(INSERT_REVISED, ...row);
  }

  of(event: EventId): Change[] {
    return this.#sql.exec<RevisedRow>(SELECT_REVISED, event).toArray().map(changeOf);
  }

  validOf(key: ImpressionKey, except: EventId): EventId | null {
    const row = this.#sql.exec<{ event: string }>(SELECT_VALID, key, except).toArray()[0];
    return row === undefined ? null : (row.event as EventId);
  }

  dropBefore(atMs: number): void {
    const { found } = this.#sql.exec<{ found: number }>(HAS_OLD_REVISED, atMs).one();
    if (found === 1) this.#sql.exec(DELETE_REVISED, atMs);
  }
}

function changeOf({ n, at_ms, verdict, reason, from_verdict, from_reason, cause, decided_by }: RevisedRow): Change {
  const from = { verdict: from_verdict, reason: from_reason };
  return { n, atMs: at_ms, verdict, reason, from, cause, by: decided_by };
}
