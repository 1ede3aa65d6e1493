/**
 * The demonstration, for a person in front of a local run: a publisher's page with signed ads, the landing page they
 * lead to, and the day's figures that move when somebody clicks.
 *
 *   /demo           ads with freshly minted pixels and links     /demo/landing   where every one of them leads
 *   /demo/thanks    what follows a purchase; reports it          /demo/figures   today's totals by ad, JSON
 *   /demo/style.css, /demo/browser.js
 *
 * Keeps: answers loopback hosts only, so that even where it were deployed by mistake it mints nothing for strangers. No
 * other host is contacted. All text is escaped.
 */
import { DAY_MS } from "../core/limits.ts";
import { Directory } from "../facts/directory.ts";
import { problemResponse } from "../problem.ts";
import { edgeOf } from "../track/edge.ts";
import { BROWSER_SCRIPT } from "./browser-script.ts";
import { type Catalog, readCatalog, readFigures } from "./catalog.ts";
import type { Html } from "./html.ts";
import { LANDING_PATH, showAds } from "./impressions.ts";
import { landingPage, pageOf, publisherPage, thanksPage, type Visit } from "./layout.ts";
import { makeOrderId, purchaseOf, THANKS_PATH } from "./purchase.ts";
import { signInByForm, signInChoices } from "./sign-in.ts";
import { STYLE } from "./style.ts";

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** A shop's page takes its time. Meanwhile the ad is still there, and a double click sends its second request. */
const LANDING_DELAY_MS = 400;

const SECURITY_HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; " +
    "form-action 'self'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "same-origin",
};

let pagesShown = 0;

/** Answers a request for the demonstration; undefined when it is for something else or from elsewhere. */
export async function handleDemo(request: Request, path: string, env: Env): Promise<Response | undefined> {
  const url = new URL(request.url);
  if (!LOOPBACK_HOSTS.has(url.hostname) || (path !== "/demo" && !path.startsWith("/demo/"))) return undefined;
  if (path === "/demo/sign-in" && request.method === "POST") {
    return signInByForm(request, env, (await edgeOf(env)).config);
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return problemResponse({ reason: "method_not_allowed" }, { Allow: "GET, HEAD" });
  }
  switch (path) {
    case "/demo":
      return showPublisher(url, env);
    case LANDING_PATH:
      return showLanding(url, env);
    case THANKS_PATH:
      return showThanks(url, env);
    case "/demo/sign-in":
      return answerPage(pageOf("Look as", signInChoices()), "no-store");
    case "/demo/figures":
      return answerFigures(env);
    case "/demo/style.css":
      return answerText(STYLE, "text/css");
    case "/demo/browser.js":
      return answerText(BROWSER_SCRIPT, "text/javascript");
    default:
      return undefined;
  }
}

/** Each page load shows another publisher and makes new impressions. */
async function showPublisher({ origin, protocol, hostname }: URL, env: Env): Promise<Response> {
  const edge = await edgeOf(env);
  if (protocol === "http:" && !edge.config.token.landingHttpHosts.has(hostname)) {
    const detail = "The ads here lead to this host: add it to LANDING_HTTP_HOSTS.";
    return problemResponse({ reason: "not_found", detail });
  }
  const { ads, publishers } = await readCatalog(env.REPORT_DB);
  const publisher = publishers[pagesShown++ % Math.max(1, publishers.length)];
  if (publisher === undefined || ads.length === 0) {
    return problemResponse({ reason: "not_found", detail: "The catalogue holds no ads to show: create some." });
  }
  const shown = await showAds(ads, { publisher, origin, edge, nowMs: Date.now() });
  // Kept for the way back: the browser's Back shows the same impressions, a reload asks for new ones.
  return answerPage(publisherPage(publisher, shown), "private, no-cache");
}

async function showLanding({ searchParams }: URL, env: Env): Promise<Response> {
  const [catalog] = await Promise.all([readCatalog(env.REPORT_DB), scheduler.wait(LANDING_DELAY_MS)]);
  return answerPage(landingPage(visitOf(searchParams, catalog)), "no-store");
}

async function showThanks({ searchParams }: URL, env: Env): Promise<Response> {
  const { ads } = await readCatalog(env.REPORT_DB);
  const { ring } = await edgeOf(env);
  const purchase = await purchaseOf(searchParams, ads, { ring, database: env.REPORT_DB });
  if (purchase === null) {
    return problemResponse({ reason: "not_found", detail: "There is no such order: buy something in the shop." });
  }
  return answerPage(thanksPage(purchase), "no-store");
}

function visitOf(search: URLSearchParams, { ads, publishers }: Catalog): Visit {
  return {
    ad: ads.find(({ ad_id }) => ad_id === search.get("ad")) ?? null,
    publisher: publishers.find(({ publisher_id }) => publisher_id === search.get("publisher")) ?? null,
    impressionId: search.get("impression") ?? "none",
    clickId: search.get("click_id") ?? "none",
    orderId: makeOrderId(),
  };
}

async function answerFigures(env: Env): Promise<Response> {
  const nowMs = Date.now();
  const dayStartMs = nowMs - (nowMs % DAY_MS);
  const { totals, postedAtMs } = await readFigures(
    { primary: env.REPORT_DB, directory: new Directory(env) },
    dayStartMs,
  );
  const postedAgoMs = postedAtMs === null ? null : nowMs - postedAtMs;
  return Response.json({ totals, postedAgoMs }, { headers: { ...SECURITY_HEADERS, "Cache-Control": "no-store" } });
}

function answerPage(page: Html, cacheControl: string): Response {
  const headers = { ...SECURITY_HEADERS, "Content-Type": "text/html; charset=utf-8", "Cache-Control": cacheControl };
  return new Response(page.text, { headers });
}

function answerText(text: string, type: string): Response {
  const headers = { ...SECURITY_HEADERS, "Content-Type": `${type}; charset=utf-8`, "Cache-Control": "no-cache" };
  return new Response(text, { headers });
}
