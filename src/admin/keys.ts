/**
 * API keys: created, listed, rotated, revoked.
 *
 *   POST   /v1/admin/keys               {"label", "advertiserId" | "publisherId", "scopes", "mint"} → 201 with "key"
 *   GET    /v1/admin/keys               `?limit=100&after=<id>`, of one owner by `advertiser_id`
 *                                       or `publisher_id`             GET /v1/admin/keys/:id
 *   POST   /v1/admin/keys/:id/rotate    {"overlapSeconds": 0} → 201 with the "key" that replaces it
 *   POST   /v1/admin/keys/:id/revoke    and DELETE /v1/admin/keys/:id: at once; again changes nothing
 *
 * Keeps: `key` is in the one answer that makes it and nowhere else: neither in the database (its SHA-256 is) nor in the
 * audit log. A repeated creation makes another key, since no answer can show the first again. A key is replaced at most
 * once, and a rotation never prolongs a life. The act and its audit entries are one transaction; when its reply is
 * lost, the row tells that it was applied, and the key is still handed out. With a key of scope convert ends the
 * postback secret of its advertiser, which the key could show: at once, or after the overlap of a rotation.
 */
import * as z from "zod";
import { hashApiKey, makeApiKey } from "../access/api-keys.ts";
import { type Actor, type AuditEntry, auditStatement } from "../access/audit.ts";
import { fromDatabase } from "../access/database.ts";
import { encodeBase64url, parseJson } from "../core/base64url.ts";
import { SECOND_MS } from "../core/limits.ts";
import { err, ok } from "../core/result.ts";
import { isoSecond } from "../core/time.ts";
import { checkOwner, type KeySpec, keySchema } from "./key-spec.ts";
import { END_KEY, INSERT_KEY, RAISE_POSTBACK_EPOCH, SELECT_KEY, SELECT_KEYS } from "./keys-sql.ts";
import { id, pageShape, parseBody, parseSearch } from "./parse.ts";
import { type Answer, persist } from "./records.ts";

type KeyRow = {
  readonly id: string;
  readonly label: string;
  readonly advertiserId: string | null;
  readonly publisherId: string | null;
  /** JSON, as are both lists. */
  readonly scopes: string;
  readonly mintAdvertisers: string | null;
  readonly mintPublishers: string | null;
  readonly mintCpcMicrosMax: number | null;
  /** JSON. */
  readonly mintHosts: string | null;
  readonly rotatedFrom: string | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly revokedAtMs: number | null;
};

type Ports = { readonly database: D1Database; readonly actor: Actor };

const KEY_ID_BYTES = 12;
export const OVERLAP_MAX_S = 30 * 86_400;
export const rotateSchema = z.strictObject({ overlapSeconds: z.int().min(0).max(OVERLAP_MAX_S).default(0) });
export const emptySchema = z.strictObject({});
export const listSchema = z.strictObject({ ...pageShape, advertiser_id: id.optional(), publisher_id: id.optional() });

export async function createKey(body: object, { database, actor }: Ports): Promise<Answer> {
  const parsed = parseBody(body, keySchema);
  if (!parsed.ok) return parsed;
  const spec = parsed.value;
  const checked = await fromDatabase(() => checkOwner(spec, database));
  if (!checked.ok) return checked;
  const key = newKey();
  const row = newRow(toColumns(spec), { id: newKeyId(), rotatedFrom: null, nowMs: actor.nowMs });
  const made = ok({ status: 201, body: { ...toJson(row), key } } as const);
  return persist(
    async () => {
      const creation = auditStatement(database, actor, creationOf(row));
      await fromDatabase(() => database.batch([insertKey(database, row, key), creation]));
      return made;
    },
    async () => ((await readKey(row.id, database)) === null ? null : made),
  );
}

export async function showKey(ofId: string, database: D1Database): Promise<Answer> {
  const row = await readKey(ofId, database);
  return row === null ? err({ reason: "not_found" }) : ok({ status: 200, body: toJson(row) });
}

export async function listKeys(search: URLSearchParams, database: D1Database): Promise<Answer> {
  const parsed = parseSearch(search, listSchema);
  if (!parsed.ok) return parsed;
  const { limit, after = "", advertiser_id: advertiser = null, publisher_id: publisher = null } = parsed.value;
  const { results } = await fromDatabase(() =>
    database.prepare(SELECT_KEYS).bind(after, limit, advertiser, publisher).all<KeyRow>(),
  );
  const next = results.length === limit ? (results.at(-1)?.id ?? null) : null;
  return ok({ status: 200, body: { keys: results.map(toJson), next } });
}

/** Makes the key that replaces one; the old one ends after the overlap. */
export async function rotateKey(ofId: string, body: object, { database, actor }: Ports): Promise<Answer> {
  const parsed = parseBody(body, rotateSchema);
  if (!parsed.ok) return parsed;
  const endsAtMs = actor.nowMs + parsed.value.overlapSeconds * SECOND_MS;
  // Made once, so that whichever attempt was applied, this is the key.
  const [key, nextId] = [newKey(), newKeyId()];
  let made: Answer | null = null;
  const act = async (): Promise<Answer> => {
    const before = await readKey(ofId, database);
    if (before === null) return err({ reason: "not_found" });
    if (before.revokedAtMs !== null) return err({ reason: "key_revoked" });
    const row = newRow(before, { id: nextId, rotatedFrom: before.id, nowMs: actor.nowMs });
    const ended = { ...before, revokedAtMs: endsAtMs, updatedAtMs: nextVersion(before, actor) };
    const after = { ...toJson(ended), replacedBy: row.id };
    made = ok({ status: 201, body: { ...toJson(row), key } });
    await fromDatabase(() =>
      database.batch([
        endKey(database, before, ended),
        insertKey(database, row, key),
        ...endSecret(database, before, endsAtMs),
        auditStatement(database, actor, { action: "rotate", ...subjectOf(before), before: toJson(before), after }),
        auditStatement(database, actor, creationOf(row)),
      ]),
    );
    return made;
  };
  return persist(act, async () => ((await readKey(nextId, database)) === null ? null : made));
}

