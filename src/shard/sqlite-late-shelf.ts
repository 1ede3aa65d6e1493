/**
 * Late clicks as rows of one table; they are few, so they are deleted by row.
 *
 * Keeps: the contract of late-shelf.ts. Relies on: the caller's transaction.
 */
import { parseJson } from "../core/base64url.ts";
import type { EventId } from "../core/event-id.ts";
import type { DecidedReview, LateClick, LateShelf, ShelvedClick } from "./late-shelf.ts";

const INSERT_LATE = `
INSERT OR IGNORE INTO late (event, received_at_ms, encoded, decided)
VALUES (?1, ?2, ?3, NULL)`;
const SELECT_LATE = `
SELECT received_at_ms, encoded, decided
FROM late
WHERE event = ?1`;
const DECIDE_LATE = `UPDATE late SET decided = ?2 WHERE event = ?1`;
const DELETE_LATE = `DELETE FROM late WHERE received_at_ms < ?1`;
const HAS_OLD_LATE = `SELECT EXISTS (SELECT 1 FROM late WHERE received_at_ms < ?1) AS found`;

export class SqliteLateShelf implements LateShelf {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  put(clicks: readonly LateClick[]): void {
    for (const { event, receivedAtMs, encoded } of clicks) this.#sql.exec(INSERT_LATE, event, receivedAtMs, encoded);
  }

  find(event: EventId): ShelvedClick | null {
    const row = this.#sql
      .exec<{ received_at_ms: number; encoded: string; decided: string | null }>(SELECT_LATE, event)
      .toArray()[0];
    if (row === undefined) return null;
    const decided = row.decided === null ? null : (parseJson(row.decided) as DecidedReview);
    return { event, receivedAtMs: row.received_at_ms, encoded: row.encoded, decided };
  }

  decide(event: EventId, decided: DecidedReview): void {
    this.#sql.exec(DECIDE_LATE, event, JSON.stringify(decided));
  }

  dropBefore(receivedAtMs: number): void {
    const { found } = this.#sql.exec<{ found: number }>(HAS_OLD_LATE, receivedAtMs).one();
    if (found === 1) this.#sql.exec(DELETE_LATE, receivedAtMs);
  }
}
