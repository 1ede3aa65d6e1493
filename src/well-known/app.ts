/**
 * `/.well-known/ad-measurement.json`: the methodology for whoever asks, without a key.
 *
 *   GET|HEAD → application/json, an hour in any cache, from any origin
 *
 * Keeps: says nothing that depends on the request. Loaded on the first request only; the click path never is.
 */
import type { Asked } from "../access/asked.ts";
import { methodologyOf } from "./methodology.ts";

const CACHE_S = 3_600;

const CORS = { "Access-Control-Allow-Origin": "*" } as const;

/** Answers a request for the methodology. */
export function answerMethodology({ request: { method }, config }: Asked): Response {
  const body = JSON.stringify(methodologyOf(config));
  return new Response(method === "HEAD" ? null : body, {
    headers: {
      ...CORS,
      "Content-Type": "application/json",
      "Cache-Control": `public, max-age=${CACHE_S}`,
      "X-Content-Type-Options": "nosniff",
    },
  });
}
