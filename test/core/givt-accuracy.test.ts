/**
 * How often the rules on agents are wrong on two public lists: browsers of `user-agents` (weighted by how often each was
 * seen) and crawlers of `crawler-user-agents`. Each list is split by a hash of the agent: one half was looked at while
 * the rules were written, the other half is asserted here and was not looked at.
 *
 * What the numbers cannot show: `user-agents` leaves out what an older isbot takes for a bot, and isbot learns from
 * `crawler-user-agents`; so both lists favour isbot, and a browser that isbot wrongly takes for a crawler may be missing
 * from the first list. Such browsers are tested by hand in givt-agents.test.ts.
 */
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { givtReasonOf } from "../../src/core/givt.ts";
import { USER_AGENT_LENGTH_MAX } from "../../src/core/limits.ts";
import { NOON_MS, NOON_S } from "../support/builders.ts";

type BrowserEntry = { readonly userAgent: string; readonly weight: number };
type CrawlerEntry = { readonly instances: readonly string[] };

const require = createRequire(import.meta.url);
const { top } = require("user-agents") as { top(count: number): BrowserEntry[] };
const crawlers = require("crawler-user-agents") as CrawlerEntry[];

const isUnseen = (userAgent: string) => ((createHash("sha256").update(userAgent).digest()[0] ?? 0) & 1) === 1;
const reasonOf = (userAgent: string) =>
  givtReasonOf({
    type: "click",
    method: "GET",
    userAgent: userAgent.slice(0, USER_AGENT_LENGTH_MAX),
    asn: null,
    receivedAtMs: NOON_MS + 10_000,
    claims: { iat: NOON_S, exp: NOON_S + 3_600, tst: false },
  });

describe("on agents that no rule was made from", () => {
  it("fewer than one in a thousand browsers is judged invalid, by kind and by weight", () => {
    const unseen = top(1_000_000).filter(({ userAgent }) => isUnseen(userAgent));
    const weightOf = (entries: readonly BrowserEntry[]) => entries.reduce((sum, { weight }) => sum + weight, 0);
    const kinds = new Set(unseen.map(({ userAgent }) => userAgent));
    const wrong = unseen.filter(({ userAgent }) => reasonOf(userAgent) !== null);
    // Measured on 2026-11-22: 0 of 468 kinds of agents in 4 047 entries.
    expect(kinds.size).toBeGreaterThan(400);
    expect(new Set(wrong.map(({ userAgent }) => userAgent)).size / kinds.size).toBeLessThan(0.001);
    expect(weightOf(wrong) / weightOf(unseen)).toBeLessThan(0.001);
  });

  it("fewer than one in twenty crawlers is taken for a person", () => {
    const unseen = [...new Set(crawlers.flatMap(({ instances }) => instances))].filter(isUnseen);
    const missed = unseen.filter((userAgent) => reasonOf(userAgent) === null);
    // Measured on 2026-11-22: 7 of 1 063.
    expect(unseen.length).toBeGreaterThan(1_000);
    expect(missed.length / unseen.length).toBeLessThan(0.05);
  });
});
