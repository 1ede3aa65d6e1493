/**
 * Real user agents for the demonstration, with the truth about each: browsers from `user-agents`, weighted as seen in
 * the wild, and crawlers from `crawler-user-agents`.
 *
 * Keeps: the truth comes from the lists. Agents on which the classifier in use (`isbot`) disagrees with its list are
 * left out and counted: how well agents are classified is another measurement than whether clicks are counted right.
 */
import { createRequire } from "node:module";
import { isbot } from "isbot";

export type Agents = {
  readonly browsers: readonly { readonly text: string; readonly weight: number }[];
  readonly crawlers: readonly string[];
  /** Agents of either list that were left out, and the size of the lists. */
  readonly leftOut: { readonly browsers: number; readonly crawlers: number };
  readonly listed: { readonly browsers: number; readonly crawlers: number };
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
  const browsers = top(10_000).filter(({ userAgent }) => isSendable(userAgent));
  const listed = require("crawler-user-agents") as CrawlerEntry[];
  const crawlers = [...new Set(listed.flatMap(({ instances }) => instances))].filter(isSendable);
  const agreedBrowsers = browsers.filter(({ userAgent }) => !isbot(userAgent));
  const agreedCrawlers = crawlers.filter((text) => isbot(text));
  return {
    browsers: agreedBrowsers.map(({ userAgent: text, weight }) => ({ text, weight })),
    crawlers: agreedCrawlers,
    leftOut: {
      browsers: browsers.length - agreedBrowsers.length,
      crawlers: crawlers.length - agreedCrawlers.length,
    },
    listed: { browsers: browsers.length, crawlers: crawlers.length },
  };
}

function isSendable(text: string): boolean {
  return text.length <= LENGTH_MAX && SENDABLE.test(text);
}
