/**
 * Drafts and their finalising.
 *
 *   POST /v1/admin/statements                    a draft: what would be owed; nothing is issued
 *   POST /v1/admin/statements/<draft>/finalize   computed again, and put under the next number
 *
 * Keeps: a period that is not reconciled, or whose evidence is not made yet, is refused. Two who finalise at once come
 * to one statement: the number is taken by an object that is put if absent. A statement that was put and not answered
 * is answered when its draft is finalised again.
 */

import { getJson, putJson } from "../audit/objects.ts";
import { MINUTE_MS, SERVICE_DAYS_BEFORE } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { isoSecond } from "../core/time.ts";
import { cleanDays, isMadeThrough } from "../evidence/due.ts";
import { canonicalBytes, sha256Hex } from "../evidence/manifest.ts";
import type { ReportProblem } from "../report/problems.ts";
import { instantOf, parseMoment } from "../report/query/instants.ts";
import { dateMinute, toZone, type Zone } from "../report/query/zone.ts";
import { budgetOf } from "./budgets.ts";
import { computeStatement, type ToCompute } from "./compute.ts";
import { idOf, type Owner, ownerNamed } from "./owner.ts";
import {
  draftKey,
  readStatement,
  readStatements,
  type Statement,
  type StatementContent,
  type StoredStatement,
  statementKey,
} from "./statement.ts";
import { type CurrenciesOf, daysPrefix, EvidenceSums, QUARTER_MS } from "./sums.ts";

export type BillingPorts = {
  readonly bucket: R2Bucket;
  readonly primary: D1Database;
  readonly graceMs: number;
  readonly nowMs: number;
  readonly currenciesOf: CurrenciesOf;
  /** Is told of a statement before it is put. */
  readonly onIssuing: (of: { readonly owner: Owner; readonly number: number }) => Promise<void>;
  /** Takes notice of a statement that stands, perhaps again. */
  readonly onIssued: (stored: StoredStatement) => Promise<void>;
};

export type Billed = { readonly owner: Owner; readonly currency: string | null; readonly timeZone: string };
export type PeriodAsked = { readonly from?: string | undefined; readonly to: string };

export type Draft = { readonly id: string; readonly content: StatementContent };

/** What a statement of the period would be. The same again answers the same draft. */
export async function draftStatement(
  ports: BillingPorts,
  { owner, currency, timeZone }: Billed,
  asked: PeriodAsked,
): Promise<Result<Draft, ReportProblem>> {
  const { bucket } = ports;
  if (currency === null) return err(withoutCurrency([idOf(owner)]));
  const zone = toZone(timeZone);
  if (zone === null) throw new Error(`the zone of ${idOf(owner)} is none`);
  const before = await readStatements(bucket, owner);
  const period = await periodOf(ports, { owner, asked, zone, before });
  if (!period.ok) return period;
  // A publisher is paid for valid clicks, whatever its advertisers' budgets take off their bills.
  const { beginsMs, ...covered } = period.value;
  const budgetMicros = "advertiserId" in owner ? await budgetOf(bucket, owner.advertiserId, beginsMs) : null;
  const content = await compute(ports, { owner, ...covered, zone, currency, before, budgetMicros });
  if (!content.ok) return content;
  const id = await draftIdOf(content.value);
  await putJson(bucket, draftKey(id), content.value);
  return ok({ id, content: content.value });
}

/** What a statement says, unless it is of money that nobody knows the currency of. */
async function compute(
  { bucket, currenciesOf }: BillingPorts,
  asked: ToCompute,
): Promise<Result<StatementContent, ReportProblem>> {
  const sums = new EvidenceSums(bucket, asked.owner, currenciesOf);
  const content = await computeStatement(bucket, sums, asked);
  return sums.withoutCurrency.length > 0 ? err(withoutCurrency(sums.withoutCurrency)) : ok(content);
}

function withoutCurrency(ids: readonly string[]): ReportProblem {
  const named = ids.slice(0, 5).join(", ");
  const detail = `The profile of ${named} names no currency, so nothing says what its micros are of.`;
  return { reason: "currency_missing", field: "advertiserId", detail };
}

async function draftIdOf(content: StatementContent): Promise<string> {
  return `draft_${(await sha256Hex(canonicalBytes(content))).slice(0, 24)}`;
}

type Placed = {
  readonly owner: Owner;
  readonly asked: PeriodAsked;
  readonly zone: Zone;
  readonly before: readonly StoredStatement[];
};

/** A first statement that was given no beginning begins before what it is about, for what comes late. */
type Period = { readonly fromMs: number; readonly toMs: number; readonly beginsMs: number };

