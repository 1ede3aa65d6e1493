/**
 * What an endpoint's object keeps on disk: the deliveries of 30 days, its place in the outboxes, its health.
 *
 *   deliveries   one row an event: waiting, delivered, or failed after its last try
 *   state        "positions", "health": JSON
 *
 * Keeps: an event has one row, whatever it is read by again, so that it is delivered once by its id. Rows and the place
 * behind them are written in one transaction of the caller.
 */
import { parseJson } from "../core/base64url.ts";
import { DAY_MS, EVENTS_KEPT_DAYS } from "../core/limits.ts";
import { type EndpointHealth, HEALTHY } from "../core/webhook-schedule.ts";
import type { OutboxPositions } from "./outbox.ts";

export const DELIVERY_STATES = ["waiting", "delivered", "failed"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export type Delivery = {
  readonly number: number;
  readonly eventId: string;
  readonly type: string;
  readonly body: string;
  readonly state: DeliveryState;
  readonly tries: number;
  readonly createdAtMs: number;
  /** Null where nothing more is tried. */
  readonly dueAtMs: number | null;
  readonly lastAtMs: number | null;
  readonly lastStatus: number | null;
  readonly lastError: string | null;
};

export type NewDelivery = Pick<Delivery, "eventId" | "type" | "body">;
export type Tried = Pick<Delivery, "state" | "tries" | "dueAtMs" | "lastAtMs" | "lastStatus" | "lastError">;

/** As the platform's `ctx.storage.sql`. */
export type Sql = { exec(query: string, ...bound: unknown[]): { toArray(): Record<string, unknown>[] } };

const SCHEMA = `
CREATE TABLE IF NOT EXISTS deliveries (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  event_id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  body TEXT NOT NULL,
  state TEXT NOT NULL,
  tries INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  due_at_ms INTEGER,
  last_at_ms INTEGER,
  last_status INTEGER,
  last_error TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, due_at_ms);
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;`;

const COLUMNS = `number, event_id AS eventId, type, body, state, tries, created_at_ms AS createdAtMs,
  due_at_ms AS dueAtMs, last_at_ms AS lastAtMs, last_status AS lastStatus, last_error AS lastError`;

export class DeliveryLog {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
    for (const statement of SCHEMA.split(";\n")) sql.exec(statement);
  }

  get positions(): OutboxPositions | null {
    return this.#state("positions") as OutboxPositions | null;
  }

  set positions(positions: OutboxPositions) {
    this.#setState("positions", positions);
  }

  get health(): EndpointHealth {
    return (this.#state("health") as EndpointHealth | null) ?? HEALTHY;
  }

  set health(health: EndpointHealth) {
    this.#setState("health", health);
  }

  /** Has an event delivered, unless it has its row. */
  add({ eventId, type, body }: NewDelivery, nowMs: number): void {
    const insert = `
INSERT OR IGNORE INTO deliveries (event_id, type, body, state, tries, created_at_ms, due_at_ms)
VALUES (?1, ?2, ?3, 'waiting', 0, ?4, ?4)`;
    this.#sql.exec(insert, eventId, type, body, nowMs);
  }

  /** What waits, the earliest due first; at most so many. */
  waiting(limit: number): Delivery[] {
    return this.#select("WHERE state = 'waiting' ORDER BY due_at_ms, number LIMIT ?1", limit);
  }

  find(eventId: string): Delivery | null {
    return this.#select("WHERE event_id = ?1", eventId)[0] ?? null;
  }

  /** Newest first, below a number. */
  page({ before, limit, state }: { before: number; limit: number; state: DeliveryState | null }): Delivery[] {
    const where = "WHERE number < ?1 AND (?2 IS NULL OR state = ?2) ORDER BY number DESC LIMIT ?3";
    return this.#select(where, before, state, limit);
  }

  note(eventId: string, { state, tries, dueAtMs, lastAtMs, lastStatus, lastError }: Tried): void {
    const update = `
UPDATE deliveries
SET state = ?2, tries = ?3, due_at_ms = ?4, last_at_ms = ?5, last_status = ?6, last_error = ?7
WHERE event_id = ?1`;
    this.#sql.exec(update, eventId, state, tries, dueAtMs, lastAtMs, lastStatus, lastError);
  }

  /** Has everything that waits tried now. */
  hasten(nowMs: number): void {
    this.#sql.exec("UPDATE deliveries SET due_at_ms = ?1 WHERE state = 'waiting'", nowMs);
  }

  forgetOld(nowMs: number): void {
    const beforeMs = nowMs - EVENTS_KEPT_DAYS * DAY_MS;
    this.#sql.exec("DELETE FROM deliveries WHERE state <> 'waiting' AND created_at_ms < ?1", beforeMs);
  }

  #select(where: string, ...bound: unknown[]): Delivery[] {
    return this.#sql.exec(`SELECT ${COLUMNS} FROM deliveries ${where}`, ...bound).toArray() as Delivery[];
  }

  #state(name: string): unknown {
    const [row] = this.#sql.exec("SELECT value FROM state WHERE name = ?1", name).toArray();
    return row === undefined ? null : parseJson(String(row["value"]));
  }

  #setState(name: string, value: object): void {
    const upsert =
      "INSERT INTO state (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    this.#sql.exec(upsert, name, JSON.stringify(value));
  }
}
