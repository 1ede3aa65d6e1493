import { describe, expect, it } from "vitest";
import { encodeConversion } from "../../src/core/conversion.ts";
import { encodeImpressionCounts } from "../../src/core/impression-counts.ts";
import {
  decodeEventLine,
  decodeLogLine,
  encodeLogLine,
  isConversionEntry,
  isTokenEntry,
  wasDurableBeforeRedirect,
} from "../../src/core/log-line.ts";
import { CONVERSION_REASONS, type ConversionLine } from "../../src/core/order.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { type Decision, VERDICT_REASONS, VERDICTS } from "../../src/core/verdict.ts";
import { aClick, NOON_MS } from "../support/builders.ts";
import { RULES } from "../support/rules.ts";
import { aClickIdentity, aConversion, someCounts } from "../support/submissions.ts";

const AT = { seq: 812, loggedAtMs: NOON_MS + 2_000, rules: RULES.id };
const VALID: Decision = { verdict: "valid", reason: null };

describe("a log line", () => {
  const decisions = VERDICTS.flatMap((verdict) =>
    [null, ...VERDICT_REASONS].map((reason): Decision => ({ verdict, reason })),
  );

  it.each(decisions)("gives back its event, position and decision: $verdict, $reason", (decision) => {
    const event = aClick({ userAgent: 'a "quoted" agent\n\u2028ü' });
    const decoded = decodeEventLine(encodeLogLine(AT, decision, encodeTokenEvent(event)));
    expect(decoded).toMatchObject({ ...AT, ...decision, event, claims: { jti: "imp_1" } });
    expect(decoded.review).toBeNull();
  });

  it("gives back who reviewed a late click, and when", () => {
    const decision: Decision = { verdict: "valid", reason: "late_accepted" };
    const review = { by: "key_7", atMs: NOON_MS + 1 };
    const line = encodeLogLine(AT, { ...decision, review }, encodeTokenEvent(aClick()));
    expect(line).toContain('"review":{"by":"key_7","at_ms":1776686400001}');
    expect(decodeLogLine(line)).toMatchObject({ ...AT, ...decision, review });
  });

  it.each(decisions)("gives back a revision from $verdict, $reason", (from) => {
    const revision = {
      n: 3,
      from,
      cause: "audit/2026-11-27/0001",
      by: "key_7",
      atMs: NOON_MS,
      isListed: from.reason === "late",
    };
    const line = encodeLogLine(AT, { ...VALID, revision }, encodeTokenEvent(aClick()));
    expect(decodeEventLine(line)).toMatchObject({ ...AT, ...VALID, revision, review: null });
    expect(decodeEventLine(encodeLogLine(AT, VALID, encodeTokenEvent(aClick())))).not.toHaveProperty("revision");
  });

  it.each([
    ["no number", { n: "1" }],
    ["the number of a review", { n: 0 }],
    ["an unknown verdict before", { from: { verdict: "fine", reason: null } }],
    ["an unknown reason before", { from: { verdict: "valid", reason: "whatever" } }],
    ["nothing before", { from: null }],
    ["no cause", { cause: null }],
    ["nobody who did it", { by: undefined }],
    ["no time", { at_ms: "now" }],
  ])("does not read a revision with %s", (_, broken) => {
    const revision = { n: 1, from: VALID, cause: "audit/2026-11-27/0001", by: "key_7", atMs: NOON_MS, isListed: false };
    const wire = JSON.parse(encodeLogLine(AT, { ...VALID, revision }, encodeTokenEvent(aClick())));
    const line = JSON.stringify({ ...wire, revision: { ...wire.revision, ...broken } });
    expect(() => decodeLogLine(line)).toThrow();
  });

  it.each([2, "2", null, "4-xyz"])("does not read a line whose rules are %j", (rules) => {
    const wire = JSON.parse(encodeLogLine(AT, VALID, encodeTokenEvent(aClick())));
    expect(() => decodeLogLine(JSON.stringify({ ...wire, rules }))).toThrow("names its rules");
  });

  it("[attack 4] gives back which late click another one joins, and where both are counted", () => {
    const joins = { to: aClick().id, occurredAtMs: NOON_MS, country: "DE", device: "mobile" } as const;
    const line = encodeLogLine(AT, { verdict: "late", reason: "late", joins }, encodeTokenEvent(aClick()));
    expect(line).toContain(
      `"joins":{"to":"${joins.to}","occurred_at_ms":1776686400000,"country":"DE","device":"mobile"}`,
    );
    // What looks for the lines of the other by its id does not find this one.
    expect(line).not.toContain(`"id":"${joins.to}"`);
    expect(decodeEventLine(line).joins).toEqual(joins);
    expect(() => decodeLogLine(line.replace(`"to":"${joins.to}"`, '"to":"x"'))).toThrow("names the other");
    expect(() => decodeLogLine(line.replace('"mobile"},"event"', '"phone"},"event"'))).toThrow("names its cell");
  });

  it("holds the event byte for byte as the edge encoded it", () => {
    const encoded = encodeTokenEvent(aClick());
    const line = encodeLogLine(AT, { verdict: "late", reason: "late" }, encoded);
    expect(line).toBe(
      `{"v":1,"seq":812,"logged_at_ms":1776686402000,"verdict":"late","reason":"late","rules":"${RULES.id}","event":${encoded}}`,
    );
  });

  it("is one line, whatever the event holds", () => {
    expect(encodeLogLine(AT, VALID, encodeTokenEvent(aClick({ userAgent: "a\r\nb" })))).not.toMatch(/[\r\n]/);
  });
});

