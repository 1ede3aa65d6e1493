/**
 * What docs/METHODOLOGY.md says of figures and no other test shows by itself: each statement on the smallest log that can
 * tell, by the functions that decide and count.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readRow } from "../../src/conversions/row.ts";
import { makeClickId } from "../../src/core/click-id.ts";
import type { ConversionEvent } from "../../src/core/conversion.ts";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import { DIMENSIONS, MEASURES, type Measure } from "../../src/core/fields.ts";
import {
  ATTRIBUTION_WINDOW_DAYS_DEFAULT,
  ATTRIBUTION_WINDOW_DAYS_MAX,
  COUNTS_AGE_DAYS_MAX,
  DAY_MS,
  MINUTE_MS,
  ORDER_KEY_DAYS,
} from "../../src/core/limits.ts";
import { decodeLogLine, type LogEntry } from "../../src/core/log-line.ts";
import type { OpenedEvent } from "../../src/core/message.ts";
import { decideConversion, type OrderState } from "../../src/core/order.ts";
import { Sketch } from "../../src/core/sketch.ts";
import { minuteOf } from "../../src/core/time.ts";
import { EVENT_TYPES, encodeTokenEvent } from "../../src/core/token-event.ts";
import type { Decision, LatePolicy } from "../../src/core/verdict.ts";
import { readCounts } from "../../src/impression-counts/counts-row.ts";
import { usersMeta } from "../../src/report/answer/users-meta.ts";
import { unsplitMetric } from "../../src/report/query/query.ts";
import { forgottenPeriod, periodOf } from "../../src/shard/submit.ts";
import { aClick, anOpenedClick, NOON_MS, NOON_S } from "../support/builders.ts";
import { MemoryIndex } from "../support/memory-index.ts";
import { RULES } from "../support/rules.ts";
import { aKeyRing } from "../support/signing.ts";
import { aClickIdentity, aConversion, someCounts } from "../support/submissions.ts";
import { someElements } from "../support/users.ts";

const REVIEW: LatePolicy = { mode: "review", allowedLatenessS: 30 };
const AT = { seq: 1, loggedAtMs: NOON_MS, rules: RULES.id };
const VALID: Decision = { verdict: "valid", reason: null };

/** Verdicts of events in the order of the log, with reasons of those that have one. */
function verdicts(events: readonly OpenedEvent[]): string[] {
  const { decided } = new MemoryIndex().ingest(events, REVIEW);
  return decided.map(({ decision: { verdict, reason } }) => (reason === null ? verdict : `${verdict}: ${reason}`));
}

const logged = (opened: OpenedEvent, decision: Decision): LogEntry => ({ ...opened, ...decision, review: null, ...AT });

function fold(entries: readonly LogEntry[]): Facts {
  const facts: Facts = new Map();
  for (const entry of entries) foldEntry(facts, entry);
  return facts;
}

/** A measure's sum, over the rows of one minute where it is given. */
function sumOf(facts: Facts, measure: Measure, minute?: number): number {
  let sum = 0;
  for (const { window, cells } of facts.values()) {
    if (minute !== undefined && window !== minute) continue;
    for (const counts of cells.values()) sum += counts[MEASURES.indexOf(measure)] ?? 0;
  }
  return sum;
}

/** The lines of a sequence of conversions of one order, and what each was answered. */
function decideAll(events: readonly ConversionEvent[]): { statuses: string[]; entries: LogEntry[] } {
  let state: OrderState | null = null;
  const statuses: string[] = [];
  const entries: LogEntry[] = [];
  for (const event of events) {
    const plan = decideConversion(event, state);
    statuses.push(plan.ok ? plan.value.status : plan.error);
    if (!plan.ok) continue;
    state = plan.value.state;
    if (plan.value.line !== null) entries.push({ event, ...plan.value.line, ...AT });
  }
  return { statuses, entries };
}

describe("what is recorded", () => {
  it("is clicks, impressions, uploaded counts and conversions, and nothing else", () => {
    expect([...EVENT_TYPES, aConversion().type, someCounts().type]).toEqual([
      "click",
      "impression",
      "conversion",
      "impression_counts",
    ]);
    const landing = { ...JSON.parse(encodeTokenEvent(aClick())), type: "landing" };
    const line = {
      v: 1,
      seq: 1,
      logged_at_ms: NOON_MS,
      verdict: "valid",
      reason: null,
      rules: RULES.id,
      event: landing,
    };
    expect(() => decodeLogLine(JSON.stringify(line))).toThrow();
  });

  it("says nothing of whether the answer arrived", () => {
    const names = Object.keys(JSON.parse(encodeTokenEvent(aClick()))).join(" ");
    expect(names).toContain("received_at_ms");
    expect(names).not.toMatch(/status|bytes|sent|delivered|landed/);
  });
});

