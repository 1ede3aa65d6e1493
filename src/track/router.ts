/**
 * The tracking routes. Click links and pixels are matched by hand before anything is parsed, since they are what
 * browsers wait for (`tokenIn`); the others go through itty-router (`routes.ts`). Each route also stands under `/api`.
 */
import type { EventType } from "../core/token-event.ts";
import { problemResponse } from "../problem.ts";
import { type Route, type Routes, routerOf } from "../routes.ts";
import { preflightResponse } from "./cors.ts";
import { handleMint } from "./mint.ts";
import { handleScriptClick } from "./script-click.ts";

const PREFIXES = { click: ["/c/", "/v1/click/"], impression: ["/i/", "/v1/impression/"] } as const satisfies Record<
  EventType,
  readonly string[]
>;
const API_PREFIX = "/api";

/** The path of an absolute URL without its query, without the `/api` prefix, and with runs of slashes as one. */
export function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  if (start === -1) return "/";
  const end = url.slice(start).search(/[?#]/);
  const sent = end === -1 ? url.slice(start) : url.slice(start, start + end);
  // Templates join a base that ends with a slash and a path that begins with one.
  const path = sent.includes("//") ? sent.replace(/\/{2,}/g, "/") : sent;
  return path.startsWith(`${API_PREFIX}/`) ? path.slice(API_PREFIX.length) : path;
}

/** The token in the path of a click link or a pixel, or null when the path is neither. */
export function tokenIn(type: EventType, path: string): string | null {
  for (const prefix of PREFIXES[type]) if (path.startsWith(prefix)) return path.slice(prefix.length);
  return null;
}

export const ROUTES: Routes = new Map<string, Route>([
  [
    "/v1/click",
    {
      OPTIONS: (request) => preflightResponse(request),
      other: handleScriptClick,
    },
  ],
  [
    "/v1/tokens",
    {
      POST: handleMint,
      other: () => problemResponse({ reason: "method_not_allowed" }, { Allow: "POST" }),
    },
  ],
]);

/** Answers a tracking request other than a click link; undefined when the path is none of ours. */
export const handleTrack = routerOf(ROUTES);
