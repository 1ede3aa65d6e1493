/**
 * What a statement says: lines of its own period, what earlier ones did not know, credits of budgets, and what is due.
 *
 * Keeps: everything comes from evidence at a named revision. An earlier statement's period is counted by the revisions
 * that were named last for its days, by itself or by an adjustment since; the difference to the present ones is the
 * next adjustment, by cause, since the evidence's sums are. So an adjustment is made once, and none is lost.
 */
import { creditOf, minorDigitsOf, roundToMinor, spellMinor } from "../core/billing.ts";
import { DAY_MS } from "../core/limits.ts";
import { assert } from "../core/result.ts";
import { isoDay, isoSecond } from "../core/time.ts";
import type { NamedLoss } from "../evidence/manifest.ts";
import { toZone, type Zone } from "../report/query/zone.ts";
import { type AdLine, AdLines, byCampaign, localDays, putLines, spelledCounts, totalOf } from "./lines.ts";
import { namedOwner, type Owner } from "./owner.ts";
import type { BudgetCredit, CorrectedDay, CountedDay, StatementContent, StoredStatement } from "./statement.ts";
import { statementFolder } from "./statement.ts";
import { cutSums, type EvidenceSums } from "./sums.ts";

export type ToCompute = {
  readonly owner: Owner;
  readonly fromMs: number;
  readonly toMs: number;
  readonly zone: Zone;
  readonly currency: string;
  readonly budgetMicros: bigint | null;
  /** All of them, by number. */
  readonly before: readonly StoredStatement[];
};

/** After so long nothing of a click changes any more: the shards have forgotten what was revised. */
const CHANGES_FOR_MS = 400 * DAY_MS;

export async function computeStatement(
  bucket: R2Bucket,
  sums: EvidenceSums,
  asked: ToCompute,
): Promise<StatementContent> {
  const { owner, fromMs, toMs, zone, currency, budgetMicros, before } = asked;
  const oldest = Math.min(fromMs, Date.parse(before[0]?.statement.from ?? isoSecond(fromMs)));
  const revisions = await sums.revisionsFrom(isoDay(Math.max(oldest, fromMs - CHANGES_FOR_MS) - DAY_MS));
  const losses = new Map<string, NamedLoss>();
  const own = await ownLines(bucket, sums, { ...asked, revisions, losses });
  const changes = await changesSince(sums, { before, revisions, losses });
  const folder = statementFolder(owner);
  const number = before.length + 1;
  const spend = totalOf(own.lines);
  const adjustments = changes.lines.reduce((sum, { spendMicros }) => sum + spendMicros, 0n);
  const credits = creditsOf({ number, budgetMicros, spendMicros: spend.spendMicros }, before, changes.lines);
  const credited = credits.reduce((sum, { credit_micros: micros }) => sum + BigInt(micros), 0n);
  const carriedIn = BigInt(before.at(-1)?.statement.totals.carried_out_micros ?? "0");
  const due = spend.spendMicros + adjustments - credited + carriedIn;
  const digits = minorDigitsOf(currency);
  const { minor, remainderMicros } = roundToMinor(due, digits);
  return {
    ...{ v: 1, kind: minor < 0n ? "credit_note" : "statement", ...namedOwner(owner), number },
    previous: before.at(-1)?.sha256 ?? null,
    ...{ from: isoSecond(fromMs), to: isoSecond(toMs), time_zone: zone.name, currency },
    // By now all days were read.
    ...("publisherId" in owner ? { advertisers: sums.advertisers } : {}),
    budget_micros: budgetMicros === null ? null : String(budgetMicros),
    lines: own.lines.map((line) => ({
      ...{ day: line.day, campaign_id: line.campaignId },
      ...spelledCounts(line),
    })),
    adjustments: changes.byStatement.flatMap(({ statement, lines }) =>
      byCampaign(lines).map((line) => ({
        ...{ statement, day: line.day, campaign_id: line.campaignId, cause: line.cause },
        ...spelledCounts(line),
      })),
    ),
    credits,
    totals: {
      ...spelledCounts(spend),
      adjustments_micros: String(adjustments),
      credits_micros: String(credited),
      carried_in_micros: String(carriedIn),
      due_micros: String(due),
      due: spellMinor(minor, digits),
      carried_out_micros: String(remainderMicros),
    },
    lines_by_ad: own.parts,
    adjustments_by_ad:
      changes.lines.length === 0 ? null : await putLines(bucket, { folder, name: "adjustments" }, changes.lines),
    ...{ evidence: own.counted, corrected: changes.corrected, losses: [...losses.values()] },
  };
}

type Known = { readonly revisions: ReadonlyMap<string, number>; readonly losses: Map<string, NamedLoss> };

