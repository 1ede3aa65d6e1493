/**
 * The click: verify → redirect → (after the response) enqueue.
 *
 *   GET|HEAD /c/:token, /v1/click/:token       query parameters pass to the landing page or are ignored
 *
 * Keeps: before the 302 there is no network call and no storage call; only a token of `dur: 1` waits, bounded, until its
 * click is durable. If the signature verifies, the redirect is sent whatever happens to the counting; if it does not,
 * there is no redirect. Bots, HEAD and expired links get the same 302 as everybody, so that nothing is telegraphed.
 * A speculative fetch gets 503 `no-store`, so that a compliant browser asks again when the person really clicks.
 */
import { makeClickId } from "../core/click-id.ts";
import { expandDestination } from "../core/destination.ts";
import type { MacroValues } from "../core/macros.ts";
import { type Accepted, acceptEvent, NO_REPORT } from "./accept.ts";
import { type Edge, edgeOf, knownEdge } from "./edge.ts";
import { refuse } from "./refuse.ts";

/** Answers a click link. */
export async function handleClick(request: Request, token: string, env: Env, ctx: ExecutionContext): Promise<Response> {
  const edge = knownEdge(env) ?? (await edgeOf(env));
  const { method } = request;
  if (method !== "GET" && method !== "HEAD") return refuse({ reason: "method_not_allowed" }, request, env.OPERATIONS);
  const accepted = await acceptEvent({ type: "click", request, token, method, report: NO_REPORT }, edge, ctx);
  return accepted.ok
    ? redirectTo(landingUrlOf(accepted.value, edge, queryOf(request.url)))
    : refuse(accepted.error, request, env.OPERATIONS);
}

/** Where an accepted click is sent: the signed URL, with a click id that the advertiser hands back with conversions. */
export function landingUrlOf(accepted: Accepted, { config, ring }: Edge, sentQuery: string): string {
  const { claims, id, occurredAtMs, country, device } = accepted;
  const clickId = makeClickId(
    {
      eventId: id,
      clickedAtMs: occurredAtMs,
      advertiserId: claims.adv,
      campaignId: claims.cmp,
      adGroupId: claims.grp ?? "",
      adId: claims.ad,
      publisherId: claims.pub,
      creativeId: claims.crt ?? "",
      country: country ?? "",
      device,
      isTest: claims.tst,
    },
    ring,
  );
  const values = macroValues(accepted, clickId);
  return expandDestination(claims.url, { values, param: config.clickIdParam, sent: claims.fwd ? sentQuery : "" });
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