describe("an impression's clicks", () => {
  it("are one valid click and duplicates, at any distance within the token's life", () => {
    const at = (elapsedMs: number) =>
      anOpenedClick({ receivedAtMs: NOON_MS + elapsedMs, occurredAtMs: NOON_MS + elapsedMs });
    expect(verdicts([0, 1, 500, 60_000, 1_800_000, 3_600_000, 3_600_001].map(at))).toEqual([
      "valid",
      ...Array.from({ length: 5 }, () => "duplicate: same_impression"),
      "invalid: expired_token",
    ]);
  });

  it("are valid by the order of the log, not by the time of receipt", () => {
    const [early, late] = [1_000, 2_000].map((ms) => anOpenedClick({ receivedAtMs: NOON_MS + ms }));
    expect(verdicts([late, early] as OpenedEvent[])).toEqual(["valid", "duplicate: same_impression"]);
  });

  it("are counted although its pixel was never fetched", () => {
    expect(verdicts([anOpenedClick()])).toEqual(["valid"]);
  });

  it("cost the price in the token once, when valid, and nothing otherwise", () => {
    const click = (count: number) => anOpenedClick({ count });
    const facts = fold([
      logged(click(3), VALID),
      logged(click(2), { verdict: "duplicate", reason: "same_impression" }),
      logged(click(1), { verdict: "invalid", reason: "declared_crawler" }),
      logged(click(1), { verdict: "late", reason: "late" }),
    ]);
    expect([sumOf(facts, "spend_micros"), sumOf(facts, "gross"), sumOf(facts, "valid")]).toEqual([250_000, 7, 1]);
  });
});

describe("impressions", () => {
  it("are gross by every pixel and valid once for each token, beside the click of the same token", () => {
    const pixel = (jti: string) => anOpenedClick({ type: "impression" }, { jti });
    const events = [pixel("imp_1"), pixel("imp_1"), pixel("imp_2"), anOpenedClick()];
    const { decided } = new MemoryIndex().ingest(events, REVIEW);
    const facts = fold(decided.map(({ index, decision }) => logged(events[index] as OpenedEvent, decision)));
    expect(["gross_impressions", "impressions", "gross", "valid"].map((name) => sumOf(facts, name as Measure))).toEqual(
      [3, 2, 1, 1],
    );
  });

  it("that were uploaded are added as they were sent, and what the sender filtered is named", () => {
    const facts = fold([
      { event: someCounts(), verdict: "valid", reason: null, batch: { key: "b", content: "c" }, ...AT },
    ]);
    expect([sumOf(facts, "impressions"), sumOf(facts, "gross_impressions")]).toEqual([1_000, 1_100]);
    expect(Object.fromEntries([...facts.values()][0]?.reasons ?? [])).toEqual({ "impression.filtered_by_sender": 100 });
  });

  it("may be uploaded for minutes of the last 31 days", () => {
    const ids = { advertiser_id: "a", campaign_id: "c", ad_id: "ad", publisher_id: "p", impressions: 1 };
    const unlimited = { advertisers: null, publishers: null, cpcMicrosMax: null };
    const reasonAfter = (ms: number) => {
      const counts = readCounts({ ...ids, minute: NOON_MS }, unlimited, NOON_MS + COUNTS_AGE_DAYS_MAX * DAY_MS + ms);
      return counts.ok ? "taken" : counts.error.reason;
    };
    expect([COUNTS_AGE_DAYS_MAX, reasonAfter(0), reasonAfter(1)]).toEqual([31, "taken", "minute_too_old"]);
  });
});

