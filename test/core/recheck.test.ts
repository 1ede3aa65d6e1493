import { describe, expect, it } from "vitest";
import { recheck } from "../../src/core/recheck.ts";
import type { Decision } from "../../src/core/verdict.ts";
import { anOpenedClick } from "../support/builders.ts";

const DECISIONS: Record<string, Decision> = {
  valid: { verdict: "valid", reason: null },
  accepted: { verdict: "valid", reason: "late_accepted" },
  duplicate: { verdict: "duplicate", reason: "same_impression" },
  late: { verdict: "late", reason: "late" },
  rejected: { verdict: "invalid", reason: "late_rejected" },
  crawler: { verdict: "invalid", reason: "declared_crawler" },
  test: { verdict: "invalid", reason: "test" },
  deferred: { verdict: "deferred", reason: "key_table_dropped" },
};
const allowed = (judged: string, isReview: boolean) =>
  Object.keys(DECISIONS).filter((name) => {
    const review = isReview ? { by: "key_7", atMs: 1 } : null;
    const entry = { ...anOpenedClick(), ...(DECISIONS[name] as Decision), review };
    return recheck(entry, DECISIONS[judged] as Decision) === null;
  });

describe("a decision that is judged again", () => {
  it.each([
    ["valid", ["valid", "duplicate", "deferred"]],
    ["accepted", ["accepted", "duplicate", "deferred"]],
    ["late", ["duplicate", "late", "rejected", "deferred"]],
    ["crawler", ["crawler", "deferred"]],
    ["test", ["test", "deferred"]],
  ])("may be, where the rules say %s, nothing but %s", (judged, names) => {
    expect(allowed(judged, false)).toEqual(names);
  });

  it("may be, of a late click that somebody decided, what a choice can make of it", () => {
    expect(allowed("late", true)).toEqual(["accepted", "duplicate", "rejected"]);
  });

  it("should be what the rules say", () => {
    const entry = { ...anOpenedClick(), verdict: "valid", reason: null, review: null } as const;
    expect(recheck(entry, DECISIONS["crawler"] as Decision)).toEqual(DECISIONS["crawler"]);
  });
});
