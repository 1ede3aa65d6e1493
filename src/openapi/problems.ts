/**
 * Every problem that the API answers, gathered from the tables that the routes answer from, and what a caller does
 * about each.
 *
 * Keeps: a type has one title in all areas, and is listed once for each status with which it is answered. What is
 * answered from no table, since it is one sentence beside its route, stands in `ACCESS` and `ADDRESSES`; a test
 * compares them with answers.
 */

import { READ_PROBLEMS } from "../access/read-problems.ts";
import { OWN_PROBLEMS } from "../admin/problems.ts";
import { REFUSALS } from "../core/refusal.ts";
import { problemTitle, problemType } from "../problem.ts";
import { REPORT_PROBLEMS } from "../report/problems.ts";
import { SUBMISSION_PROBLEMS } from "../submit/problems.ts";
import { ADVICE, type Reason } from "./advice.ts";

export type ProblemInfo = { readonly type: string; readonly status: number; readonly title: string };

type Row = { readonly status: number; readonly title: string };
type Table = Readonly<Partial<Record<Reason, Row>>>;

/** What src/access answers before a route does. */
export const ACCESS = {
  authentication_required: { status: 401, title: "A valid API key is required." },
  insufficient_scope: { status: 403, title: "The API key may not do this." },
  rate_limited: { status: 429, title: "The API key asks too often." },
  wrong_keys: { status: 429, title: "Too many wrong keys came from this network." },
  database_unavailable: { status: 503, title: "The report database does not answer at the moment." },
} as const satisfies Table;

const ADDRESSES = {
  not_found: { status: 404, title: "There is nothing here." },
  method_not_allowed: { status: 405, title: "The method is not allowed here." },
  settings_refused: { status: 503, title: "The settings of this deployment are refused." },
} as const satisfies Table;

const AREAS: Readonly<Record<string, Table>> = {
  "keys and their rates": ACCESS,
  "reports, the catalogue and the desk": READ_PROBLEMS,
  "clicks, impressions and tokens": REFUSALS,
  "conversions and impression counts": SUBMISSION_PROBLEMS,
  "reports and the desk": REPORT_PROBLEMS,
  administration: OWN_PROBLEMS,
  "all addresses": ADDRESSES,
};

export type ProblemMeaning = {
  /** Where it is answered, comma separated. */
  readonly area: string;
  readonly status: number;
  readonly title: string;
  readonly advice: string;
};

/** Type → how it is answered, by status. */
export const PROBLEM_MEANINGS: ReadonlyMap<string, readonly ProblemMeaning[]> = meanings();

/** Rows of a table as problems: those named, or all. */
export function problems<T extends Table>(
  table: T,
  reasons = Object.keys(table) as (keyof T & string)[],
): ProblemInfo[] {
  return reasons.map((reason) => {
    const { status = 0, title = "" } = table[reason] ?? {};
    return { type: problemType(reason), status, title: problemTitle(reason, title) };
  });
}

/** What a route that takes a body may answer to it. */
export const BODIES: readonly ProblemInfo[] = problems(REPORT_PROBLEMS, [
  "body_too_large",
  "body_encoding",
  "body_not_json",
]);

/** What a route that reads for a tenant may answer while it has read too much, or others do. */
export const READING: readonly ProblemInfo[] = problems(READ_PROBLEMS, [
  "read_budget_spent",
  "too_many_reads",
  "reports_busy",
]);
export const STREAMING: readonly ProblemInfo[] = problems(READ_PROBLEMS, ["too_many_streams", "reports_busy"]);

/** What a route that takes a key may answer first. */
export const KEYED: readonly ProblemInfo[] = problems(ACCESS);

function meanings(): Map<string, readonly ProblemMeaning[]> {
  const found = new Map<string, readonly ProblemMeaning[]>();
  for (const [area, table] of Object.entries(AREAS)) {
    for (const [reason, { status, title: ofArea }] of Object.entries(table) as [Reason, Row][]) {
      const title = problemTitle(reason, ofArea);
      const type = problemType(reason);
      const known = found.get(type) ?? [];
      const same = known.find((one) => one.status === status && one.title === title);
      const meaning = {
        area: same === undefined ? area : `${same.area}, ${area}`,
        ...{ status, title, advice: ADVICE[reason] },
      };
      found.set(type, [...known.filter((one) => one !== same), meaning]);
    }
  }
  return found;
}
