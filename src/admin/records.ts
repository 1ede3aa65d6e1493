/**
 * Creating, reading and changing resources.
 *
 *   POST  /v1/admin/<resource>        201 created · 200 the same is there · 409 another is there · 422 no such parent
 *   GET   /v1/admin/<resource>        in order of ids, `?limit=100&after=<id>`, some by their parent
 *   GET   /v1/admin/<resource>/:id
 *   PATCH /v1/admin/<resource>/:id    200, also when nothing changes; fields that are left out stay
 *
 * Keeps: an act and its audit entry are one transaction. After any fault the row is read again: it tells whether the
 * act was applied, lost or overtaken, so a lost reply repeats nothing and two writers lose no change. No error text is
 * parsed. What changes nothing is no act, and leaves no entry.
 */
import * as z from "zod";
import { type Actor, auditStatement } from "../access/audit.ts";
import { DatabaseFault, fromDatabase } from "../access/database.ts";
import { err, ok, type Result } from "../core/result.ts";
import { isoSecond } from "../core/time.ts";
import type { ReportProblem } from "../report/problems.ts";
import { id, pageShape, parseBody, parseSearch } from "./parse.ts";
import { type Resource, type Row, readOne } from "./resources.ts";

export type Answer = Result<{ readonly status: 200 | 201; readonly body: object }, ReportProblem>;

/** How often an act that was overtaken looks again. */
const ATTEMPTS_MAX = 3;

/** Creates a resource unless the same is there. */
export async function createRecord(
  resource: Resource,
  body: object,
  { database, actor }: { database: D1Database; actor: Actor },
): Promise<Answer> {
  const parsed = parseBody(body, resource.create);
  if (!parsed.ok) return parsed;
  const given = parsed.value as Row;
  const row: Row = { ...given, createdAtMs: actor.nowMs, updatedAtMs: actor.nowMs };
  const subjectId = String(row["id"]);
  return persist(async () => {
    const before = await fromDatabase(() => readOne(database, resource.sql, subjectId));
    if (before !== null) return sameOrConflict(given, before);
    const checked = await fromDatabase(() => resource.check(row, null, database));
    if (!checked.ok) return checked;
    const after = toJson(row);
    const entry = { action: "create", subjectKind: resource.kind, subjectId, before: null, after } as const;
    await fromDatabase(() =>
      database.batch([
        database.prepare(resource.sql.insert).bind(JSON.stringify(row)),
        auditStatement(database, actor, entry),
      ]),
    );
    return ok({ status: 201, body: after });
  });
}

/** Changes the fields given. */
export async function patchRecord(
  resource: Resource,
  { ofId, body }: { ofId: string; body: object },
  { database, actor }: { database: D1Database; actor: Actor },
): Promise<Answer> {
  const parsed = parseBody(body, resource.patch);
  if (!parsed.ok) return parsed;
  const given = parsed.value as Row;
  return persist(async () => {
    const before = await fromDatabase(() => readOne(database, resource.sql, ofId));
    if (before === null) return err({ reason: "not_found" });
    if (agrees(given, before)) return ok({ status: 200, body: toJson(before) });
    const version = Number(before["updatedAtMs"]);
    const row: Row = { ...before, ...given, updatedAtMs: Math.max(actor.nowMs, version + 1) };
    const checked = await fromDatabase(() => resource.check(row, before, database));
    if (!checked.ok) return checked;
    const after = toJson(row);
    const subject = { subjectKind: resource.kind, subjectId: ofId, before: toJson(before), after };
    await fromDatabase(() =>
      database.batch([
        database.prepare(resource.sql.update).bind(JSON.stringify(row), version),
        auditStatement(database, actor, { action: "update", ...subject }),
      ]),
    );
    return ok({ status: 200, body: after });
  });
}

export async function showRecord(resource: Resource, ofId: string, database: D1Database): Promise<Answer> {
  const row = await fromDatabase(() => readOne(database, resource.sql, ofId));
  return row === null ? err({ reason: "not_found" }) : ok({ status: 200, body: toJson(row) });
}

/** A page of resources; `next` is the `after` of the next one. */
export async function listRecords(
  { sql, parent, plural }: Resource,
  search: URLSearchParams,
  database: D1Database,
): Promise<Answer> {
  const shape = parent === undefined ? pageShape : { ...pageShape, [parent]: id.optional() };
  const parsed = parseSearch(search, z.strictObject(shape));
  if (!parsed.ok) return parsed;
  const { limit, after = "" } = parsed.value as { limit: number; after?: string };
  const parentId = parent === undefined ? undefined : search.get(parent);
  const isNarrowed = typeof parentId === "string" && sql.listOf !== undefined;
  const { results } = await fromDatabase(() =>
    (isNarrowed
      ? database.prepare(sql.listOf ?? sql.list).bind(after, limit, parentId)
      : database.prepare(sql.list).bind(after, limit)
    ).all<Row>(),
  );
  const next = results.length === limit ? (results.at(-1)?.["id"] ?? null) : null;
  return ok({ status: 200, body: { [plural]: results.map(toJson), next } });
}

/**
 * Runs an act that reads before it writes; looks again after a fault, which may have been another writer. `outcome`
 * finds what the act itself would not know again: an answer that is made once.
 */
export async function persist<T = Answer>(act: () => Promise<T>, outcome?: () => Promise<T | null>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (fault) {
      if (!(fault instanceof DatabaseFault)) throw fault;
      const applied = (await outcome?.()) ?? null;
      if (applied !== null) return applied;
      if (attempt === ATTEMPTS_MAX) throw fault;
    }
  }
}

/** A row as answers and the audit log show it; instants of rows that are older than their columns are not known. */
export function toJson({ createdAtMs, updatedAtMs, ...fields }: Row): Record<string, unknown> {
  return { ...fields, createdAt: toInstant(createdAtMs), updatedAt: toInstant(updatedAtMs) };
}

function toInstant(instantMs: Row[string] | undefined): string | null {
  return typeof instantMs === "number" && instantMs > 0 ? isoSecond(instantMs) : null;
}

function sameOrConflict(given: Row, before: Row): Answer {
  if (agrees(given, before)) return ok({ status: 200, body: toJson(before) });
  const differing = Object.keys(given).find((field) => given[field] !== before[field]) ?? "id";
  return err({ reason: "already_exists", field: differing });
}

function agrees(given: Row, row: Row): boolean {
  return Object.entries(given).every(([field, value]) => row[field] === value);
}