/** The lines of the period itself by campaign, day by day; those by ad are put as they come. */
async function ownLines(
  bucket: R2Bucket,
  sums: EvidenceSums,
  { owner, fromMs, toMs, zone, revisions, losses }: ToCompute & Known,
) {
  const lines: AdLine[] = [];
  const parts: StatementContent["lines_by_ad"][number][] = [];
  const counted = new Map<string, CountedDay>();
  for (const local of localDays({ fromMs, toMs }, zone)) {
    const ofDay = new AdLines({ isByCause: false });
    for (const day of utcDays(local)) {
      const revision = revisions.get(day);
      if (revision === undefined) continue;
      const { manifest, sha256 } = await sums.manifest(day, revision);
      counted.set(day, { day, revision, sha256 });
      for (const loss of manifest.losses) losses.set(loss.object, loss);
      ofDay.add(local.day, cutSums(await sums.sums(manifest), local));
    }
    const all = ofDay.all();
    if (all.length === 0) continue;
    const folder = statementFolder(owner);
    parts.push({ day: local.day, ...(await putLines(bucket, { folder, name: `lines-${local.day}` }, all)) });
    lines.push(...byCampaign(all));
  }
  return { lines, parts, counted: [...counted.values()] };
}

function utcDays({ fromMs, toMs }: { fromMs: number; toMs: number }): string[] {
  const days: string[] = [];
  for (let ms = Math.floor(fromMs / DAY_MS) * DAY_MS; ms < toMs; ms += DAY_MS) days.push(isoDay(ms));
  return days;
}

type OfStatement = AdLine & { readonly statement: number };

/** What the evidence says of earlier statements' periods that no statement has said. */
async function changesSince(sums: EvidenceSums, { before, revisions, losses }: Known & Pick<ToCompute, "before">) {
  const byStatement: { statement: number; lines: AdLine[] }[] = [];
  const corrected: CorrectedDay[] = [];
  const said = revisionsSaid(before);
  for (const { statement } of before) {
    const zone = toZone(statement.time_zone);
    assert(zone !== null, "a statement's zone is one");
    const period = { fromMs: Date.parse(statement.from), toMs: Date.parse(statement.to) };
    const changes = new AdLines({ isByCause: true });
    for (const day of utcDays(period)) {
      const now = revisions.get(day);
      const then = said.get(placeOf(statement.number, day)) ?? null;
      if (now === undefined || now === then) continue;
      const { manifest, sha256 } = await sums.manifest(day, now);
      corrected.push({ statement: statement.number, day, revision_before: then, revision: now, sha256 });
      for (const loss of manifest.losses) losses.set(loss.object, loss);
      const present = await sums.sums(manifest);
      const past = then === null ? [] : await sums.sums((await sums.manifest(day, then)).manifest);
      const startMs = Date.parse(day);
      const cut = { fromMs: Math.max(period.fromMs, startMs), toMs: Math.min(period.toMs, startMs + DAY_MS) };
      for (const local of localDays(cut, zone)) {
        changes.add(local.day, cutSums(present, local));
        changes.add(local.day, cutSums(past, local), -1);
      }
    }
    const lines = changes.all();
    if (lines.length > 0) byStatement.push({ statement: statement.number, lines });
  }
  const lines = byStatement.flatMap(({ statement, lines: own }): OfStatement[] =>
    own.map((line) => ({ ...line, statement })),
  );
  return { byStatement, lines, corrected };
}

const placeOf = (statement: number, day: string) => `${statement} ${day}`;

/** Of each statement and UTC day of its period, the revision that was counted last. */
function revisionsSaid(before: readonly StoredStatement[]): Map<string, number> {
  const said = new Map<string, number>();
  for (const { statement } of before) {
    for (const { day, revision } of statement.evidence) said.set(placeOf(statement.number, day), revision);
    for (const { statement: of, day, revision } of statement.corrected) said.set(placeOf(of, day), revision);
  }
  return said;
}

/** What budgets take off: of the own period, and what adjustments change of what they took off earlier ones. */
function creditsOf(
  own: { readonly number: number; readonly budgetMicros: bigint | null; readonly spendMicros: bigint },
  before: readonly StoredStatement[],
  changes: readonly OfStatement[],
): BudgetCredit[] {
  const credits: BudgetCredit[] = [];
  const add = (statement: number, budget: bigint, spend: bigint, had: bigint) => {
    const credit = creditOf(spend, budget) - had;
    if (credit === 0n) return;
    credits.push({
      ...{ statement, budget_micros: String(budget), spend_micros: String(spend), credit_micros: String(credit) },
    });
  };
  for (const { statement } of before) {
    if (statement.budget_micros === null) continue;
    const { number } = statement;
    const sum = (rows: readonly { statement: number; micros: string | bigint }[]) =>
      rows.reduce((total, row) => (row.statement === number ? total + BigInt(row.micros) : total), 0n);
    const adjusted = before.flatMap(({ statement: { adjustments } }) =>
      adjustments.map((row) => ({ statement: row.statement, micros: row.spend_micros })),
    );
    const credited = before.flatMap(({ statement: { credits: rows } }) =>
      rows.map((row) => ({ statement: row.statement, micros: row.credit_micros })),
    );
    const now = changes.map((row) => ({ statement: row.statement, micros: row.spendMicros }));
    const spend = BigInt(statement.totals.spend_micros) + sum(adjusted) + sum(now);
    add(number, BigInt(statement.budget_micros), spend, sum(credited));
  }
  if (own.budgetMicros !== null) add(own.number, own.budgetMicros, own.spendMicros, 0n);
  return credits;
}
