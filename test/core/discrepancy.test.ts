import { describe, expect, it } from "vitest";
import { DISCREPANCY_KINDS } from "../../src/core/discrepancy.ts";

describe("kinds of discrepancies", () => {
  it("are mended by a revision exactly where one event was decided wrongly", () => {
    const revised = Object.entries(DISCREPANCY_KINDS).filter(([, mending]) => mending === "revision");
    expect(revised.map(([kind]) => kind)).toEqual([
      ...["signature", "verdict", "double_claim", "free_claim", "unsettled"],
    ]);
  });
});
