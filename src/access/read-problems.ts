/**
 * What is said to a caller whose read or stream may not enter now, and what to change.
 *
 * Keeps: a tenant is told of its own budget and of its own reads; of others only that there are too many just now.
 */
import type { Refused, TenantRules } from "../core/read-budget.ts";
import { problemResponse } from "../problem.ts";
import type { Reason } from "../problems/catalog.ts";
import type { Turn } from "./read-line.ts";
import { LINE_OF_TENANT_MAX } from "./read-rules.ts";

/** The answer to a read or stream that may not enter. */
export function refuseTurn(turn: Exclude<Turn, { kind: "entered" }>, { rules }: { rules: TenantRules }): Response {
  if (turn.kind === "places_taken") {
    if (!turn.isOwn)
      return refusal(
        "reports_busy",
        turn.retryAfterS,
        `Others are served just now; ask again in ${turn.retryAfterS} seconds.`,
      );
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

function refusal(reason: Reason, retryAfterS: number, detail: string): Response {
  return problemResponse({ reason, detail }, { "Retry-After": String(retryAfterS) });
}
