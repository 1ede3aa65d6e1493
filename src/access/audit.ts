/**
 * The record of administrative acts: who did what to what, with the subject before and after.
 *
 * Keeps: an entry is a statement for the batch of its act, so neither is there without the other. Rows are only
 * added. No secret is part of an entry. Of what is only looked at auditors' looks alone are entries (looks.ts).
 */
export const AUDIT_ACTIONS = [
  "create",
  "update",
  "rotate",
  "revoke",
  "decide",
  "replay",
  "rebuild",
  "audit",
  "mend",
  "accept",
  "apply",
  "undo",
  "release",
  "sequence",
  "issue",
  "look",
] as const;

export type AuditEntry = {
  readonly action: (typeof AUDIT_ACTIONS)[number];
  readonly subjectKind: string;
  readonly subjectId: string;
  /** The subject as answers show it; null where there was none. */
  readonly before: object | null;
  readonly after: object;
};

/** Who acts, and when. */
export type Actor = { readonly keyId: string; readonly nowMs: number };

const INSERT_ENTRY = `
INSERT INTO audit_log (at_ms, key_id, action, subject_kind, subject_id, before, after)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`;

/** The statement that appends an entry. */
export function auditStatement(
  database: D1Database,
  { keyId, nowMs }: Actor,
  { action, subjectKind, subjectId, before, after }: AuditEntry,
): D1PreparedStatement {
  const was = before === null ? null : JSON.stringify(before);
  return database.prepare(INSERT_ENTRY).bind(nowMs, keyId, action, subjectKind, subjectId, was, JSON.stringify(after));
}
