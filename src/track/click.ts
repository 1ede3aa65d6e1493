/**
 * The click: verify → redirect → (after the response) enqueue.
 *
 *   GET|HEAD /c/:token, /v1/click/:token       302; other parameters pass to the landing page or are ignored
 *   GET|HEAD …?redirect=false                  the pixel: players of video ads ask for an image (VAST ClickTracking)
 *   POST     the same                          204: `<a ping>` and beacons, which read no answer; a form is redirected
 *
 * Keeps: before the 302 there is no network call and no storage call; only a token of `dur: 1` waits, bounded, until
 * its click is durable. If the signature verifies, the redirect is sent whatever happens to the counting; if it does
 * not, there is no redirect. Bots, HEAD and expired links get the same 302 as everybody: a bot cannot see whether it
 * was detected. A speculative fetch gets 503 `no-store`, so that a compliant browser asks again when the person really
 * clicks.
 */
import { makeClickId } from "../core/click-id.ts";
import { expandDestination } from "../core/destination.ts";
import { dimensionsOf } from "../core/fields.ts";
import type { MacroValues } from "../core/macros.ts";
import { isMethod } from "../core/token-event.ts";
import { type Accepted, acceptEvent, NO_REPORT } from "./accept.ts";
import { allowCrossOrigin, preflightResponse } from "./cors.ts";
import { type Edge, edgeOf, knownEdge } from "./edge.ts";
import { pixelResponse } from "./pixel.ts";
import { refuse } from "./refuse.ts";

/** Answers a click link. */
export async function handleClick(request: Request, token: string, env: Env, ctx: ExecutionContext): Promise<Response> {
  const edge = knownEdge(env) ?? (await edgeOf(env));
  const { method, url } = request;
  if (method === "OPTIONS") return preflightResponse(request);
  if (!isMethod(method)) {
    return allowCrossOrigin(refuse({ reason: "method_not_allowed" }, request, env.OPERATIONS), request);
  }
  const accepted = await acceptEvent({ type: "click", request, token, method, report: NO_REPORT }, edge, ctx);
  if (!accepted.ok) return allowCrossOrigin(refuse(accepted.error, request, env.OPERATIONS), request);
  if (method === "POST") return answerPost(request, accepted.value, edge);
  if (isQuiet(url)) return allowCrossOrigin(pixelResponse(method), request);
  return redirectTo(landingUrlOf(accepted.value, edge, url));
}

/** A ping or a beacon is done; a form that a person sends goes where its link goes. */
function answerPost(request: Request, accepted: Accepted, edge: Edge): Response {
  const isNavigation = request.headers.get("Sec-Fetch-Mode") === "navigate";
  const { url } = request;
  const isDone = !isNavigation || isQuiet(url);
  return allowCrossOrigin(isDone ? noContent() : redirectTo(landingUrlOf(accepted, edge, url)), request);
}

/** Who asks for no redirect; a link that was escaped once too often still says so. */
export function isQuiet(url: string): boolean {
  return url.includes("redirect=false") && /[?&;]redirect=false(?:[&#]|$)/.test(url);
}

export function noContent(): Response {
  return new Response(null, { status: 204, headers: { "Cache-Control": "no-store" } });
}

/** Where an accepted click is sent: the signed URL, with a click id that the advertiser hands back with conversions. */
export function landingUrlOf(accepted: Accepted, { config, ring }: Edge, clickUrl: string): string {
  const { claims, id, occurredAtMs } = accepted;
  const click = { ...dimensionsOf(claims, accepted), eventId: id, clickedAtMs: occurredAtMs, isTest: claims.tst };
  const clickId = makeClickId(click, ring);
  const values = macroValues(accepted, clickId);
  const sent = claims.fwd ? queryOf(clickUrl) : "";
  return expandDestination(claims.url, { values, param: config.clickIdParam, sent });
}

/** The query of an absolute URL, without its `?`. */
function queryOf(url: string): string {
  const start = url.indexOf("?");
  return start === -1 ? "" : url.slice(start + 1);
}

export function redirectTo(location: string): Response {
  return new Response(null, {
    status: 302,
    headers: {
      Location: location,
      "Cache-Control": "no-store",
      "Referrer-Policy": "strict-origin-when-cross-origin",
      "X-Robots-Tag": "noindex",
    },
  });
}

function macroValues({ claims: { jti, ad, cmp, pub }, receivedAtMs }: Accepted, clickId: string): MacroValues {
  return {
    click_id: clickId,
    impression_id: jti,
    ad_id: ad,
    campaign_id: cmp,
    publisher_id: pub,
    ts: String(receivedAtMs),
  };
}