/** Ends a key now, also one that a rotation left some time. */
export async function revokeKey(ofId: string, body: object, { database, actor }: Ports): Promise<Answer> {
  const parsed = parseBody(body, emptySchema);
  if (!parsed.ok) return parsed;
  return persist(async () => {
    const before = await readKey(ofId, database);
    if (before === null) return err({ reason: "not_found" });
    const isOver = before.revokedAtMs !== null && before.revokedAtMs <= actor.nowMs;
    if (isOver) return ok({ status: 200, body: toJson(before) });
    const ended = { ...before, revokedAtMs: actor.nowMs, updatedAtMs: nextVersion(before, actor) };
    const revocation: AuditEntry = {
      action: "revoke",
      ...subjectOf(before),
      before: toJson(before),
      after: toJson(ended),
    };
    await fromDatabase(() =>
      database.batch([
        endKey(database, before, ended),
        ...endSecret(database, before, actor.nowMs),
        auditStatement(database, actor, revocation),
      ]),
    );
    return ok({ status: 200, body: toJson(ended) });
  });
}

type KeyColumns = Omit<KeyRow, "id" | "rotatedFrom" | "createdAtMs" | "updatedAtMs" | "revokedAtMs">;

const newKey = () => makeApiKey(crypto.getRandomValues(new Uint8Array(32)));

const newKeyId = () => `key_${encodeBase64url(crypto.getRandomValues(new Uint8Array(KEY_ID_BYTES)))}`;

function newRow(
  {
    label,
    advertiserId,
    publisherId,
    scopes,
    mintAdvertisers,
    mintPublishers,
    mintCpcMicrosMax,
    mintHosts,
  }: KeyColumns,
  { id, rotatedFrom, nowMs }: { id: string; rotatedFrom: string | null; nowMs: number },
): KeyRow {
  return {
    ...{ id, label, advertiserId, publisherId, scopes, mintAdvertisers, mintPublishers, mintCpcMicrosMax },
    ...{ mintHosts, rotatedFrom, createdAtMs: nowMs, updatedAtMs: nowMs, revokedAtMs: null },
  };
}

function toColumns({ label, advertiserId, publisherId, scopes, mint }: KeySpec): KeyColumns {
  const asJson = (list: readonly string[] | undefined) => (list === undefined ? null : JSON.stringify(list));
  return {
    label,
    advertiserId,
    publisherId,
    scopes: JSON.stringify(scopes),
    mintAdvertisers: asJson(mint?.advertisers),
    mintPublishers: asJson(mint?.publishers),
    mintCpcMicrosMax: mint?.cpcMicrosMax ?? null,
    mintHosts: asJson(mint?.hosts),
  };
}

/** A key as answers and the audit log show it. */
function toJson(row: KeyRow): Record<string, unknown> {
  const { id, label, advertiserId, publisherId, rotatedFrom, createdAtMs, revokedAtMs } = row;
  const listOf = (json: string | null) => (json === null ? null : parseJson(json));
  return {
    ...{ id, label, advertiserId, publisherId },
    scopes: parseJson(row.scopes),
    mint: {
      advertisers: listOf(row.mintAdvertisers),
      publishers: listOf(row.mintPublishers),
      cpcMicrosMax: row.mintCpcMicrosMax,
      hosts: listOf(row.mintHosts),
    },
    rotatedFrom,
    createdAt: isoSecond(createdAtMs),
    revokedAt: revokedAtMs === null ? null : isoSecond(revokedAtMs),
  };
}

function readKey(ofId: string, database: D1Database): Promise<KeyRow | null> {
  return fromDatabase(() => database.prepare(SELECT_KEY).bind(ofId).first<KeyRow>());
}

function insertKey(database: D1Database, row: KeyRow, key: string): D1PreparedStatement {
  return database.prepare(INSERT_KEY).bind(JSON.stringify({ ...row, hash: hashApiKey(key) }));
}

function endKey(database: D1Database, before: KeyRow, { id, updatedAtMs, revokedAtMs }: KeyRow): D1PreparedStatement {
  return database.prepare(END_KEY).bind(id, before.updatedAtMs, updatedAtMs, revokedAtMs);
}

/** Ends the postback secret that a key could show, with the key: its holder may have kept it. */
function endSecret(database: D1Database, { advertiserId, scopes }: KeyRow, endsAtMs: number): D1PreparedStatement[] {
  const couldShow = advertiserId !== null && (parseJson(scopes) as string[]).includes("convert");
  return couldShow ? [database.prepare(RAISE_POSTBACK_EPOCH).bind(advertiserId, endsAtMs)] : [];
}

const nextVersion = ({ updatedAtMs }: KeyRow, { nowMs }: Actor) => Math.max(nowMs, updatedAtMs + 1);

const subjectOf = ({ id }: KeyRow) => ({ subjectKind: "key", subjectId: id });

function creationOf(row: KeyRow): AuditEntry {
  return { action: "create", ...subjectOf(row), before: null, after: toJson(row) };
}
