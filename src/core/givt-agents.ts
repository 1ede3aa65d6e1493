/**
 * What a user agent says of itself: a person's browser, a preview of a link, a program, a crawler.
 *
 *   facebookexternalhit/1.1 (+http://…)                 link preview
 *   curl/8.5.0 · Dalvik/2.1.0 (Linux; …) · (nothing)    no browser
 *   Mozilla/5.0 (compatible; Googlebot/2.1; +http://…)  declared crawler
 *   Mozilla/5.0 (iPhone; …) … [FBAN/FBIOS;FBAV/…]       a browser inside an app: a person
 *   [FBAN/FB4A;FBAV/…;FBDV/SM-S921B;…]                  an app that follows links itself: a person (app-browser.ts)
 *
 * Keeps: pure and total; an agent of no browser's form is one of the three, but for the apps that are named; only what
 * the agent states of itself counts, a forged agent is not seen here. Expressions are linear in the length of the
 * agent.
 * Sources: isbot for crawlers; the names under which preview fetchers commonly announce themselves, compiled by hand
 * (2026-11); RFC 9110 §10.1.5 for the form of an agent. Browsers that isbot takes for crawlers were looked for in the
 * fixtures of matomo's device-detector (2026-08).
 */
import { list as CRAWLERS, isbot } from "isbot";
import { behindAppBrowser, isAppBrowser } from "./app-browser.ts";
import { remembering } from "./memo.ts";

/**
 * Programs that fetch a shared link to show a card of it. Matched anywhere, for Apple's messages send the names of
 * three of them at once; WhatsApp's name stands first in its fetcher's agent and last in its browser's.
 */
const LINK_PREVIEW = new RegExp(
  [
    "facebookexternalhit|facebot\\b|twitterbot|slackbot|slack-imgproxy|^whatsapp/|telegrambot|discordbot|linkedinbot",
    "skypeuripreview|microsoftpreview|snap url preview|google-pagerenderer|redditbot|vkshare|odklbot|kakaotalk-scrap",
    "line-poker|bluesky cardyb|embedly/|iframely/|mastodon/\\d|matrix-org/synapse|^viber/",
  ].join("|"),
  "i",
);

/** Agents whose answers are kept. */
const AGENTS_MOST = 2_000;

export const isLinkPreview = remembering((userAgent) => LINK_PREVIEW.test(userAgent), AGENTS_MOST);

/** A browser names its ancestor and describes its device, or is one of the old phones' and televisions' browsers. */
const BROWSER =
  /(?:mozilla|opera|ucweb)\/\d[^()]{0,40}\(|applewebkit\/|netfront\/|up\.browser\/|ucbrowser\/|hbbtv\/|\bmidp-\d/i;
/** Names a crawler gives itself; what has one is left to the rule on crawlers, which says more of it. */
const SELF_NAMED = /bot\b|crawl|spider|https?:\/\//i;

/** No agent at all, or one that is not of a browser's form and does not call itself a crawler either. */
export const isNonBrowser = remembering(
  (userAgent) => !BROWSER.test(userAgent) && !SELF_NAMED.test(userAgent) && !isAppBrowser(userAgent),
  AGENTS_MOST,
);

/**
 * Words of real browsers in which isbot sees a crawler: the model of an Android device, which is its maker's word
 * (Doogee Discovery, Cubot), the process name in WeChat's agent, Sogou's browser and search app, a mark in televisions'
 * Opera.
 */
const NOT_CRAWLERS =
  /(?<=\bandroid \d[\d.]*;)[^()]*|process\/tools(?:mp)?\b|sogou(?:mse|mobilebrowser|search)\b|\.catcher[\d.]+/gi;

/**
 * True for a browser's form with a name on isbot's list in it, and for any other agent that calls itself a crawler.
 * What an app says of itself and its device is not searched: isbot takes every agent of that form for a program.
 */
export const isDeclaredCrawler = remembering((userAgent) => {
  const appended = behindAppBrowser(userAgent);
  if (appended !== null) return SELF_NAMED.test(appended);
  if (!BROWSER.test(userAgent)) return SELF_NAMED.test(userAgent);
  return isbot(userAgent) && isbot(userAgent.replace(NOT_CRAWLERS, ""));
}, AGENTS_MOST);

/** Proxies that fetch the images of a mail when a person opens it; Apple's fetches unopened mail, and is not one. */
const MAIL_IMAGE_PROXY = /\bgoogleimageproxy\b|^yahoomailproxy\b/i;

export function isMailImageProxy(userAgent: string): boolean {
  return MAIL_IMAGE_PROXY.test(userAgent);
}

/** The lists as text, for their digests (core/rules.ts). */
export const AGENT_PATTERNS = {
  browsers: [BROWSER.source, SELF_NAMED.source],
  crawlers: [CRAWLERS, NOT_CRAWLERS.source],
  linkPreviews: LINK_PREVIEW.source,
  mailImageProxies: MAIL_IMAGE_PROXY.source,
} as const;
