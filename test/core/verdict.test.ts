import { describe, expect, it } from "vitest";
import type { Claims } from "../../src/core/claims.ts";
import { MINUTE_MS } from "../../src/core/limits.ts";
import type { TokenEvent } from "../../src/core/token-event.ts";
import { countsOf, isExpired, judge, type LatePolicy, latenessMs, VERDICTS } from "../../src/core/verdict.ts";
import { anOpenedClick, CRAWLER, NOON_MS, NOON_S } from "../support/builders.ts";

const REVIEW: LatePolicy = { mode: "review", allowedLatenessS: 30 };
const ACCEPT: LatePolicy = { mode: "accept", allowedLatenessS: 30 };
/** Noon's minute ends here. */
const END_MS = NOON_MS + MINUTE_MS;

const outcome = (event: Partial<TokenEvent>, claims: Partial<Claims> = {}, policy = REVIEW) => {
  const { verdict, reason } = judge(anOpenedClick(event, claims), policy);
  return reason === null ? verdict : `${verdict}: ${reason}`;
};

describe("the rules", () => {
  const after = { receivedAtMs: (NOON_S + 3_600) * 1_000 + 1 };
  const late = { occurredAtMs: NOON_MS, receivedAtMs: END_MS + 30_001 };
  it.each([
    ["an ordinary click", {}, {}, "valid"],
    ["a POST", { method: "POST" }, {}, "valid"],
    ["an empty user agent", { userAgent: "" }, {}, "invalid: non_browser_agent"],
    ["test traffic", {}, { tst: true }, "invalid: test"],
    ["a click after the token's life", after, {}, "invalid: expired_token"],
    ["a HEAD request", { method: "HEAD" }, {}, "invalid: head_request"],
    ["a declared crawler", { userAgent: CRAWLER }, {}, "invalid: declared_crawler"],
    ["a library", { userAgent: "python-requests/2.32.3" }, {}, "invalid: non_browser_agent"],
    [
      "a link preview",
      { userAgent: "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)" },
      {},
      "invalid: link_preview",
    ],
    ["a data centre", { asn: 16509 }, {}, "invalid: data_centre_network"],
    ["a click too soon for a person", {}, { iat: NOON_S + 0.9 }, "invalid: too_fast"],
    ["a click that is too late", late, {}, "late: late"],
    ["test before expiry", after, { tst: true }, "invalid: test"],
    ["expiry before HEAD", { ...after, method: "HEAD" }, {}, "invalid: expired_token"],
    ["HEAD before crawler", { method: "HEAD", userAgent: CRAWLER }, {}, "invalid: head_request"],
    ["crawler before late", { ...late, userAgent: CRAWLER }, {}, "invalid: declared_crawler"],
  ] as [string, Partial<TokenEvent>, Partial<Claims>, string][])("judge %s", (_, event, claims, expected) => {
    expect(outcome(event, claims)).toBe(expected);
  });

  it("are pure: the same event is judged the same", () => {
    const opened = anOpenedClick({ userAgent: CRAWLER });
    expect(judge(opened, REVIEW)).toEqual(judge(opened, REVIEW));
  });
});

describe("expiry", () => {
  it.each([
    ["at exp", NOON_S + 3_600, 0, false],
    ["a millisecond after exp", NOON_S + 3_600, 1, true],
    ["at an exp with a fraction", NOON_S + 0.5, 0, false],
    ["a millisecond after it", NOON_S + 0.5, 1, true],
  ])("%s", (_, exp, afterMs, expected) => {
    expect(isExpired(anOpenedClick({ receivedAtMs: exp * 1_000 + afterMs }, { exp }))).toBe(expected);
  });

  it("looks at receipt, not at the client's time", () => {
    const opened = anOpenedClick({ occurredAtMs: NOON_MS, receivedAtMs: (NOON_S + 3_601) * 1_000 });
    expect(isExpired(opened)).toBe(true);
  });
});

describe("lateness", () => {
  it.each([
    ["inside its minute", NOON_MS, NOON_MS, "valid"],
    ["at the end of its minute", NOON_MS, END_MS, "valid"],
    ["30 s after the end of its minute", NOON_MS, END_MS + 30_000, "valid"],
    ["30.001 s after the end of its minute", NOON_MS, END_MS + 30_001, "late: late"],
    ["in the last millisecond of its minute, received 30.001 s later", END_MS - 1, END_MS + 30_001, "late: late"],
    ["a millisecond later, which is the next minute", END_MS, END_MS + 30_001, "valid"],
    ["the client's clock ahead", NOON_MS + 5_000, NOON_MS, "valid"],
  ])("of a click %s", (_, occurredAtMs, receivedAtMs, expected) => {
    expect(outcome({ occurredAtMs, receivedAtMs })).toBe(expected);
  });

  it("counts from the end of the event's minute, negative inside it", () => {
    expect(latenessMs({ occurredAtMs: NOON_MS + 59_999, receivedAtMs: NOON_MS + 59_999 })).toBe(-1);
    expect(latenessMs({ occurredAtMs: NOON_MS, receivedAtMs: END_MS })).toBe(0);
  });

  it("of a GET is never positive: its own time is the time of receipt", () => {
    for (const ms of [0, 1, 59_999, 60_000]) {
      expect(latenessMs({ occurredAtMs: NOON_MS + ms, receivedAtMs: NOON_MS + ms })).toBeLessThan(0);
    }
  });

  it("is accepted and marked under LATE_POLICY=accept", () => {
    const late = { occurredAtMs: NOON_MS, receivedAtMs: END_MS + 30_001 };
    expect(outcome(late, {}, ACCEPT)).toBe("valid: late_accepted");
    expect(outcome({ ...late, userAgent: CRAWLER }, {}, ACCEPT)).toBe("invalid: declared_crawler");
  });

  it("may be allowed nothing", () => {
    const none: LatePolicy = { mode: "review", allowedLatenessS: 0 };
    expect(outcome({ occurredAtMs: NOON_MS, receivedAtMs: END_MS }, {}, none)).toBe("valid");
    expect(outcome({ occurredAtMs: NOON_MS, receivedAtMs: END_MS + 1 }, {}, none)).toBe("late: late");
  });
});

describe("counts of a verdict", () => {
  it.each([
    ["valid", 1, { valid: 1, duplicate: 0, invalid: 0, late: 0 }],
    ["valid", 5, { valid: 1, duplicate: 4, invalid: 0, late: 0 }],
    ["duplicate", 5, { valid: 0, duplicate: 5, invalid: 0, late: 0 }],
    ["invalid", 5, { valid: 0, duplicate: 0, invalid: 5, late: 0 }],
    ["late", 5, { valid: 0, duplicate: 0, invalid: 0, late: 5 }],
    ["deferred", 5, { valid: 0, duplicate: 0, invalid: 0, late: 0 }],
  ] as const)("%s of %d requests", (verdict, count, expected) => {
    expect(countsOf(verdict, count)).toEqual(expected);
  });

  it.each(VERDICTS)("conserve gross, except what is deferred: %s", (verdict) => {
    for (const count of [1, 2, 1_000_000]) {
      const { valid, duplicate, invalid, late } = countsOf(verdict, count);
      expect(valid + duplicate + invalid + late).toBe(verdict === "deferred" ? 0 : count);
    }
  });
});
