/** Suggestions for misspelled names. */
import { describe, expect, it } from "vitest";
import { editDistance, nearestName, suggestName } from "../../src/report/query/nearest-name.ts";

describe("nearestName", () => {
  it("measures insertions, deletions and replacements", () => {
    expect(editDistance("", "abc")).toBe(3);
    expect(editDistance("kitten", "sitting")).toBe(3);
    expect(editDistance("same", "same")).toBe(0);
  });

  it("suggests the nearest name, and none when nothing is near", () => {
    const names = ["campaign_id", "ad_id", "granularity"];
    expect(nearestName("campaing_id", names)).toBe("campaign_id");
    expect(nearestName("Granularity", names)).toBe("granularity");
    expect(nearestName("zzzzzzzzzzz", names)).toBeNull();
    expect(suggestName("x".repeat(500), names).length).toBeLessThan(200);
  });
});
