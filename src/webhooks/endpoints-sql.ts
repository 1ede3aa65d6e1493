/**
 * The table of webhooks, that of those which are deleted until their objects have forgotten, and their statements.
 *
 * Keeps: whoever has an owner names it in every statement, so that another's webhook is one that does not exist.
 */
import { fromDatabase } from "../access/database.ts";
import { parseJson } from "../core/base64url.ts";
import type { WebhookState } from "./schemas.ts";

export type WebhookRow = {
  readonly id: string;
  /** Null: the operator's. */
  readonly advertiserId: string | null;
  readonly url: string;
  /** Empty for all. */
  readonly types: readonly string[];
  readonly description: string;
  readonly status: WebhookState;
  readonly secretVersion: number;
  readonly oldSecretEndMs: number | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
};

type Stored = Omit<WebhookRow, "types"> & { readonly types: string };

const SELECT_ONE = `
SELECT webhook_id AS id, advertiser_id AS advertiserId, url, types, description, status,
  secret_version AS secretVersion, old_secret_end_ms AS oldSecretEndMs, created_at_ms AS createdAtMs,
  updated_at_ms AS updatedAtMs
FROM webhooks
WHERE webhook_id = ?1`;

/** ?1 the owner, NULL for the operator's own. */
const SELECT_OF_OWNER = `
SELECT webhook_id AS id, advertiser_id AS advertiserId, url, types, description, status,
  secret_version AS secretVersion, old_secret_end_ms AS oldSecretEndMs, created_at_ms AS createdAtMs,
  updated_at_ms AS updatedAtMs
FROM webhooks
WHERE advertiser_id IS ?1
ORDER BY webhook_id`;

const SELECT_ACTIVE = `
SELECT webhook_id AS id
FROM webhooks
WHERE status = 'active'`;

const INSERT = `
INSERT INTO webhooks (webhook_id, advertiser_id, url, types, description, status, secret_version, old_secret_end_ms,
  created_at_ms, updated_at_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`;

/** Of another version than the one that was read, ?9, it violates NOT NULL, which undoes its batch. */
const UPDATE = `
UPDATE webhooks
SET url = ?2, types = ?3, description = ?4, status = ?5, secret_version = ?6, old_secret_end_ms = ?7,
  updated_at_ms = CASE WHEN updated_at_ms = ?9 THEN ?8 END
WHERE webhook_id = ?1`;

const STOP = `
UPDATE webhooks
SET status = ?2, updated_at_ms = max(updated_at_ms + 1, ?3)
WHERE webhook_id = ?1 AND status = 'active'`;

/** Of another version than the one that was read, ?3, it violates NOT NULL, which undoes its batch. */
const INSERT_DELETED = `
INSERT INTO deleted_webhooks (webhook_id, deleted_at_ms)
VALUES (?1, (SELECT ?2 FROM webhooks WHERE webhook_id = ?1 AND updated_at_ms = ?3))`;

const DELETE = `
DELETE FROM webhooks
WHERE webhook_id = ?1`;

const SELECT_DELETED = `
SELECT webhook_id AS id
FROM deleted_webhooks`;

const DROP_DELETED = `
DELETE FROM deleted_webhooks
WHERE webhook_id = ?1`;

export async function readEndpoint(database: D1Database, id: string): Promise<WebhookRow | null> {
  const row = await fromDatabase(() => database.prepare(SELECT_ONE).bind(id).first<Stored>());
  return row === null ? null : toRow(row);
}

export async function readEndpointsOf(database: D1Database, advertiserId: string | null): Promise<WebhookRow[]> {
  const { results } = await fromDatabase(() => database.prepare(SELECT_OF_OWNER).bind(advertiserId).all<Stored>());
  return results.map(toRow);
}

export async function activeEndpoints(database: D1Database): Promise<string[]> {
  const { results } = await database.prepare(SELECT_ACTIVE).all<{ id: string }>();
  return results.map(({ id }) => id);
}

export function insertEndpoint(database: D1Database, row: WebhookRow): D1PreparedStatement {
  const { id, advertiserId, url, types, description, status } = row;
  const own = [id, advertiserId, url, JSON.stringify(types), description, status];
  return database.prepare(INSERT).bind(...own, row.secretVersion, row.oldSecretEndMs, row.createdAtMs, row.updatedAtMs);
}

/** Changes the row that was read, and no other: its secret is not taken back by who changes its name. */
export function updateEndpoint(database: D1Database, before: WebhookRow, row: WebhookRow): D1PreparedStatement {
  const { id, url, types, description, status, secretVersion, oldSecretEndMs, updatedAtMs } = row;
  return database
    .prepare(UPDATE)
    .bind(
      ...[id, url, JSON.stringify(types), description, status, secretVersion, oldSecretEndMs, updatedAtMs],
      before.updatedAtMs,
    );
}

/** Deletes the row that was read, and notes that its object has yet to forget. */
export function deleteEndpoint(database: D1Database, before: WebhookRow, nowMs: number): D1PreparedStatement[] {
  return [
    database.prepare(INSERT_DELETED).bind(before.id, nowMs, before.updatedAtMs),
    database.prepare(DELETE).bind(before.id),
  ];
}

/** Those whose objects may still have something. */
export async function deletedEndpoints(database: D1Database): Promise<string[]> {
  const { results } = await database.prepare(SELECT_DELETED).all<{ id: string }>();
  return results.map(({ id }) => id);
}

/** Notes that an object has forgotten. */
export async function dropDeleted(database: D1Database, id: string): Promise<void> {
  await database.prepare(DROP_DELETED).bind(id).run();
}

/** Notes that an endpoint has stopped, unless somebody has changed it meanwhile. */
export async function stopEndpoint(
  database: D1Database,
  id: string,
  why: "gone" | "failing",
  nowMs: number,
): Promise<void> {
  await database.prepare(STOP).bind(id, why, nowMs).run();
}

/** The versions of its secret that sign at an instant, the newest first. */
export function secretsInForce(
  { secretVersion, oldSecretEndMs }: Pick<WebhookRow, "secretVersion" | "oldSecretEndMs">,
  nowMs: number,
): number[] {
  const hasOld = oldSecretEndMs !== null && nowMs < oldSecretEndMs;
  return hasOld ? [secretVersion, secretVersion - 1] : [secretVersion];
}

const toRow = (row: Stored): WebhookRow => ({ ...row, types: parseJson(row.types) as string[] });
