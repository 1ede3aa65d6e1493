/**
 * `/problems/:name`: what a problem's `type` points at. A browser is shown a page of it
 * (src/dashboard/nothing-here.tsx).
 *
 *   {"type":"/problems/unknown-parameter","status":400,"title":"…","area":"reports, …","advice":"…"}
 *
 * Keeps: says the rows of src/problems/ and nothing of the request.
 */
import type { Asked } from "../access/asked.ts";
import { problemResponse, problemType } from "../problem.ts";
import { PROBLEM_MEANINGS } from "./problems.ts";

const CACHE_S = 3_600;
/** Answers a request for the meaning of a problem. */
export function answerProblem({ param }: Pick<Asked, "param">): Response {
  const meaning = PROBLEM_MEANINGS.get(problemType(param("name")));
  if (meaning === undefined) {
    return problemResponse({ reason: "not_found", detail: "There is no such problem: /problems names all of them." });
  }
  return Response.json(meaning, {
    headers: {
      "Cache-Control": `public, max-age=${CACHE_S}`,
      "Access-Control-Allow-Origin": "*",
      Vary: "Accept",
      "X-Content-Type-Options": "nosniff",
    },
  });
}
