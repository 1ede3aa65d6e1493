/**
 * What is said to a caller whose read or stream may not enter now, and what to change.
 *
 * Keeps: a tenant is told of its own budget and of its own reads; of others only that there are too many just now.
 */
import type { Refused, TenantRules } from "../core/read-budget.ts";
import { problemResponse } from "../problem.ts";
import type { Turn } from "./read-line.ts";
import { LINE_OF_TENANT_MAX } from "./read-rules.ts";

export const READ_PROBLEMS = {
  read_budget_spent: { status: 429, title: "The account's reports have read more than may be read in this time." },
  too_many_reads: { status: 429, title: "The account asks for too many reports at once." },
  too_many_streams: { status: 429, title: "The account has too many live streams open." },
  reports_busy: { status: 503, title: "Too many reports are being read at the moment." },
} as const satisfies Record<string, { status: number; title: string }>;

type ReadProblem = keyof typeof READ_PROBLEMS;

/** The answer to a read or stream that may not enter. */
export function refuseTurn(turn: Exclude<Turn, { kind: "entered" }>, { rules }: { rules: TenantRules }): Response {
  if (turn.kind === "places_taken") {
    if (!turn.isOwn) return refusal("reports_busy", turn.retryAfterS, "Ask again when Retry-After has passed.");
    const detail =
      `${rules.readsMax} reports of this account run and up to ${LINE_OF_TENANT_MAX} wait, whichever key asks; ` +
      "wait for their answers before asking for more.";
    return refusal("too_many_reads", turn.retryAfterS, detail);
  }
  return refuseEntry(turn, rules);
}

function refuseEntry(refused: Refused, rules: TenantRules): Response {
  const { retryAfterS } = refused;
  if (refused.kind === "streams_of_all_taken") {
    return refusal("reports_busy", retryAfterS, "Too many live streams are open; read /v1/metrics/clicks meanwhile.");
  }
  if (refused.kind === "streams_taken") {
    const detail =
      `${rules.streamsMax} live streams of this account are open, whichever key asks; ` +
      "close one, or share one among several screens.";
    return refusal("too_many_streams", retryAfterS, detail);
  }
  const { guessedRows } = refused;
  const about = guessedRows === null ? "" : ` This one is expected to read about ${guessedRows}.`;
  const detail =
    `All keys of this account together may have ${rules.rowsMax} rows read at once and ${rules.rowsPerS} more each ` +
    `second.${about} Ask for a shorter range, a coarser granularity, fewer ads or fewer of publisher, country, ` +
    `device and creative; or again in ${retryAfterS} seconds.`;
  return refusal("read_budget_spent", retryAfterS, detail);
}

function refusal(reason: ReadProblem, retryAfterS: number, detail: string): Response {
  return problemResponse({ reason, ...READ_PROBLEMS[reason], detail }, { "Retry-After": String(retryAfterS) });
}
