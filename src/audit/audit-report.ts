/**
 * What an audit of a log day found, as it is kept in R2 and shown: put once under its number, never changed.
 *
 *   audits/v1/dt=2026-11-27/0001.json     the first audit of that day, 0002 the next one
 *
 * Keeps: the reports are the authority on a day's state; the rows of `log_days` can be made again from them.
 */
import type { Discrepancy, DiscrepancyKind } from "../core/discrepancy.ts";
import type { Cost } from "./cost.ts";

export const AUDITS_PREFIX = "audits/v1/";

/** Found of a kind: how many, and the first of them. */
export type Found = { readonly count: number; readonly examples: readonly Discrepancy[] };

/** What an audit read, and what it asked of the platform for that, up to its report. */
export type AuditCost = Cost & { readonly events: number; readonly segments: number };

/** What an operator accepted by name: an object of the archive, or the place of a line. */
export type AcceptedLoss = { readonly object: string; readonly reason: string; readonly by: string };

export type AuditReport = {
  readonly v: 1;
  /** `2026-11-27/0001` */
  readonly id: string;
  readonly day: string;
  readonly attempt: number;
  readonly outcome: "clean" | "blocked";
  readonly sealedAtMs: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Only kinds of which something was found. */
  readonly found: Readonly<Partial<Record<DiscrepancyKind, Found>>>;
  /** Losses that an operator accepted by name: objects with the reason. */
  readonly accepted: readonly AcceptedLoss[];
  /** The last of the later log days in which something was logged that mends what this one holds; null for none. */
  readonly mendedOn: string | null;
  /** SHA-256 of the index of its folds (audit/folds.ts). */
  readonly folds: string;
  readonly cost: AuditCost;
};

/** The key of a day's report. */
export function auditKey(day: string, attempt: number): string {
  return `${auditPrefix(day)}${String(attempt).padStart(4, "0")}.json`;
}

export function auditPrefix(day: string): string {
  return `${AUDITS_PREFIX}dt=${day}/`;
}

/** `2026-11-27/0001` */
export function auditId(day: string, attempt: number): string {
  return `${day}/${String(attempt).padStart(4, "0")}`;
}
