/**
 * The click by script or SDK: `POST /v1/click`, JSON, a form or a beacon, from any origin (click-body.ts, cors.ts).
 *
 *   {"token": "…", "timestamp_ms"?: 1776686400000, "device_type"?: "mobile"}
 *   → 302 to the landing page, or 204 with `?redirect=false` and to a script of a page
 *
 * Keeps: the same verdicts as a link. `timestamp_ms` outside [`iat`, the earlier of now + 5 s and `exp`] is not
 * believed: our time is used and the event says so. A script never gets a redirect: it could not read where to, and its
 * browser would fetch the landing page unseen, from another origin, and reject the script's promise for a click that
 * counts.
 */
import { acceptEvent } from "./accept.ts";
import { isQuiet, landingUrlOf, noContent, redirectTo } from "./click.ts";
import { readScriptClick } from "./click-body.ts";
import { allowCrossOrigin } from "./cors.ts";
import { edgeOf } from "./edge.ts";
import { refuse } from "./refuse.ts";

export async function handleScriptClick(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  return allowCrossOrigin(await answerScriptClick(request, env, ctx), request);
}

async function answerScriptClick(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  if (request.method !== "POST") return refuse({ reason: "method_not_allowed" }, request, env.OPERATIONS);
  const click = await readScriptClick(request);
  if (!click.ok) return refuse(click.error, request, env.OPERATIONS);
  const edge = await edgeOf(env);
  const accepted = await acceptEvent({ type: "click", request, method: "POST", ...click.value }, edge, ctx);
  if (!accepted.ok) return refuse(accepted.error, request, env.OPERATIONS);
  return isQuiet(request.url) || isOfScript(request.headers)
    ? noContent()
    : redirectTo(landingUrlOf(accepted.value, edge, ""));
}

/** True where a browser says that a script asks and not a person who goes there (Fetch Metadata). */
function isOfScript(headers: Headers): boolean {
  return headers.get("Sec-Fetch-Dest") === "empty" && headers.get("Sec-Fetch-Mode") !== "navigate";
}