describe("a line of an impression", () => {
  it("gives back its type, and is read where a click is", () => {
    const event = aClick({ type: "impression", userHash: "u".repeat(16) });
    const decoded = decodeEventLine(encodeLogLine(AT, VALID, encodeTokenEvent(event)));
    expect(decoded).toMatchObject({ ...AT, ...VALID, event });
    expect([isTokenEntry(decoded), isConversionEntry(decoded)]).toEqual([true, false]);
  });
});

describe("a line of a conversion", () => {
  const click = aClickIdentity({ clickedAtMs: NOON_MS - 60_000 });
  const event = aConversion({}, aClickIdentity());
  const next = { clickId: event.clickId, click: event.click, valueMicros: 3, occurredAtMs: NOON_MS + 1 };
  const prior = { clickId: aConversion({}, click).clickId, click, valueMicros: -2, occurredAtMs: NOON_MS };
  const lines: ConversionLine[] = [
    { verdict: "valid", reason: null, prior: null, next },
    { verdict: "valid", reason: "later_click", prior, next },
    { verdict: "valid", reason: "retracted", prior, next: null },
    ...CONVERSION_REASONS.map((reason): ConversionLine => ({ verdict: "invalid", reason, prior: null, next: null })),
  ];

  it.each(lines)("gives back its decision, and both credits with their clicks: $verdict, $reason", (line) => {
    const decoded = decodeLogLine(encodeLogLine(AT, line, encodeConversion(event)));
    expect(decoded).toEqual({ ...AT, ...line, event });
    expect([isTokenEntry(decoded), isConversionEntry(decoded)]).toEqual([false, true]);
    expect(() => decodeEventLine(encodeLogLine(AT, line, encodeConversion(event)))).toThrow("of a click or an");
  });

  it("names a credit by its click id alone", () => {
    const line = encodeLogLine(AT, { verdict: "valid", reason: null, prior: null, next }, encodeConversion(event));
    const credit = `{"click_id":"${next.clickId}","value_micros":3,"occurred_at_ms":1776686400001}`;
    expect(line).toBe(
      `{"v":1,"seq":812,"logged_at_ms":1776686402000,"verdict":"valid","reason":null,"rules":"${RULES.id}",` +
        `"prior":null,"next":${credit},"event":${encodeConversion(event)}}`,
    );
  });

  const wire = JSON.parse(encodeLogLine(AT, lines[1] as ConversionLine, encodeConversion(event)));
  it.each([
    ["a broken event", { event: { type: "conversion" } }, "readable conversion"],
    ["a reason of a click", { reason: "too_fast" }, "known reason"],
    ["a credit without a click", { next: { ...wire.next, click_id: "x" } }, "names its click"],
    ["a credit without a value", { prior: { ...wire.prior, value_micros: null } }, "value and time"],
    ["a credit without a time", { prior: { ...wire.prior, occurred_at_ms: 0.5 } }, "value and time"],
    ["a credit that is text", { next: "x" }, "names its click"],
  ])("is not read with %s", (_, overrides, message) => {
    expect(() => decodeLogLine(JSON.stringify({ ...wire, ...overrides }))).toThrow(message);
  });
});

describe("a line of uploaded counts", () => {
  const event = someCounts();
  const batch = { key: "b".repeat(32), content: "c".repeat(32) };
  const line = encodeLogLine(AT, { ...VALID, batch }, encodeImpressionCounts(event));

  it("gives back its counts, which are always valid", () => {
    const decoded = decodeLogLine(line);
    expect(decoded).toEqual({ ...AT, ...VALID, event, batch });
    expect([isTokenEntry(decoded), isConversionEntry(decoded)]).toEqual([false, false]);
    expect(() => decodeEventLine(line)).toThrow("of a click or an impression");
  });

  it("is not read with a broken event", () => {
    const broken = line.replace('"impressions":1000', '"impressions":-1');
    expect(() => decodeLogLine(broken)).toThrow("readable counts");
  });
});

describe("a broken log", () => {
  const line = JSON.parse(encodeLogLine(AT, VALID, encodeTokenEvent(aClick()))) as Record<string, unknown>;
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
    const text = encodeLogLine(AT, VALID, encodeTokenEvent(aClick({ redirectByMs, acceptedAtMs })));
    expect(wasDurableBeforeRedirect(decodeEventLine(text))).toBe(expected);
  });
});
