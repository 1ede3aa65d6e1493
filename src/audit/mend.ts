/**
 * Mending what an audit found, in the open: events by revisions in their shard's log, figures by repairs in their
 * database. The audit that follows says whether it sufficed.
 *
 * Keeps: idempotent: a revision has a number, a repair a row in the ledger. Figures are not repaired while the archive
 * itself is in question: a database would be made to follow a log that has lost a part.
 */
import { DISCREPANCY_KINDS, type DiscrepancyKind } from "../core/discrepancy.ts";
import { err, ok, type Result } from "../core/result.ts";
import { type AuditReport, auditId, auditKey } from "./audit-report.ts";
import type { AuditOf } from "./context.ts";
import { getJson, getLines } from "./objects.ts";
import { type Repair, repairDatabase } from "./repair.ts";
import type { Finding } from "./scan.ts";
import { findingsKey } from "./write-report.ts";

export type MendPorts = {
  readonly archive: R2Bucket;
  readonly databases: ReadonlyMap<string, D1Database>;
  readonly clock: () => number;
};

/** What became of the findings of one kind. */
export type Mended = Readonly<Partial<Record<DiscrepancyKind, { readonly mended: number; readonly left: number }>>>;

/** Why nothing is mended. */
export type MendRefusal = "audit_unknown" | "archive_open";

/** Kinds that put the archive itself in question. */
const OF_ARCHIVE = new Set<DiscrepancyKind>(
  (Object.keys(DISCREPANCY_KINDS) as DiscrepancyKind[]).filter((kind) => DISCREPANCY_KINDS[kind] === "accepted_loss"),
);

/** Mends what a finished audit found and left open. */
export async function mendAudit(ports: MendPorts, of: AuditOf): Promise<Result<Mended, MendRefusal>> {
  const { archive } = ports;
  const report = await getJson<AuditReport>(archive, auditKey(of.day, of.attempt));
  if (report === null) return err("audit_unknown");
  const open = await getLines<Finding>(archive, findingsKey(of));
  if (open.some(({ kind }) => OF_ARCHIVE.has(kind))) return err("archive_open");
  const tally = new Tally();
  await repairAll(ports, of, open, tally);
  for (const finding of open) if (!tally.has(finding)) tally.note(finding, false);
  return ok(tally.result());
}

class Tally {
  readonly #byKind = new Map<DiscrepancyKind, { mended: number; left: number }>();
  readonly #noted = new Set<Finding>();

  note(finding: Finding, isMended: boolean): void {
    const sums = this.#byKind.get(finding.kind) ?? { mended: 0, left: 0 };
    sums[isMended ? "mended" : "left"]++;
    this.#byKind.set(finding.kind, sums);
    this.#noted.add(finding);
  }

  has(finding: Finding): boolean {
    return this.#noted.has(finding);
  }

  result(): Mended {
    return Object.fromEntries(this.#byKind);
  }
}

async function repairAll(ports: MendPorts, of: AuditOf, open: readonly Finding[], tally: Tally): Promise<void> {
  for (const [name, database] of ports.databases) {
    const findings = open.filter(({ repair }) => repair?.database === name);
    const repairs = findings.map(({ repair }) => repair as Repair);
    const audit = auditId(of.day, of.attempt);
    const outcomes = await repairDatabase(database, { audit, repairs, nowMs: ports.clock() });
    for (const [at, finding] of findings.entries()) tally.note(finding, outcomes[at] === "applied");
  }
}
