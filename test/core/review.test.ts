import { describe, expect, it } from "vitest";
import type { EventId } from "../../src/core/event-id.ts";
import { prepareEvent } from "../../src/core/ingest.ts";
import { decideReview } from "../../src/core/review.ts";
import { hourOf } from "../../src/core/time.ts";
import { countsOf } from "../../src/core/verdict.ts";
import { aClick, anOpenedClick, NOON_MS } from "../support/builders.ts";

const LATE = prepareEvent(anOpenedClick({ occurredAtMs: NOON_MS, receivedAtMs: NOON_MS + 300_000 }));
const HOUR = hourOf(NOON_MS);
const own = LATE.opened.event.id;
const other: EventId = aClick().id;

describe("the review of a late click", () => {
  it.each([
    ["accept", "a free impression", undefined, 0, { verdict: "valid", reason: "late_accepted" }],
    ["accept", "an impression that it claimed itself", own, 0, { verdict: "valid", reason: "late_accepted" }],
    ["accept", "a taken impression", other, 0, { verdict: "duplicate", reason: "same_impression" }],
    ["accept", "keys in the oldest table that is left", undefined, HOUR, { verdict: "valid", reason: "late_accepted" }],
    ["accept", "keys that are forgotten", undefined, HOUR + 1, null],
    ["reject", "a free impression", undefined, 0, { verdict: "invalid", reason: "late_rejected" }],
    ["reject", "a taken impression", other, 0, { verdict: "invalid", reason: "late_rejected" }],
    ["reject", "keys that are forgotten", undefined, HOUR + 1, { verdict: "invalid", reason: "late_rejected" }],
  ] as const)("by %s, with %s", (choice, _, claimant, droppedBeforeHour, expected) => {
    expect(decideReview(choice, LATE, { claimant, droppedBeforeHour })).toEqual(expected);
  });

  it("needs both tables: of the claim and of the event", () => {
    const early = prepareEvent(anOpenedClick({ receivedAtMs: NOON_MS - 30_000 }));
    expect(decideReview("accept", early, { claimant: undefined, droppedBeforeHour: HOUR })).toBeNull();
  });

  it("keeps gross: what was late is then something else", () => {
    for (const choice of ["accept", "reject"] as const) {
      for (const claimant of [undefined, other]) {
        const decision = decideReview(choice, LATE, { claimant, droppedBeforeHour: 0 });
        const counts = Object.values(countsOf(decision?.verdict ?? "deferred", 3));
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(3);
      }
    }
  });
});
