/**
 * The catalogue of problems: every reason for which a request is refused, once, with its status, its title, and what
 * to change. Answers (src/problem.ts), the pages of `/problems/`, the OpenAPI document and the tables of the documents
 * are made from it.
 *
 *   token_missing → 400 · The token is missing. · Put the signed token into … · clicks, impressions and tokens
 *
 * Keeps: a reason is a metric label: stable, snake_case, without values. A reason that is not here does not compile,
 * and neither does one of core/refusal.ts that is missing. Nothing is computed when it is loaded, since the click path
 * loads it too.
 */
import type { RefusalReason } from "../core/refusal.ts";
import { OF_ADDRESSES, OF_BODIES, OF_KEYS, OF_STORES } from "./everywhere.ts";
import { OF_LOOKS } from "./looks.ts";
import { OF_ADMINISTRATION, OF_BUDGETS, OF_PARAMETERS, OF_REPORTS } from "./reading.ts";
import { OF_RECEIPTS } from "./receipts.ts";
import type { ProblemRow } from "./row.ts";
import { OF_SUBMISSIONS } from "./submissions.ts";
import { OF_SENDERS, OF_TOKENS } from "./tracking.ts";
import { OF_WEBHOOKS } from "./webhooks.ts";

/** Where a problem is answered → the problems. */
export const PROBLEM_AREAS = {
  "every address": OF_ADDRESSES,
  "every route that takes an API key": OF_KEYS,
  "every route that takes a body": OF_BODIES,
  "single clicks, late clicks and dead letters": OF_STORES,
  "clicks, impressions and tokens": OF_TOKENS,
  "tokens, clicks by script, conversions and impression counts": OF_SENDERS,
  "conversions and impression counts": OF_SUBMISSIONS,
  "reports, single clicks and administration": OF_PARAMETERS,
  reports: OF_REPORTS,
  "reports, single clicks and the catalogue": OF_BUDGETS,
  "receipts of clicks": OF_RECEIPTS,
  administration: OF_ADMINISTRATION,
  webhooks: OF_WEBHOOKS,
  "auditors' looks": OF_LOOKS,
} as const;

type Table = (typeof PROBLEM_AREAS)[keyof typeof PROBLEM_AREAS];
type KeyOf<T> = T extends unknown ? keyof T : never;

/** Why a request is refused. */
export type Reason = KeyOf<Table>;

/** What may be wrong with a submission: the labels under which refusals of submissions are counted. */
export type SubmissionReason = keyof typeof OF_SUBMISSIONS | keyof typeof OF_SENDERS;

export const PROBLEMS: Readonly<Record<Reason | RefusalReason, ProblemRow>> = {
  ...OF_ADDRESSES,
  ...OF_KEYS,
  ...OF_BODIES,
  ...OF_STORES,
  ...OF_TOKENS,
  ...OF_SENDERS,
  ...OF_SUBMISSIONS,
  ...OF_PARAMETERS,
  ...OF_REPORTS,
  ...OF_BUDGETS,
  ...OF_RECEIPTS,
  ...OF_ADMINISTRATION,
  ...OF_WEBHOOKS,
  ...OF_LOOKS,
};

export function isReason(value: unknown): value is Reason {
  return typeof value === "string" && Object.hasOwn(PROBLEMS, value);
}
