import { describe, expect, it } from "vitest";
import { encodeClickEvent } from "../../src/core/click-event.ts";
import { decodeLogLine, encodeLogLine, wasDurableBeforeRedirect } from "../../src/core/log-line.ts";
import { type Decision, RULES_VERSION, VERDICT_REASONS, VERDICTS } from "../../src/core/verdict.ts";
import { aClick, NOON_MS } from "../support/builders.ts";

const AT = { seq: 812, loggedAtMs: NOON_MS + 2_000 };
const VALID: Decision = { verdict: "valid", reason: null };

describe("a log line", () => {
  const decisions = VERDICTS.flatMap((verdict) =>
    [null, ...VERDICT_REASONS].map((reason): Decision => ({ verdict, reason })),
  );

  it.each(decisions)("gives back its event, position and decision: $verdict, $reason", (decision) => {
    const event = aClick({ userAgent: 'a "quoted" agent\n\u2028ü' });
    const decoded = decodeLogLine(encodeLogLine(AT, decision, encodeClickEvent(event)));
    expect(decoded).toMatchObject({ ...AT, ...decision, rules: RULES_VERSION, event, claims: { jti: "imp_1" } });
    expect(decoded.review).toBeNull();
  });

  it("gives back who reviewed a late click, and when", () => {
    const decision: Decision = { verdict: "valid", reason: "late_accepted" };
    const review = { by: "key_7", atMs: NOON_MS + 1 };
    const line = encodeLogLine(AT, decision, encodeClickEvent(aClick()), review);
    expect(line).toContain('"review":{"by":"key_7","at_ms":1776686400001}');
    expect(decodeLogLine(line)).toMatchObject({ ...AT, ...decision, review });
  });

  it("holds the event byte for byte as the edge encoded it", () => {
    const encoded = encodeClickEvent(aClick());
    const line = encodeLogLine(AT, { verdict: "late", reason: "late" }, encoded);
    expect(line).toBe(
      `{"v":1,"seq":812,"logged_at_ms":1776686402000,"verdict":"late","reason":"late","rules":${RULES_VERSION},"event":${encoded}}`,
    );
  });

  it("is one line, whatever the event holds", () => {
    expect(encodeLogLine(AT, VALID, encodeClickEvent(aClick({ userAgent: "a\r\nb" })))).not.toMatch(/[\r\n]/);
  });
});

describe("a broken log", () => {
  const line = JSON.parse(encodeLogLine(AT, VALID, encodeClickEvent(aClick()))) as Record<string, unknown>;
  it.each([
    ["text that is not JSON", "{", "version 1"],
    ["null", "null", "version 1"],
    ["another version", JSON.stringify({ ...line, v: 2 }), "version 1"],
    ["no event", JSON.stringify({ ...line, event: undefined }), "readable event"],
    ["a broken event", JSON.stringify({ ...line, event: {} }), "readable event"],
    ["an unknown verdict", JSON.stringify({ ...line, verdict: "ok" }), "known verdict"],
    ["an unknown reason", JSON.stringify({ ...line, reason: "because" }), "known reason"],
    ["no reason member", JSON.stringify({ ...line, reason: undefined }), "known reason"],
    ["no position", JSON.stringify({ ...line, seq: null }), "its position"],
    ["a review by nobody", JSON.stringify({ ...line, review: { at_ms: 1 } }), "who and when"],
    ["a review at no time", JSON.stringify({ ...line, review: { by: "key_7" } }), "who and when"],
    ["a position in fractions", JSON.stringify({ ...line, logged_at_ms: 0.5 }), "its position"],
  ])("is named, never read past: %s", (_, text, sentence) => {
    expect(() => decodeLogLine(text)).toThrow(sentence);
  });
});

describe("durability before the redirect", () => {
  it.each([
    ["is not asked of a click that was sent at once", null, null, null],
    ["held when the queue took the event in time", NOON_MS + 100, NOON_MS + 100, true],
    ["did not hold when the queue took it a millisecond later", NOON_MS + 100, NOON_MS + 101, false],
    ["held when the shard logged the event itself in time", AT.loggedAtMs, null, true],
    ["did not hold when the shard logged it after the redirect", AT.loggedAtMs - 1, null, false],
  ])("%s", (_, redirectByMs, acceptedAtMs, expected) => {
    const text = encodeLogLine(AT, VALID, encodeClickEvent(aClick({ redirectByMs, acceptedAtMs })));
    expect(wasDurableBeforeRedirect(decodeLogLine(text))).toBe(expected);
  });
});
