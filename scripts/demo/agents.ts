/**
 * Real user agents for the demonstration: browsers from `user-agents`, weighted as seen in the wild, and automated ones
 * from `crawler-user-agents`, by what the classifier in use (core/givt.ts) calls them.
 *
 * Keeps: the lists say who is a person and who is not. Agents on which the classifier disagrees with its list are left
 * out and counted: how well agents are classified is another measurement than whether events are counted right.
 */
import { createRequire } from "node:module";
import { type GivtReason, givtReasonOf } from "../../src/core/givt.ts";

/** The kinds of automated agents, by the reason that each is counted under. */
export type Automated = {
  readonly crawlers: readonly string[];
  readonly previews: readonly string[];
  readonly programs: readonly string[];
};

export type Agents = Automated & {
  readonly browsers: readonly { readonly text: string; readonly weight: number }[];
  /** Agents of either list that were left out, and the size of the lists. */
  readonly leftOut: { readonly browsers: number; readonly automated: number };
  readonly listed: { readonly browsers: number; readonly automated: number };
};

/** The edge keeps this many characters of an agent. */
const LENGTH_MAX = 512;
/** What may stand in a header, without blanks at its ends. */
const SENDABLE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

type BrowserEntry = { readonly userAgent: string; readonly weight: number };
type CrawlerEntry = { readonly instances: readonly string[] };

export function loadAgents(): Agents {
  const require = createRequire(import.meta.url);
  const { top } = require("user-agents") as { top(count: number): BrowserEntry[] };
  const listedBrowsers = top(10_000).filter(({ userAgent }) => isSendable(userAgent));
  const listed = require("crawler-user-agents") as CrawlerEntry[];
  const automated = [...new Set(listed.flatMap(({ instances }) => instances))].filter(isSendable);
  const browsers = listedBrowsers.filter(({ userAgent }) => reasonOf(userAgent) === null);
  const calledBy = (reason: GivtReason) => automated.filter((agent) => reasonOf(agent) === reason);
  const kinds: Automated = {
    crawlers: calledBy("declared_crawler"),
    previews: calledBy("link_preview"),
    programs: calledBy("non_browser_agent"),
  };
  const known = kinds.crawlers.length + kinds.previews.length + kinds.programs.length;
  return {
    ...kinds,
    browsers: browsers.map(({ userAgent: text, weight }) => ({ text, weight })),
    leftOut: { browsers: listedBrowsers.length - browsers.length, automated: automated.length - known },
    listed: { browsers: listedBrowsers.length, automated: automated.length },
  };
}

/**
 * What a plain event with this agent, and nothing else about it, is called; "both" where clicks and impressions differ,
 * as with the proxies through which people see the images of their mail.
 */
function reasonOf(userAgent: string): GivtReason | "both" | null {
  const claims = { iat: 0, exp: 1, tst: false };
  const plain = { method: "GET", userAgent, asn: null, receivedAtMs: 0, claims };
  const clicked = givtReasonOf({ ...plain, type: "click" });
  return clicked === givtReasonOf({ ...plain, type: "impression" }) ? clicked : "both";
}

function isSendable(text: string): boolean {
  return text.length <= LENGTH_MAX && SENDABLE.test(text);
}
