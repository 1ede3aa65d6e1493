/**
 * What is said to a caller whose read or stream may not enter now, and what to change.
 *
 * Keeps: a tenant is told of its own budget and of its own reads; of others only that there are too many just now.
 */
import type { TenantRules } from "../core/read-tenant.ts";
import { assertNever } from "../core/result.ts";
import { problemResponse } from "../problem.ts";
import type { Reason } from "../problems/catalog.ts";
import type { Turn } from "./read-line.ts";
import { LINE_OF_TENANT_MAX } from "./read-rules.ts";

/** A refusal before it is an answer. */
export type Refusal = { readonly reason: Reason; readonly detail: string; readonly retryAfterS: number };

/** The answer to a read or stream that may not enter. */
export function refuseTurn(turn: Exclude<Turn, { kind: "entered" }>, ask: { rules: TenantRules }): Response {
  const { retryAfterS, ...problem } = refusalOf(turn, ask);
  return problemResponse(problem, { "Retry-After": String(retryAfterS) });
}

export function refusalOf(turn: Exclude<Turn, { kind: "entered" }>, { rules }: { rules: TenantRules }): Refusal {
  const { retryAfterS } = turn;
  switch (turn.kind) {
    case "places_taken": {
      if (!turn.isOwn) {
        const detail = `Others are served just now; ask again in ${retryAfterS} seconds.`;
        return { reason: "reports_busy", detail, retryAfterS };
      }
      const detail =
        `${rules.readsMax} reports of this account run and up to ${LINE_OF_TENANT_MAX} wait, whichever key asks; ` +
        "wait for their answers before asking for more.";
      return { reason: "too_many_reads", detail, retryAfterS };
    }
    case "streams_of_all_taken": {
      const detail = "Too many live streams are open; read /v1/metrics/clicks meanwhile.";
      return { reason: "reports_busy", detail, retryAfterS };
    }
    case "streams_taken": {
      const detail =
        `${rules.streamsMax} live streams of this account are open, whichever key asks; ` +
        "close one, or share one among several screens.";
      return { reason: "too_many_streams", detail, retryAfterS };
    }
    case "rows_spent": {
      const about = turn.guessedRows === null ? "" : ` This one is expected to read about ${turn.guessedRows}.`;
      const detail =
        `All keys of this account together may have ${rules.rowsMax} rows read at once and ${rules.rowsPerS} more ` +
        `each second.${about} Ask for a shorter range, a coarser granularity, fewer ads or fewer of publisher, ` +
        `country, device and creative; or again in ${retryAfterS} seconds.`;
      return { reason: "read_budget_spent", detail, retryAfterS };
    }
    default:
      return assertNever(turn);
  }
}
