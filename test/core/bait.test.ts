import { describe, expect, it } from "vitest";
import { BaitLook, isBaitPlacement, type PlacedClick } from "../../src/core/bait.ts";
import type { EventId } from "../../src/core/event-id.ts";
import { HOUR_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { NOON_MS } from "../support/builders.ts";

const aClick = (name: string, afterMs: number, change: Partial<PlacedClick> = {}): PlacedClick => ({
  ...{ event: name as EventId, advertiserId: "adv_1", adId: "ad_1", userKey: "u1", placementId: "top" },
  ...{ receivedAtMs: NOON_MS + afterMs, issuedAtMs: NOON_MS + afterMs - MINUTE_MS },
  ...change,
});
const aBait = (name: string, afterMs: number, change: Partial<PlacedClick> = {}) =>
  aClick(name, afterMs, { placementId: "bait_1", ...change });

function namedIn(clicks: readonly PlacedClick[]): string[] {
  const look = new BaitLook();
  return clicks.flatMap((click) => look.add(click).map(({ event }) => event));
}

describe("clicks on bait placements", () => {
  it("are named, with what their user clicked on that ad within an hour before and after, each once", () => {
    const clicks = [
      aClick("long before", -HOUR_MS),
      aClick("before", -HOUR_MS + 1),
      aBait("bait", 0),
      aBait("again", MINUTE_MS),
      aClick("after", HOUR_MS),
      aClick("long after", HOUR_MS + MINUTE_MS),
    ];
    expect(namedIn(clicks)).toEqual(["before", "bait", "again", "after"]);
  });

  it.each([
    ["of another user", { userKey: "u2" }],
    ["on another ad", { adId: "ad_2" }],
    ["of another advertiser", { advertiserId: "adv_2" }],
    ["of nobody that is known", { userKey: null }],
  ])("say nothing of clicks %s", (_, change) => {
    expect(namedIn([aClick("other", 0, change), aBait("bait", 1), aClick("later", 2, change)])).toEqual(["bait"]);
  });

  it("are named themselves where nobody knows the user", () => {
    expect(namedIn([aBait("bait", 0, { userKey: null }), aClick("next", 1, { userKey: null })])).toEqual(["bait"]);
  });

  it("are those whose placement says so", () => {
    expect(["bait_", "bait_9"].every(isBaitPlacement)).toBe(true);
    expect(["bait", "a_bait_9", "", null].some(isBaitPlacement)).toBe(false);
  });
});
