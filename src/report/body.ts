/**
 * The body of a query as JSON, read no further than it may be long. A body that is no JSON is null here, and refused by
 * whoever parses it.
 */
import { readJson } from "../body.ts";
import { err, ok, type Result } from "../core/result.ts";
import { QUERY_BYTES_MAX } from "./limits.ts";
import type { ReportProblem } from "./problems.ts";

/** The value of a JSON body; null where it is none. */
export async function readQueryBody(request: Request): Promise<Result<unknown, ReportProblem>> {
  const body = await readJson(request, QUERY_BYTES_MAX);
  if (body.ok) return body;
  if (body.error.reason !== "body_too_large") return ok(null);
  return err({ reason: "body_too_large", detail: `At most ${QUERY_BYTES_MAX} bytes.` });
}
