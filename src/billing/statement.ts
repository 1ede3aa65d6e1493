/**
 * Statements: what an advertiser owes for a period, or a publisher earned in it, put once under its number, never
 * changed.
 *
 *   statements/v1/adv=<id>/000001.json               RFC 8785; names the hash of the one before
 *   statements/v1/pub=<id>/cur=EUR/000001.json       of a publisher, for each currency a chain of its own
 *   statements/v1/adv=<id>/lines-<day>-<hash>.parquet, adjustments-<hash>.parquet      the same by ad
 *   statement-drafts/v1/<id>.json                    what a statement would be, when somebody asked
 *
 * Keeps: numbers have no gap: the next one is put if absent, behind the last. A statement begins where the one before
 * ends, so every instant is billed once. Money is decimal digits of integer micros.
 */
import { parseJson } from "../core/base64url.ts";
import type { EvidencePart, NamedLoss } from "../evidence/manifest.ts";
import { sha256Hex } from "../evidence/manifest.ts";
import { type Named, type Owner, ownerPath, spellNumber } from "./owner.ts";

export type LineCounts = {
  readonly gross: number;
  /** Billable clicks. */
  readonly valid: number;
  readonly duplicate: number;
  readonly invalid: number;
  readonly late: number;
  /** For information: as the log had them when the day's clicks were settled last. */
  readonly impressions: number;
  readonly conversions: number;
  readonly spend_micros: string;
};

/** `day` is a local date of the statement's zone. */
export type Line = LineCounts & { readonly day: string; readonly campaign_id: string };

/**
 * What an earlier statement did not know: the difference, by that statement and its own days, and by what moved the
 * clicks: `review`, `audit/<log day>/NNNN`, `replay/<id>`; null for clicks that the log has now and had not then, or
 * the other way round, which a loss explains.
 */
export type Adjustment = Line & { readonly statement: number; readonly cause: string | null };

/** Which manifest of a UTC day was counted. */
export type CountedDay = { readonly day: string; readonly revision: number; readonly sha256: string };

/** Which manifest of a UTC day is counted instead of the one that an earlier statement was made from. */
export type CorrectedDay = CountedDay & {
  readonly statement: number;
  /** Null where that day had no evidence then. */
  readonly revision_before: number | null;
};

/** What the budget of a statement's period takes off it now; of an earlier statement, what has changed of that. */
export type BudgetCredit = {
  readonly statement: number;
  readonly budget_micros: string;
  /** Of that statement's period, as it is known now. */
  readonly spend_micros: string;
  readonly credit_micros: string;
};

export type StatementTotals = LineCounts & {
  readonly adjustments_micros: string;
  readonly credits_micros: string;
  readonly carried_in_micros: string;
  /** Exact, before it is rounded. */
  readonly due_micros: string;
  /** In the currency's minor unit, as in `12.34`. */
  readonly due: string;
  readonly carried_out_micros: string;
};

/** What is owed, whoever asks. */
export type StatementContent = Named & {
  readonly v: 1;
  /** A credit note is due the other way: to the advertiser, from the publisher. */
  readonly kind: "statement" | "credit_note";
  readonly number: number;
  /** SHA-256 of the statement before; null for the first. */
  readonly previous: string | null;
  readonly from: string;
  readonly to: string;
  readonly time_zone: string;
  readonly currency: string;
  /** Of a publisher: whose clicks are counted, since they pay in this currency; in order. */
  readonly advertisers?: readonly string[];
  readonly budget_micros: string | null;
  readonly lines: readonly Line[];
  readonly adjustments: readonly Adjustment[];
  readonly credits: readonly BudgetCredit[];
  readonly totals: StatementTotals;
  readonly lines_by_ad: readonly (EvidencePart & { readonly day: string })[];
  readonly adjustments_by_ad: EvidencePart | null;
  readonly evidence: readonly CountedDay[];
  readonly corrected: readonly CorrectedDay[];
  readonly losses: readonly NamedLoss[];
};

export type Statement = StatementContent & { readonly draft: string; readonly issued_at: string };

export type StoredStatement = { readonly statement: Statement; readonly sha256: string };

export const STATEMENTS_PREFIX = "statements/v1/";
export const statementFolder = (owner: Owner) => `${STATEMENTS_PREFIX}${ownerPath(owner)}/`;
export const draftKey = (id: string) => `statement-drafts/v1/${id}.json`;

export function statementKey(owner: Owner, number: number): string {
  return `${statementFolder(owner)}${spellNumber(number)}.json`;
}

export async function readStatement(bucket: R2Bucket, owner: Owner, number: number): Promise<StoredStatement | null> {
  const object = await bucket.get(statementKey(owner, number));
  if (object === null) return null;
  const bytes = new Uint8Array(await object.arrayBuffer());
  return { statement: parseJson(new TextDecoder().decode(bytes)) as Statement, sha256: await sha256Hex(bytes) };
}

/** All statements of an owner, by number: they have no gap. */
export async function readStatements(bucket: R2Bucket, owner: Owner): Promise<StoredStatement[]> {
  const all: StoredStatement[] = [];
  for (;;) {
    const next = await readStatement(bucket, owner, all.length + 1);
    if (next === null) return all;
    all.push(next);
  }
}
