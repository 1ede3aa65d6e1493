/**
 * From the holder of a key to the rows that it may read.
 *
 * Keeps: a key that is bound to an advertiser or to a publisher reads those rows, whatever its scopes; only an admin
 * without either reads all. No statement over tenants' rows is prepared without the scope (src/access/read-scope.ts).
 */

import type { Principal } from "../access/api-keys.ts";
import { lacksFor } from "../access/needs.ts";
import { ReadScope } from "../access/read-scope.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { ReportProblem } from "./problems.ts";
import { type DefaultZone, type ReportQuery, UTC_BY_DEFAULT, unsplitMetric } from "./query/query.ts";
import { toZone } from "./query/zone.ts";

/** The rows that a principal may read, or why it may read none. */
export function readScopeOf(principal: Principal | null): Result<ReadScope, ReportProblem> {
  if (principal === null) return err({ reason: "authentication_required" });
  const lacks = lacksFor("report", principal);
  if (lacks !== null) return err({ reason: "insufficient_scope", detail: lacks });
  return ok(ReadScope.of(principal));
}

/** The zone of the key's advertiser, where its profile names one that is known here; else UTC. */
export function defaultZoneOf({ account }: Pick<Principal, "account">): DefaultZone {
  const zone = account === null ? null : toZone(account.timeZone);
  return zone === null ? UTC_BY_DEFAULT : { zone, from: "profile" };
}

/** A query within a scope: one publisher's traffic is a filter, and so refuses what a filter by publisher refuses. */
export function checkScope(query: ReportQuery, { publisherId }: ReadScope): Result<ReportQuery, ReportProblem> {
  const problem = publisherId === null ? null : unsplitMetric(query.metrics, [{ dimension: "publisher_id" }]);
  if (problem === null) return ok(query);
  const metric = problem.reason === "uniques_not_mergeable" ? "unique_users" : "reasons";
  return err({
    ...problem,
    detail: `A publisher's key reads the traffic of one publisher, by which ${metric} are not counted: leave them out.`,
  });
}