/** The instants of a period that may be billed. */
async function periodOf(
  ports: BillingPorts,
  { owner, asked, zone, before }: Placed,
): Promise<Result<Period, ReportProblem>> {
  const last = before.at(-1)?.statement;
  const due = last === undefined ? await firstDay(ports.bucket, owner, zone) : atOnce(Date.parse(last.to));
  const from = asked.from === undefined ? ok(null) : readEdge(asked.from, "from", zone);
  const to = readEdge(asked.to, "to", zone);
  if (!from.ok) return from;
  if (!to.ok) return to;
  const period = from.value === null ? due : atOnce(from.value);
  if (period === null) {
    return err({ reason: "nothing_to_bill", detail: `${idOf(owner)} has no evidence: nothing of it was counted.` });
  }
  const { fromMs, beginsMs } = period;
  const toMs = to.value;
  if (last !== undefined && fromMs !== due?.fromMs) {
    const detail = `Statement ${last.number} ends at ${last.to}; the next one begins there. Leave from out.`;
    return err({ reason: "period_not_next", field: "from", detail });
  }
  if (beginsMs >= toMs) {
    const detail = `The period would begin at ${isoSecond(beginsMs)} and end at ${isoSecond(toMs)}.`;
    return err({ reason: "period_empty", field: "to", detail });
  }
  if (fromMs % QUARTER_MS !== 0 || toMs % QUARTER_MS !== 0) {
    return err({ reason: "invalid_value", field: "to", detail: "A period begins and ends with a quarter of an hour." });
  }
  const { clean, reconciledUntilMs } = await cleanDays(ports.primary, ports.graceMs);
  if (toMs > reconciledUntilMs) {
    const until = Number.isFinite(reconciledUntilMs) ? `up to ${isoSecond(reconciledUntilMs)}` : "for no day yet";
    const detail = `The log is reconciled ${until}; the period ends at ${isoSecond(toMs)}. See GET /v1/admin/audits.`;
    return err({ reason: "period_not_reconciled", field: "to", detail });
  }
  if (!(await isMadeThrough(ports.bucket, clean))) return err({ reason: "evidence_pending" });
  return ok({ fromMs, toMs, beginsMs });
}

const atOnce = (fromMs: number) => ({ fromMs, beginsMs: fromMs });

function readEdge(text: string, edge: "from" | "to", zone: Zone): Result<number, ReportProblem> {
  const moment = parseMoment(text);
  return moment.ok
    ? ok(instantOf(moment.value, edge, zone))
    : err({ reason: "invalid_value", field: edge, detail: moment.error });
}

/**
 * The beginning of the local day of the first evidence; and of the first statement, so long before it that whatever
 * comes late counts in that one's period, and is an adjustment of it. Null where there is no evidence.
 */
export async function firstDay(bucket: R2Bucket, owner: Owner, zone: Zone): Promise<Omit<Period, "toMs"> | null> {
  const prefix = daysPrefix(owner);
  const { objects } = await bucket.list({ prefix, limit: 1 });
  const day = objects[0]?.key.slice(prefix.length).split("/")[0];
  if (day === undefined) return null;
  const startOf = (days: number) => (dateMinute(day, zone, days) ?? 0) * MINUTE_MS;
  // A zone ahead of UTC: the local date of the day's first instant begins before it.
  const first = startOf(0) <= Date.parse(day) ? 0 : -1;
  return { fromMs: startOf(first - SERVICE_DAYS_BEFORE), beginsMs: startOf(first) };
}

export type Issued = {
  readonly stored: StoredStatement;
  /** Whether this call put it. */
  readonly isNew: boolean;
  /** Whether it says something else than its draft: what was found or accepted meanwhile is in it. */
  readonly hasChanged: boolean;
};

/** Puts the statement of a draft, computed again, under its number. */
export async function finalizeDraft(ports: BillingPorts, id: string): Promise<Result<Issued, ReportProblem>> {
  const { bucket, nowMs } = ports;
  const draft = await getJson<StatementContent>(bucket, draftKey(id));
  if (draft === null) return err({ reason: "not_found", detail: "No draft has this id." });
  const { number } = draft;
  const owner = ownerNamed(draft);
  const standing = await readStatement(bucket, owner, number);
  if (standing !== null) return settled(ports, standing, { id, isNew: false });
  const before = await readStatements(bucket, owner);
  // Somebody else finalises meanwhile.
  const first = before[number - 1];
  if (first !== undefined) return settled(ports, first, { id, isNew: false });
  const zone = toZone(draft.time_zone);
  if (zone === null || before.length !== number - 1) throw new Error(`draft ${id} is not the next of ${idOf(owner)}`);
  const again = await periodOf(ports, { owner, asked: { from: draft.from, to: draft.to }, zone, before });
  if (!again.ok) return again;
  const { fromMs, toMs } = again.value;
  const content = await compute(ports, {
    ...{ owner, fromMs, toMs, zone, currency: draft.currency, before },
    budgetMicros: draft.budget_micros === null ? null : BigInt(draft.budget_micros),
  });
  if (!content.ok) return content;
  const statement: Statement = { ...content.value, draft: id, issued_at: isoSecond(nowMs) };
  await ports.onIssuing({ owner, number });
  await bucket.put(statementKey(owner, number), canonicalBytes(statement), {
    onlyIf: { etagDoesNotMatch: "*" },
    httpMetadata: { contentType: "application/json" },
  });
  const stored = await readStatement(bucket, owner, number);
  if (stored === null) throw new Error(`statement ${number} of ${idOf(owner)} is gone`);
  return settled(ports, stored, { id, isNew: true });
}

/** The statement that stands under a draft's number: of this draft, or of another one. */
async function settled(
  ports: BillingPorts,
  stored: StoredStatement,
  { id, isNew }: { id: string; isNew: boolean },
): Promise<Result<Issued, ReportProblem>> {
  const { draft, issued_at: _, ...content } = stored.statement;
  if (draft !== id) {
    const detail = `Statement ${content.number} was issued from ${draft}. Draft the next period.`;
    return err({ reason: "period_not_next", detail });
  }
  await ports.onIssued(stored);
  return ok({ stored, isNew, hasChanged: (await draftIdOf(content)) !== id });
}
