/**
 * The routes by which others submit what they counted: conversions and impression counts. Each also stands under `/api`.
 */
import { type IRequestStrict, IttyRouter } from "itty-router";
import { logFault } from "../log.ts";
import { problemResponse } from "../problem.ts";
import { handleConversions, handlePostback, handlePostbackSecret } from "./conversions.ts";
import { handleCounts } from "./counts.ts";
import { submissionProblem } from "./refuse.ts";

const router = IttyRouter<IRequestStrict, [Env]>()
  .post("/:api?/v1/conversions", (request, env) => handleConversions(request, env))
  .get("/:api?/v1/conversions", (request, env) => handlePostback(request, env))
  .head("/:api?/v1/conversions", (request, env) => handlePostback(request, env))
  .all("/:api?/v1/conversions", () => notAllowed("GET, HEAD, POST"))
  .get("/:api?/v1/conversions/secret", (request, env) => handlePostbackSecret(request, env))
  .all("/:api?/v1/conversions/secret", () => notAllowed("GET"))
  .post("/:api?/v1/impressions/counts", (request, env) => handleCounts(request, env))
  .all("/:api?/v1/impressions/counts", () => notAllowed("POST"));

/** Answers a submission; undefined when the path is none of these. A fault is the sender's to try again. */
export async function handleSubmit(request: Request, env: Env): Promise<Response | undefined> {
  try {
    return await router.fetch(request, env);
  } catch (fault) {
    logFault("submission_failed", fault);
    return submissionProblem({ reason: "unavailable" });
  }
}

function notAllowed(allow: string): Response {
  const problem = { reason: "method_not_allowed", status: 405, title: "The method is not allowed here." };
  return problemResponse(problem, { Allow: allow });
}
