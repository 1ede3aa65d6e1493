/**
 * A request that does not fit its schema, as a problem that names the first fault.
 */
import type { z } from "zod";
import type { ReportProblem } from "../report/problems.ts";

export function invalidBody({ issues }: z.ZodError): ReportProblem {
  const [issue] = issues;
  if (issue?.code === "unrecognized_keys") return { reason: "unknown_parameter", field: issue.keys.join(", ") };
  const field = issue?.path.join(".") ?? "";
  return { reason: "invalid_value", detail: issue?.message ?? "", ...(field === "" ? {} : { field }) };
}
