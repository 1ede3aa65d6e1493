import { describe, expect, it } from "vitest";
import type { EventId } from "../../src/core/event-id.ts";
import { type KeptLate, placeLate } from "../../src/core/late-cap.ts";
import { FOLDED_COUNT_MAX, LATE_EVENTS_PER_TOKEN_MAX as MAX } from "../../src/core/limits.ts";
import type { ReviewChoice } from "../../src/core/review.ts";
import { aClick, NOON_MS } from "../support/builders.ts";

function kept(n: number, choice: ReviewChoice | null = null, more: Partial<KeptLate> = {}): KeptLate {
  const event = {
    ...aClick({ occurredAtMs: NOON_MS + n, country: "DE", device: "mobile" }),
    id: `event-${n}` as EventId,
  };
  return { event, clicks: 1, choice, ...more };
}
const all = (choice: ReviewChoice | null) => Array.from({ length: MAX }, (_, n) => kept(n, choice));
const late = aClick({ occurredAtMs: NOON_MS - 1, country: "US", device: "tv" as never });

describe("[attack 4] a late click", () => {
  it("waits on its own up to the bound of its token, and joins the last that waits past it", () => {
    expect(placeLate(late, all(null).slice(1))).toEqual({ kind: "kept" });
    expect(placeLate(late, all(null))).toEqual({
      kind: "joins",
      joins: { to: `event-${MAX - 1}`, occurredAtMs: NOON_MS + MAX - 1, country: "DE", device: "mobile" },
    });
  });

  it("joins one that waits when others are decided, in whatever order", () => {
    const some = [...all("accept").slice(2), kept(90), kept(91, "reject")];
    expect(placeLate(late, some)).toMatchObject({ kind: "joins", joins: { to: "event-90" } });
  });

  it("goes the way of the last decision when all are decided", () => {
    expect(placeLate(late, [...all("reject").slice(1), kept(9, "accept")])).toEqual({
      kind: "decided",
      decision: { verdict: "duplicate", reason: "same_impression" },
    });
    expect(placeLate(late, [...all("accept").slice(1), kept(9, "reject")])).toEqual({
      kind: "decided",
      decision: { verdict: "invalid", reason: "late_rejected" },
    });
  });

  it("meets the clicks of its own token only, whatever the spelling of the signature", () => {
    const [head, payload] = late.token.split(".");
    const spelled = { ...late, token: `${head}.${payload}.${"B".repeat(43)}` };
    expect(placeLate(spelled, all(null))).toMatchObject({ kind: "joins" });
    const other = { ...late, token: `${head}.${payload}x.${"A".repeat(43)}` };
    expect(placeLate(other, all(null))).toEqual({ kind: "kept" });
  });

  it("joins none that would stand for more than a folded event may", () => {
    const full = all(null).map((each) => ({ ...each, clicks: FOLDED_COUNT_MAX }));
    expect(placeLate(late, full)).toEqual({ kind: "kept" });
    const nearly = [...full, kept(50, null, { clicks: FOLDED_COUNT_MAX - 2 })];
    expect(placeLate({ ...late, count: 2 }, nearly)).toMatchObject({ kind: "joins", joins: { to: "event-50" } });
    expect(placeLate({ ...late, count: 3 }, nearly)).toEqual({ kind: "kept" });
  });
});
