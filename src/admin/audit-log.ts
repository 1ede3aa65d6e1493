/**
 * Reading the audit log, newest first.
 *
 *   GET /v1/admin/audit-log?limit=100&before=<id>&subject_kind=key&subject_id=key_1
 *
 * Keeps: read only. `next` is the `before` of the next page; entries that are added meanwhile do not move it.
 */
import * as z from "zod";
import { fromDatabase } from "../access/database.ts";
import { parseJson } from "../core/base64url.ts";
import { ok } from "../core/result.ts";
import { isoSecond } from "../core/time.ts";
import { id, pageShape, parseSearch } from "./parse.ts";
import type { Answer } from "./records.ts";

type EntryRow = {
  readonly id: number;
  readonly at_ms: number;
  readonly key_id: string;
  readonly action: string;
  readonly subject_kind: string;
  readonly subject_id: string;
  readonly before: string | null;
  readonly after: string;
};

const SELECT_ENTRIES = `
SELECT id, at_ms, key_id, action, subject_kind, subject_id, before, after
FROM audit_log
WHERE id < ?1 AND (?2 IS NULL OR subject_kind = ?2) AND (?3 IS NULL OR subject_id = ?3)
ORDER BY id DESC
LIMIT ?4`;

export const listSchema = z.strictObject({
  limit: pageShape.limit,
  before: z.coerce.number().int().min(1).default(Number.MAX_SAFE_INTEGER),
  subject_kind: id.optional(),
  subject_id: id.optional(),
});

export async function listAuditLog(search: URLSearchParams, database: D1Database): Promise<Answer> {
  const parsed = parseSearch(search, listSchema);
  if (!parsed.ok) return parsed;
  const { limit, before, subject_kind: kind = null, subject_id: subject = null } = parsed.value;
  const { results } = await fromDatabase(() =>
    database.prepare(SELECT_ENTRIES).bind(before, kind, subject, limit).all<EntryRow>(),
  );
  const next = results.length === limit ? (results.at(-1)?.id ?? null) : null;
  return ok({ status: 200, body: { entries: results.map(toJson), next } });
}

function toJson(row: EntryRow): Record<string, unknown> {
  return {
    id: row.id,
    at: isoSecond(row.at_ms),
    keyId: row.key_id,
    action: row.action,
    subjectKind: row.subject_kind,
    subjectId: row.subject_id,
    before: row.before === null ? null : parseJson(row.before),
    after: parseJson(row.after),
  };
}
