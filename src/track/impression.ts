/**
 * The impression pixel: verify → a transparent GIF → (after the response) enqueue.
 *
 *   GET|HEAD /i/:token, /v1/impression/:token        43 bytes, image/gif, no-store
 *
 * Keeps: the page that shows the ad gets its pixel whatever the token is worth: a broken image would punish the reader
 * for the ad server's mistake, and tell a forger what is wrong. What is refused is counted as refused and makes no
 * event. A speculative fetch gets its pixel and is not counted; no browser asks again for an image, so it is refused,
 * not deferred.
 */
import { writeRefusedPoint } from "../operations.ts";
import { acceptEvent, NO_REPORT } from "./accept.ts";
import { allowCrossOrigin, preflightResponse } from "./cors.ts";
import { edgeOf, knownEdge } from "./edge.ts";
import { pixelResponse } from "./pixel.ts";
import { refuse } from "./refuse.ts";

/** Answers an impression pixel. */
export async function handleImpression(
  request: Request,
  token: string,
  env: Env,
  ctx: ExecutionContext,
): Promise<Response> {
  const edge = knownEdge(env) ?? (await edgeOf(env));
  const { method } = request;
  if (method === "OPTIONS") return preflightResponse(request);
  if (method !== "GET" && method !== "HEAD") return refuse({ reason: "method_not_allowed" }, request, env.OPERATIONS);
  const accepted = await acceptEvent({ type: "impression", request, token, method, report: NO_REPORT }, edge, ctx);
  if (!accepted.ok) writeRefusedPoint(env.OPERATIONS, accepted.error);
  return request.headers.has("Origin") ? allowCrossOrigin(pixelResponse(method), request) : pixelResponse(method);
}
