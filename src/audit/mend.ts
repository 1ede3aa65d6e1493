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
import { type AuditOf, attemptsOf } from "./context.ts";
import { getJson, getLines } from "./objects.ts";
import { type Repair, repairDatabase } from "./repair.ts";
import { type RevisePorts, reviseFinding } from "./revise-findings.ts";
import type { Finding } from "./scan.ts";
import { findingsKey } from "./write-report.ts";

export type MendPorts = RevisePorts & {
  readonly primary: D1Database;
  readonly databases: ReadonlyMap<string, D1Database>;
  readonly archiveNow: (shard: string) => Promise<void>;
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

/** Mends in the name of `by` what a finished audit found and left open. */
export async function mendAudit(ports: MendPorts, of: AuditOf, by: string): Promise<Result<Mended, MendRefusal>> {
  const { archive } = ports;
  const report = await getJson<AuditReport>(archive, auditKey(of.day, of.attempt));
  if (report === null) return err("audit_unknown");
  const open = await getLines<Finding>(archive, findingsKey(of));
  if (open.some(({ kind }) => OF_ARCHIVE.has(kind))) return err("archive_open");
  const tally = new Tally();
  const attempts = await attemptsOf(ports, of);
  const revising = { ...of, attempts, cause: `audit/${auditId(of.day, of.attempt)}`, by };
  const revised = new Set<string>();
  for (const finding of oneByEvent(open)) {
    const isMended = await reviseFinding(ports, revising, finding);
    tally.note(finding, isMended);
    for (const shard of [finding.owner, finding.place?.shard]) if (isMended && shard !== undefined) revised.add(shard);
  }
  // The audit that follows reads revisions in the archive.
  for (const shard of revised) await ports.archiveNow(shard);
  await repairAll(ports, of, open, tally);
  for (const finding of open) if (!tally.has(finding)) tally.note(finding, false);
  return ok(tally.result());
}

/**
 * What revisions mend. Of an event in a log that does not own it, that alone: its owner decides it anew, and nothing of
 * it stands in that log any more.
 */
function oneByEvent(open: readonly Finding[]): Finding[] {
  const revisable = open.filter(({ kind }) => DISCREPANCY_KINDS[kind] === "revision");
  const foreign = new Set(revisable.filter(({ kind }) => kind === "foreign_shard").map(copyOf));
  return revisable.filter((finding) => finding.kind === "foreign_shard" || !foreign.has(copyOf(finding)));
}

const copyOf = ({ place, event }: Finding) => `${place?.shard} ${event}`;

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
