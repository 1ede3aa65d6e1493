/**
 * From the holder of a key to the rows that it may read.
 *
 * Keeps: a key that is bound to an advertiser reads that advertiser's rows, whatever its scopes; only an admin without
 * one reads all. The scope found here is applied in src/report/segments-sql.ts, in every statement.
 */
import type { Principal } from "../access/api-keys.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { ReportProblem } from "./problems.ts";
import type { ReadScope } from "./segments-sql.ts";

/** The rows that a principal may read, or why it may read none. */
export function readScopeOf(principal: Principal | null): Result<ReadScope, ReportProblem> {
  if (principal === null) return err({ reason: "authentication_required" });
  const isAdmin = principal.scopes.has("admin");
  if (!isAdmin && !principal.scopes.has("report")) {
    return err({ reason: "insufficient_scope", detail: "The key needs the scope report." });
  }
  if (principal.advertiserId === null && !isAdmin) return err({ reason: "insufficient_scope" });
  return ok({ advertiserId: principal.advertiserId });
}
