/**
 * Late clicks as rows of one table; they are few (core/late-cap.ts), so they are deleted by row.
 *
 * Keeps: the contract of late-store.ts. Relies on: the caller's transaction.
 */
import { parseJson } from "../core/base64url.ts";
import type { EventId } from "../core/event-id.ts";
import type { ImpressionKey } from "../core/impression-key.ts";
import type { DecidedReview, LateClick, LateStore, ShelvedClick } from "./late-store.ts";

const INSERT_LATE = `
INSERT OR IGNORE INTO late (event, key, received_at_ms, clicks, encoded, decided)
VALUES (?1, ?2, ?3, ?4, ?5, NULL)`;
const JOIN_LATE = `UPDATE late SET clicks = clicks + ?2 WHERE event = ?1`;
const SELECT_LATE = `
SELECT event, key, received_at_ms, clicks, encoded, decided
FROM late
WHERE event = ?1`;
const SELECT_LATE_OF_KEY = `
SELECT event, key, received_at_ms, clicks, encoded, decided
FROM late
WHERE key = ?1
ORDER BY event`;
const SELECT_SHELVED = `
SELECT event, encoded
FROM late
WHERE event > ?1
ORDER BY event
LIMIT ?2`;
const RESHELVE = `UPDATE late SET encoded = ?3 WHERE event = ?1 AND encoded = ?2`;
/** Events of one answer. */
const SHELVED_MAX = 100;
const DECIDE_LATE = `UPDATE late SET decided = ?2 WHERE event = ?1`;
const DELETE_LATE = `DELETE FROM late WHERE received_at_ms < ?1`;
const HAS_OLD_LATE = `SELECT EXISTS (SELECT 1 FROM late WHERE received_at_ms < ?1) AS found`;

type LateRow = {
  readonly event: string;
  readonly key: string;
  readonly received_at_ms: number;
  readonly clicks: number;
  readonly encoded: string;
  readonly decided: string | null;
};

/** A late click as its event stands in the table. */
export type ShelvedLate = { readonly event: string; readonly encoded: string };

export class SqliteLateStore implements LateStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  put(lates: readonly LateClick[]): void {
    for (const { event, key, receivedAtMs, clicks, encoded } of lates) {
      this.#sql.exec(INSERT_LATE, event, key, receivedAtMs, clicks, encoded);
    }
  }

  join(event: EventId, clicks: number): void {
    this.#sql.exec(JOIN_LATE, event, clicks);
  }

  ofKey(key: ImpressionKey): ShelvedClick[] {
    return this.#sql.exec<LateRow>(SELECT_LATE_OF_KEY, key).toArray().map(shelvedOf);
  }

  find(event: EventId): ShelvedClick | null {
    const row = this.#sql.exec<LateRow>(SELECT_LATE, event).toArray()[0];
    return row === undefined ? null : shelvedOf(row);
  }

  /** Late clicks behind one, decided or not, in the order of their ids. */
  shelvedAfter(event: string): ShelvedLate[] {
    return this.#sql.exec<ShelvedLate>(SELECT_SHELVED, event, SHELVED_MAX).toArray();
  }

  /** Replaces events where they are as they were read. */
  reshelve(changed: readonly (ShelvedLate & { readonly was: string })[]): void {
    for (const { event, was, encoded } of changed) this.#sql.exec(RESHELVE, event, was, encoded);
  }

  decide(event: EventId, decided: DecidedReview): void {
    this.#sql.exec(DECIDE_LATE, event, JSON.stringify(decided));
  }

  dropBefore(receivedAtMs: number): void {
    const { found } = this.#sql.exec<{ found: number }>(HAS_OLD_LATE, receivedAtMs).one();
    if (found === 1) this.#sql.exec(DELETE_LATE, receivedAtMs);
  }
}

function shelvedOf({ event, key, received_at_ms: receivedAtMs, clicks, encoded, decided }: LateRow): ShelvedClick {
  return {
    event: event as EventId,
    key: key as ImpressionKey,
    receivedAtMs,
    clicks,
    encoded,
    decided: decided === null ? null : (parseJson(decided) as DecidedReview),
  };
}
