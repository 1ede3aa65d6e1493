/**
 * The click by script or SDK: `POST /v1/click`, JSON or a `text/plain` beacon, from any origin.
 *
 *   {"token": "…", "timestamp_ms"?: 1776686400000, "device_type"?: "mobile"}
 *   → 302 to the landing page, or 204 with `?redirect=false`
 *
 * Keeps: the same verdicts as a link. `timestamp_ms` outside [`iat`, now + 5 s] is not believed: our time is used and
 * the event says so.
 */

import { readJsonBody } from "../body.ts";
import { isDeviceClass } from "../core/device.ts";
import { BODY_BYTES_MAX } from "../core/limits.ts";
import type { Refusal } from "../core/refusal.ts";
import { err, ok, type Result } from "../core/result.ts";
import { acceptEvent, type ClientReport } from "./accept.ts";
import { landingUrlOf, redirectTo } from "./click.ts";
import { edgeOf } from "./edge.ts";
import { refuse } from "./refuse.ts";

const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "POST, OPTIONS",
  "Access-Control-Allow-Headers": "Content-Type",
  "Access-Control-Max-Age": "86400",
} as const;

export type ScriptClick = { readonly token: string; readonly report: ClientReport };

export async function handleScriptClick(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const click = await readScriptClick(request);
  if (!click.ok) return allowCrossOrigin(refuse(click.error, request, env.OPERATIONS));
  const edge = await edgeOf(env);
  const accepted = await acceptEvent({ type: "click", request, method: "POST", ...click.value }, edge, ctx);
  if (!accepted.ok) return allowCrossOrigin(refuse(accepted.error, request, env.OPERATIONS));
  const isQuiet = new URL(request.url).searchParams.get("redirect") === "false";
  const response = isQuiet
    ? new Response(null, { status: 204, headers: { "Cache-Control": "no-store" } })
    : redirectTo(landingUrlOf(accepted.value, edge, ""));
  return allowCrossOrigin(response);
}

/** Answers the browser's question whether another origin may post here. */
export function handlePreflight(): Response {
  return new Response(null, { status: 204, headers: CORS });
}

async function readScriptClick(request: Request): Promise<Result<ScriptClick, Refusal>> {
  const body = await readJsonBody(request, BODY_BYTES_MAX);
  if (!body.ok) return body;
  const { token, timestamp_ms: occurredAtMs = null, device_type: device = null } = body.value;
  if (token === undefined || token === null) return err({ reason: "token_missing" });
  if (typeof token !== "string") return err({ reason: "field_invalid", field: "token" });
  if (occurredAtMs !== null && !Number.isSafeInteger(occurredAtMs)) {
    return err({ reason: "field_invalid", field: "timestamp_ms" });
  }
  if (device !== null && !isDeviceClass(device)) {
    return err({ reason: "field_invalid", field: "device_type" });
  }
  return ok({ token, report: { occurredAtMs: occurredAtMs as number | null, device } });
}

function allowCrossOrigin(response: Response): Response {
  for (const [name, value] of Object.entries(CORS)) response.headers.set(name, value);
  return response;
}
