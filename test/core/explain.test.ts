import { describe, expect, it } from "vitest";
import { explainEvent, judgeAsIfClicked } from "../../src/core/explain.ts";
import { GIVT_REASONS } from "../../src/core/givt.ts";
import type { LoggedEvent } from "../../src/core/log-line.ts";
import { changeOfReview } from "../../src/core/review.ts";
import { RULES_VERSION } from "../../src/core/verdict.ts";
import { anOpenedClick, CRAWLER, NOON_MS } from "../support/builders.ts";
import { RULES } from "../support/rules.ts";
import { aSignedToken } from "../support/signing.ts";

const SOURCE = { shard: "clicks-3", archiveObject: null };

function logged(overrides: Partial<LoggedEvent> = {}): LoggedEvent {
  const position = { seq: 7, loggedAtMs: NOON_MS + 2_000, rules: RULES.id, review: null };
  return { ...anOpenedClick(), ...position, verdict: "valid", reason: null, ...overrides };
}

describe("an explanation", () => {
  it("names every rule once, in their order, under today's version, beside the version that judged", () => {
    const answer = explainEvent({ logged: logged(), changes: [] }, SOURCE, null);
    const rules = answer["rules"] as { rule: string; applies: boolean }[];
    expect(rules.map(({ rule }) => rule)).toEqual([...GIVT_REASONS]);
    expect(rules.every(({ applies }) => !applies)).toBe(true);
    expect(answer).toMatchObject({
      rulesVersion: RULES_VERSION,
      ruleSet: RULES.id,
      rulesShownVersion: RULES_VERSION,
      verdict: "valid",
    });
  });

  it("says which rules apply, also those behind the first", () => {
    const { event, claims } = anOpenedClick({ userAgent: CRAWLER, method: "HEAD" });
    const line = logged({ event, claims, verdict: "invalid", reason: "head_request" });
    const rules = explainEvent({ logged: line, changes: [] }, SOURCE, null)["rules"] as {
      rule: string;
      applies: boolean;
    }[];
    expect(rules.filter(({ applies }) => applies).map(({ rule }) => rule)).toEqual([
      "head_request",
      "declared_crawler",
    ]);
  });

  it("shows no keyed hash, no token, and whether there was one", () => {
    const { event, claims } = anOpenedClick({ ipHash: "ip-hash-000000000", userHash: "user-hash-00000" });
    const text = JSON.stringify(explainEvent({ logged: logged({ event, claims }), changes: [] }, SOURCE, null));
    expect(text).not.toMatch(/ip-hash|user-hash/);
    expect(text).not.toContain(event.token);
    expect(text).toContain('"hasAddressHash":true,"hasUser":true');
  });

  it("names the key that signed the token, and how, and neither where there is none to read", async () => {
    const { event, claims } = anOpenedClick();
    const signerOf = (token: string) =>
      explainEvent({ logged: logged({ event: { ...event, token }, claims }), changes: [] }, SOURCE, null)["signer"];
    const token = await aSignedToken({}, { alg: "EdDSA", kid: "ed-1", typ: "JWT" });
    expect(signerOf(token)).toEqual({ kid: "ed-1", alg: "EdDSA" });
    expect(signerOf(await aSignedToken({}))).toEqual({ kid: "test-1", alg: "HS256" });
    expect(signerOf("e30.e30.")).toBeNull();
  });

  it("follows a review: the new verdict, who and when, and the lateness that led to it", () => {
    const { event, claims } = anOpenedClick({ receivedAtMs: NOON_MS + 100_000, occurredAtMs: NOON_MS });
    const late = logged({ event, claims, verdict: "late", reason: "late" });
    const review = { by: "key_7", atMs: NOON_MS + 200_000 };
    const change = changeOfReview({ verdict: "valid", reason: "late_accepted" }, review);
    expect(explainEvent({ logged: late, changes: [change] }, SOURCE, null)).toMatchObject({
      verdict: "valid",
      reason: "late_accepted",
      review: { by: "key_7", at: "2026-04-20T12:03:20Z" },
      lateByMs: 40_000,
      countedInMinute: "2026-04-20T12:00:00Z",
    });
  });

  it.each([
    ["that did not ask", null, null, null],
    ["that its queue took in time", NOON_MS + 60, NOON_MS + 100, true],
    ["that its queue took too late", NOON_MS + 101, NOON_MS + 100, false],
    ["that its shard logged itself in time", null, NOON_MS + 2_000, true],
    ["that its shard logged too late", null, NOON_MS + 1_999, false],
  ])("says whether a click was durable before its redirect: %s", (_, acceptedAtMs, redirectByMs, expected) => {
    const { event, claims } = anOpenedClick({ acceptedAtMs, redirectByMs });
    const { durable } = explainEvent({ logged: logged({ event, claims }), changes: [] }, SOURCE, null);
    expect(durable === null ? null : (durable as Record<string, unknown>)["wasBeforeRedirect"]).toBe(expected);
  });

  it("[attack 19] names the late click that another one joined, with which it is counted", () => {
    const { event, claims } = anOpenedClick();
    const joins = { to: event.id, occurredAtMs: NOON_MS - 600_000, country: null, device: "mobile" } as const;
    const joined = logged({ event, claims, verdict: "late", reason: "late", joins });
    const answer = explainEvent({ logged: joined, changes: [] }, SOURCE, null);
    expect(answer).toMatchObject({ joins: event.id, countedInMinute: "2026-04-20T11:50:00Z" });
    expect(explainEvent({ logged: logged(), changes: [] }, SOURCE, null)["joins"]).toBeNull();
  });

  it("tells every decision, oldest first: by the rules, a review, revisions with cause and number", () => {
    const late = logged({ verdict: "late", reason: "late" });
    const review = changeOfReview({ verdict: "valid", reason: "late_accepted" }, { by: "key_7", atMs: NOON_MS });
    const revision = {
      ...({ verdict: "invalid", reason: "high_frequency" } as const),
      ...{ n: 1, cause: "replay/r_1", by: "key_8", atMs: NOON_MS + 1_000 },
      from: { verdict: "valid", reason: "late_accepted" } as const,
    };
    const { history, ...answer } = explainEvent({ logged: late, changes: [review, revision] }, SOURCE, null);
    expect(history).toEqual([
      { verdict: "late", reason: "late", at: "2026-04-20T12:00:02Z", cause: "rules", by: null },
      { verdict: "valid", reason: "late_accepted", at: "2026-04-20T12:00:00Z", cause: "review", by: "key_7" },
      { verdict: "invalid", reason: "high_frequency", at: "2026-04-20T12:00:01Z", cause: "replay/r_1", by: "key_8" },
    ]);
    expect(answer).toMatchObject({ verdict: "invalid", reason: "high_frequency", review: { by: "key_7" } });
  });

  it("of a click that joined another says duplicate wherever that one is valid", () => {
    const joins = { to: logged().event.id, occurredAtMs: NOON_MS, country: null, device: "mobile" } as const;
    const joined = logged({ verdict: "late", reason: "late", joins });
    const accepted = changeOfReview({ verdict: "valid", reason: "late_accepted" }, { by: "key_7", atMs: NOON_MS });
    const answer = explainEvent({ logged: joined, changes: [accepted] }, SOURCE, null);
    expect(answer).toMatchObject({ verdict: "duplicate", reason: "same_impression" });
  });

  it("says that a deferred event is counted in no minute", () => {
    const deferred = logged({ verdict: "deferred", reason: "key_table_dropped" });
    expect(explainEvent({ logged: deferred, changes: [] }, SOURCE, null)["countedInMinute"]).toBeNull();
  });
});

describe("a click that nobody has made", () => {
  const { claims } = anOpenedClick();
  const inLife = claims.iat * 1_000 + 5_000;
  it.each([
    ["valid where the impression is free", {}, inLife, false, "valid", null],
    ["a duplicate where it is claimed", {}, inLife, true, "duplicate", "same_impression"],
    ["invalid of a test token, claimed or not", { tst: true }, inLife, true, "invalid", "test"],
    ["valid at the last instant of the token", {}, claims.exp * 1_000, false, "valid", null],
    ["invalid after the token's life", {}, claims.exp * 1_000 + 1, false, "invalid", "expired_token"],
    [
      "invalid sooner than a person can",
      { iat: claims.iat + 0.5 },
      claims.iat * 1_000 + 600,
      false,
      "invalid",
      "too_fast",
    ],
  ] as const)("would be %s", (_, change, nowMs, isClaimed, verdict, reason) => {
    expect(judgeAsIfClicked({ ...claims, ...change }, { nowMs, isClaimed })).toEqual({ verdict, reason });
  });
});