describe("a conversion", () => {
  const click = aClickIdentity();
  const later = aClickIdentity({ clickedAtMs: NOON_MS + 60 * MINUTE_MS });

  it("is credited whatever the verdict of its click: the click's id does not hold one", () => {
    expect(Object.keys(click).join(" ")).not.toMatch(/verdict|valid|reason/);
    expect(decideAll([aConversion()]).statuses).toEqual(["recorded"]);
  });

  it("of test traffic is not credited", () => {
    const { statuses, entries } = decideAll([aConversion({}, aClickIdentity({ isTest: true }))]);
    expect(statuses).toEqual(["not_attributed"]);
    expect(sumOf(fold(entries), "conversions")).toBe(0);
  });

  it("is credited up to the last millisecond of its window", () => {
    const answerAfter = (ms: number) =>
      decideAll([aConversion({ occurredAtMs: NOON_MS + 7 * DAY_MS + ms })]).statuses[0];
    expect([answerAfter(0), answerAfter(1)]).toEqual(["recorded", "not_attributed"]);
  });

  it("moves to the last click of its order, whichever is told first", () => {
    const occurredAtMs = NOON_MS + 90 * MINUTE_MS;
    const [first, last] = [aConversion({ occurredAtMs }, click), aConversion({ occurredAtMs }, later)];
    for (const events of [
      [first, last],
      [last, first],
    ]) {
      const facts = fold(decideAll(events).entries);
      expect(sumOf(facts, "conversions")).toBe(1);
      expect(sumOf(facts, "conversions", minuteOf(later.clickedAtMs))).toBe(1);
    }
  });

  it("stands in the minute of its click, and by time in its own", () => {
    const facts = fold(decideAll([aConversion()]).entries);
    const [ofClick, own] = [minuteOf(NOON_MS), minuteOf(NOON_MS) + 10];
    const measures: Measure[] = ["conversions", "conversion_value_micros"];
    const byTime: Measure[] = ["conversions_by_time", "conversion_value_by_time_micros"];
    expect(measures.map((measure) => sumOf(facts, measure, ofClick))).toEqual([1, 5_000_000]);
    expect(measures.map((measure) => sumOf(facts, measure, own))).toEqual([0, 0]);
    expect(byTime.map((measure) => sumOf(facts, measure, own))).toEqual([1, 5_000_000]);
  });

  it("is corrected and taken back in the figures that it was added to", () => {
    const correction = aConversion({ action: "correct", valueMicros: -2_000_000 });
    const retraction = aConversion({ action: "retract" });
    const valueAfter = (events: ConversionEvent[]) => {
      const facts = fold(decideAll(events).entries);
      return [sumOf(facts, "conversions"), sumOf(facts, "conversion_value_micros", minuteOf(NOON_MS))];
    };
    expect(valueAfter([aConversion(), correction])).toEqual([1, 3_000_000]);
    expect(valueAfter([aConversion(), correction, retraction])).toEqual([0, 0]);
  });

  it("has a window of 7 days, and from 1 to 90 where the advertiser has one", () => {
    expect([ATTRIBUTION_WINDOW_DAYS_DEFAULT, ATTRIBUTION_WINDOW_DAYS_MAX]).toEqual([7, 90]);
    expect(readFileSync("migrations/0001_base.sql", "utf8")).toContain(
      "attribution_window_days INTEGER NOT NULL DEFAULT 7 CHECK (attribution_window_days BETWEEN 1 AND 90)",
    );
  });

  it("is refused when its click is older than an order is remembered, and remembered until then", async () => {
    const ring = await aKeyRing();
    const clickId = makeClickId(click, ring);
    const reasonAfter = (ms: number) => {
      const nowMs = click.clickedAtMs + ORDER_KEY_DAYS * DAY_MS + ms;
      const row = readRow({ click_id: clickId }, { ring, advertiserId: null, nowMs });
      return row.ok ? "taken" : row.error.reason;
    };
    expect([reasonAfter(0), reasonAfter(1)]).toEqual(["taken", "click_id_expired"]);
    for (let day = 0; day <= ORDER_KEY_DAYS; day++) {
      expect(forgottenPeriod(NOON_MS + day * DAY_MS)).toBeLessThanOrEqual(periodOf(NOON_MS));
    }
  });
});

describe("users", () => {
  it("are those of valid clicks alone", () => {
    const click = (uid: string) => anOpenedClick({}, { uid });
    const facts = fold([
      logged(click("a"), VALID),
      logged(click("b"), { verdict: "duplicate", reason: "same_impression" }),
      logged(click("c"), { verdict: "invalid", reason: "declared_crawler" }),
      logged(click("d"), { verdict: "late", reason: "late" }),
      logged(anOpenedClick({ type: "impression" }, { uid: "e" }), VALID),
    ]);
    expect([...facts.values()].map(({ users }) => users.size)).toEqual([1]);
    expect(sumOf(facts, "valid_with_user")).toBe(1);
  });

  it("that ask not to be tracked are clicks without a user", () => {
    const facts = fold([logged(anOpenedClick({ gpc: true }, { uid: "a" }), VALID)]);
    expect([sumOf(facts, "valid"), sumOf(facts, "valid_with_user")]).toEqual([1, 0]);
  });

  it("are stated with their error and with the share of clicks whose user is known", () => {
    const shown = (count: number) => ({ sums: [10, 8], reasons: {}, sketch: Sketch.of(someElements(count, 7)) });
    expect(usersMeta([shown(512)], ["unique_users"])).toMatchObject({ exact: true, standardError: 0, coverage: 0.8 });
    expect(usersMeta([shown(513)], ["unique_users"])).toMatchObject({ exact: false, standardError: 0.0162 });
  });

  it("are counted by time, advertiser, campaign, ad group and ad, and by nothing else", () => {
    const refused = DIMENSIONS.filter((dimension) => unsplitMetric(["unique_users"], [{ dimension }]) !== null);
    expect(refused).toEqual(["publisher_id", "country", "device", "creative_id", "placement_id", "ad_format"]);
  });
});

describe("what is not detected", () => {
  it("is a program with a browser's agent, from a network of homes, at a person's pace", () => {
    const program = anOpenedClick({ receivedAtMs: NOON_MS + 2_000 }, { iat: NOON_S + 0.5 });
    expect(verdicts([program])).toEqual(["valid"]);
  });
});
