/**
 * General invalid traffic: the ordered, named rules that make an event `invalid`. The first rule that applies names the
 * reason; every logged event keeps it, with RULES_VERSION (core/verdict.ts).
 *
 *   test · expired_token             what the token says: no traffic to judge
 *   head_request                     what was asked for: headers, not a page
 *   link_preview · non_browser_agent · declared_crawler      what the agent calls itself, the most specific first
 *   data_centre_network              where it comes from
 *   too_fast                         when
 *
 * Keeps: pure and total, over one event alone, so every way into the shard meets the same rules. The order runs from
 * the signed and certain to the inferred: an auditor reads the strongest evidence there is, and a list of networks
 * never explains what the agent has admitted. `non_browser_agent` stands before `declared_crawler`, because isbot's
 * patterns also take libraries and tools, which are no crawlers; it leaves alone whatever calls itself one. Events are
 * classified, never dropped, and the edge answers all of them alike, so the rules tell nothing to whom they judge.
 * Relies on: `iat` of the ad server's clock and `receivedAtMs` of the edge's.
 * Sources: the categories of general invalid traffic of the MRC's Invalid Traffic Detection and Filtration Guidelines
 * Addendum, as vendors' glossaries quote them; the Addendum itself was not at hand.
 */
import type { Claims } from "./claims.ts";
import { isDataCentre } from "./data-centre-networks.ts";
import { isDeclaredCrawler, isLinkPreview, isMailImageProxy, isNonBrowser } from "./givt-agents.ts";
import { SECOND_MS } from "./limits.ts";
import type { EventType } from "./token-event.ts";

/**
 * Sooner after issue than this no person clicks: to see a thing and press a button already waited upon takes about
 * 200 ms (simple reaction time), and here the ad has yet to travel, be drawn and be aimed at.
 */
export const HUMAN_CLICK_MIN_MS = 300;

/** What the rules look at. */
export type GivtSubject = {
  readonly type: EventType;
  readonly method: string;
  readonly userAgent: string;
  readonly asn: number | null;
  readonly receivedAtMs: number;
  readonly claims: Pick<Claims, "iat" | "exp" | "tst">;
};

export const GIVT_REASONS = [
  "test",
  "expired_token",
  "head_request",
  "link_preview",
  "non_browser_agent",
  "declared_crawler",
  "data_centre_network",
  "too_fast",
] as const;
export type GivtReason = (typeof GIVT_REASONS)[number];

/** Whether the reason tells a machine; test traffic and what came after a token's life are of people too. */
export function isOfMachine(reason: string | null): boolean {
  return (
    (GIVT_REASONS as readonly (string | null)[]).includes(reason) && reason !== "test" && reason !== "expired_token"
  );
}

export type GivtRule = {
  readonly name: GivtReason;
  /** What the rule says of an event, in one sentence. */
  readonly means: string;
  /** Where it comes from: the standard's category or the contract, and the list it uses. */
  readonly source: string;
  readonly applies: (subject: GivtSubject) => boolean;
};

/** The rules, in order. */
export const GIVT_RULES: readonly GivtRule[] = [
  {
    name: "test",
    means: "The ad server marked the token as test traffic.",
    source: "claim `tst`; MRC: internal and test traffic",
    applies: ({ claims }) => claims.tst,
  },
  {
    name: "expired_token",
    means: "The event was received after the end of the token's life.",
    source: "claim `exp`",
    applies: isAfterLife,
  },
  {
    name: "head_request",
    means: "The request asked for headers only, which no browser does when a person clicks.",
    source: "RFC 9110 §9.3.2; MRC: parameter check",
    applies: ({ method }) => method === "HEAD",
  },
  {
    name: "link_preview",
    means: "The agent is of a program that shows a card of a shared link.",
    source: "operators' published agents; MRC: pre-fetch and pre-rendered traffic",
    applies: ({ userAgent }) => isLinkPreview(userAgent),
  },
  {
    name: "non_browser_agent",
    means: "The agent is empty or of no browser's form: a library, a tool or an app that is not a browser.",
    source: "form of the agent; MRC: non-browser user-agent headers or other forms of unknown browsers",
    applies: (subject) => !isMailProxied(subject) && isNonBrowser(subject.userAgent),
  },
  {
    name: "declared_crawler",
    means: "The agent names a crawler, a monitor or another automated client.",
    source: "isbot; MRC: bots and spiders or other crawlers",
    applies: (subject) => !isMailProxied(subject) && isDeclaredCrawler(subject.userAgent),
  },
  {
    name: "data_centre_network",
    means: "The request came from a network of rented servers that people do not browse through.",
    source: "list of networks (core/data-centre-networks.ts); MRC: known data-centre traffic",
    applies: ({ asn, type }) => isDataCentre(asn, type),
  },
  {
    name: "too_fast",
    means:
      `The click was received less than ${HUMAN_CLICK_MIN_MS} ms after ` +
      "a token issued with a fraction of a second.",
    source: "claim `iat`; MRC: activity-based filtration",
    applies: isTooFast,
  },
];

/** The name of the first rule that applies, or null. */
export function givtReasonOf(subject: GivtSubject): GivtReason | null {
  return GIVT_RULES.find(({ applies }) => applies(subject))?.name ?? null;
}

/** True when the event was received after the token's life. */
export function isAfterLife({ receivedAtMs, claims }: Pick<GivtSubject, "receivedAtMs" | "claims">): boolean {
  return receivedAtMs > claims.exp * SECOND_MS;
}

/** An image that a mail's proxy fetched for the person who opened it; a proxy of images clicks on nothing. */
function isMailProxied({ type, userAgent }: GivtSubject): boolean {
  return type === "impression" && isMailImageProxy(userAgent);
}

/**
 * Only where `iat` has a fraction: a whole second may lie up to a second before the issue, and a token issued long
 * before its ad is shown says nothing of the click; a fraction promises the instant of showing. Receipt is asked and
 * not the click's own time, also for a click whose client told it: that clock is the client's, and a click is never
 * received before it happens. A click received before its issue shows two clocks that disagree, and proves nothing.
 * Both instants are cut to whole milliseconds, as the edge's clock is.
 */
function isTooFast({ type, receivedAtMs, claims }: GivtSubject): boolean {
  if (type !== "click" || Number.isInteger(claims.iat)) return false;
  const elapsedMs = receivedAtMs - Math.floor(claims.iat * SECOND_MS);
  return elapsedMs >= 0 && elapsedMs < HUMAN_CLICK_MIN_MS;
}
