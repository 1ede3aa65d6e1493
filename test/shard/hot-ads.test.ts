/** The shards' own rates propose hot ads. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import { HOT_AD_EVENTS_PER_MINUTE, MINUTE_MS } from "../../src/core/limits.ts";
import { HotAds } from "../../src/shard/hot-ads.ts";
import { anOpenedClick, NOON_MS } from "../support/builders.ts";
import { RULES } from "../support/rules.ts";

const BOUND = HOT_AD_EVENTS_PER_MINUTE;

/** Facts of one folded event that stands for so many. */
function facts(ad: string, count: number, atMs = NOON_MS, type: "click" | "impression" = "click"): Facts {
  const folded: Facts = new Map();
  const opened = anOpenedClick({ type, count, receivedAtMs: atMs }, { ad });
  const line = { seq: 1, loggedAtMs: atMs, rules: RULES.id, review: null };
  foldEntry(folded, { ...opened, ...line, verdict: "duplicate", reason: "same_impression" });
  return folded;
}

describe("[attack 6] hot ads are proposed", () => {
  let lines: unknown[] = [];
  let hot: HotAds;
  beforeEach(() => {
    lines = [];
    vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(JSON.parse(line)));
    hot = new HotAds("clicks-3");
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("when their events of one minute pass the bound, however many postings these come in, and once", () => {
    for (let at = 0; at < 10; at++) hot.note([facts("ad_hot", BOUND / 10 - 1)]);
    expect(lines).toEqual([]);
    hot.note([facts("ad_hot", 10)]);
    hot.note([facts("ad_hot", BOUND)]);
    expect(lines).toEqual([
      {
        level: "info",
        event: "hot_ad",
        shard: "clicks-3",
        ad: "ad_hot",
        minute: "2026-04-20T12:00:00Z",
        events: BOUND,
      },
    ]);
  });

  it("again in the next minute, and for impressions alike", () => {
    hot.note([facts("ad_hot", BOUND), facts("ad_hot", BOUND, NOON_MS + MINUTE_MS)]);
    hot.note([facts("ad_shown", BOUND, NOON_MS, "impression")]);
    expect(lines).toHaveLength(3);
  });

  it("not because many ads are busy, and not because a backlog of many minutes comes at once", () => {
    hot.note(Array.from({ length: 50 }, (_, n) => facts(`ad_${n}`, BOUND / 10)));
    hot.note(Array.from({ length: 60 }, (_, n) => facts("ad_slow", BOUND / 10, NOON_MS + n * MINUTE_MS)));
    expect(lines).toEqual([]);
  });

  it("without remembering minutes that are long over", () => {
    hot.note([facts("ad_old", BOUND - 1)]);
    hot.note([facts("ad_new", 1, NOON_MS + 10 * MINUTE_MS)]);
    hot.note([facts("ad_old", 1)]);
    expect(lines).toEqual([]);
  });
});
