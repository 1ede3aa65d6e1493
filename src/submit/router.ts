/**
 * The routes by which others submit what they counted: conversions and impression counts. Each also stands under
 * `/api`.
 */
import { logFault } from "../log.ts";
import { problemResponse } from "../problem.ts";
import { type Route, type Routes, routerOf } from "../routes.ts";
import { handleConversions, handlePostback, handlePostbackSecret } from "./conversions.ts";
import { handleCounts } from "./counts.ts";
import { submissionProblem } from "./refuse.ts";

export const ROUTES: Routes = new Map<string, Route>([
  [
    "/v1/conversions",
    { POST: handleConversions, GET: handlePostback, HEAD: handlePostback, other: () => notAllowed("GET, HEAD, POST") },
  ],
  ["/v1/conversions/secret", { GET: handlePostbackSecret, other: () => notAllowed("GET") }],
  ["/v1/impressions/counts", { POST: handleCounts, other: () => notAllowed("POST") }],
]);

const route = routerOf(ROUTES);

/** Answers a submission; undefined when the path is none of these. A fault is the sender's to try again. */
export async function handleSubmit(
  request: Request,
  path: string,
  env: Env,
  ctx: ExecutionContext,
): Promise<Response | undefined> {
  try {
    return await route(request, path, env, ctx);
  } catch (fault) {
    logFault("submission_failed", fault);
    return submissionProblem({ reason: "unavailable" });
  }
}

function notAllowed(allow: string): Response {
  return problemResponse({ reason: "method_not_allowed" }, { Allow: allow });
}
