/**
 * Who may claim an impression, checked over everything that was ever logged of it: one valid event at any moment, none
 * where the first was refused as a duplicate, no event twice, and each decision on what stood before it.
 *
 *   first      valid → claims, which must be free · duplicate → the claim must be taken · deferred → settled at the end
 *   review     of an event that is late until then
 *   revision   of an event that has the verdict which it takes away; a claim that it gives up is free again
 *
 * Keeps: pure; looks at one impression at a time, in the order of its log (core/audit-record.ts), and says what is
 * wrong with each record, and what its verdict should be. What follows a wrong record is judged as if that one were
 * right where it took a free claim, so that one fault is one finding.
 */
import type { AuditRecord } from "./audit-record.ts";
import type { DiscrepancyKind } from "./discrepancy.ts";
import type { EventId } from "./event-id.ts";
import type { Decision, Verdict } from "./verdict.ts";

export type ClaimFinding = {
  readonly record: AuditRecord;
  readonly kind: Extract<DiscrepancyKind, "double_claim" | "free_claim" | "unsettled" | "verdict">;
  readonly detail: string;
  /** What the event should be; null where it should not be counted at all, or a person has to see. */
  readonly to: Decision | null;
};

const DUPLICATE: Decision = { verdict: "duplicate", reason: "same_impression" };
const VALID: Decision = { verdict: "valid", reason: null };
const REJECTED: Decision = { verdict: "invalid", reason: "late_rejected" };

/**
 * Checks the records of one impression; `judgedOf` says what the rules make of a deferred event, before anybody asks
 * for the claim, or null where that is no question of this check.
 */
export function checkImpression(
  records: readonly AuditRecord[],
  judgedOf: (record: AuditRecord) => Decision | null = () => VALID,
): ClaimFinding[] {
  const check = new ImpressionCheck(judgedOf);
  for (const [at, record] of records.entries()) check.take(record, records[at + 1] ?? null);
  check.settle();
  return check.findings.filter(({ record, kind }) => !check.isMended(record, kind));
}

class ImpressionCheck {
  readonly findings: ClaimFinding[] = [];
  #claimant: EventId | null = null;
  readonly #verdicts = new Map<EventId, Verdict>();
  readonly #revised = new Map<EventId, number>();
  readonly #deferred: AuditRecord[] = [];
  readonly #judgedOf: (record: AuditRecord) => Decision | null;

  constructor(judgedOf: (record: AuditRecord) => Decision | null) {
    this.#judgedOf = judgedOf;
  }

  /** Whether a later revision moved the event: what was wrong with it before is wrong no more. */
  isMended({ event, form }: AuditRecord, kind: ClaimFinding["kind"]): boolean {
    return form !== "revision" && kind !== "verdict" && this.#revised.has(event);
  }

  take(record: AuditRecord, next: AuditRecord | null): void {
    if (record.form === "first") this.#first(record);
    else if (record.form === "review") this.#review(record);
    else this.#revision(record, next);
  }

  /**
   * What waits becomes what it would have been, had its keys still been known; but a claim is asked for now, at the end
   * of all that is logged: whoever has it keeps it, and of two that wait only one gets it. Nobody can review a late
   * click whose memory is gone: it is not billed.
   */
  settle(): void {
    for (const record of this.#deferred) {
      const judged = this.#judgedOf(record);
      if (judged === null) continue;
      let to = judged.verdict === "late" ? REJECTED : judged;
      if (to.verdict === "valid" && this.#claimant !== null) to = DUPLICATE;
      const isWaiting = this.#verdicts.get(record.event) === "deferred";
      if (isWaiting && to.verdict === "valid") this.#claimant = record.event;
      this.#find(record, "unsettled", `It waits; it is ${to.verdict}.`, to);
    }
  }

  #first(record: AuditRecord): void {
    const { event, verdict } = record;
    if (this.#verdicts.has(event)) {
      // Delivered again when its keys were forgotten: it counts as it was decided, and this line counts nothing.
      if (verdict !== "deferred") this.#find(record, "double_claim", "The same event is logged twice.", null);
      return;
    }
    this.#verdicts.set(event, verdict);
    if (verdict === "deferred") this.#deferred.push(record);
    else this.#claim(record);
  }

  #claim(record: AuditRecord): void {
    const { event, verdict } = record;
    if (verdict === "valid") {
      if (this.#claimant === null) this.#claimant = event;
      else this.#find(record, "double_claim", `Its impression is claimed by ${this.#claimant}.`, DUPLICATE);
    } else if (verdict === "duplicate" && this.#claimant === null) {
      const to: Decision = record.form === "review" ? { verdict: "valid", reason: "late_accepted" } : VALID;
      this.#find(record, "free_claim", "Nothing had claimed its impression.", to);
    }
  }

  #review(record: AuditRecord): void {
    const before = this.#verdicts.get(record.event);
    if (before !== "late") {
      this.#find(record, "verdict", `A decision on a late click that is ${before ?? "not logged"}.`, null);
      return;
    }
    this.#verdicts.set(record.event, record.verdict);
    this.#claim(record);
  }

  #revision(record: AuditRecord, next: AuditRecord | null): void {
    const { event, verdict, from } = record;
    const before = this.#verdicts.get(event);
    if (before !== from) {
      this.#find(record, "verdict", `A revision from ${from}, of an event that is ${before ?? "not logged"}.`, null);
      return;
    }
    this.#revised.set(event, record.seq);
    this.#verdicts.set(event, verdict);
    if (this.#claimant === event) this.#claimant = null;
    if (verdict === "duplicate" && isHeir(next, record)) return;
    this.#claim(record);
  }

  #find(record: AuditRecord, kind: ClaimFinding["kind"], detail: string, to: Decision | null): void {
    this.findings.push({ record, kind, detail, to });
  }
}

/** Whether the next record takes the impression over in the row in which this one gives it up. */
function isHeir(next: AuditRecord | null, { life, seq }: AuditRecord): boolean {
  return next?.form === "revision" && next.verdict === "valid" && next.life === life && next.seq === seq;
}
