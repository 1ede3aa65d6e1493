import { describe, expect, it } from "vitest";
import { isApiKey } from "../../src/core/api-key.ts";

describe("an API key", () => {
  it("is clk_ and 43 characters base64url", () => {
    expect(isApiKey(`clk_${"A-_9".repeat(10)}abc`)).toBe(true);
  });

  it.each([
    ...["", "clk_", "x", `clk_${"A".repeat(42)}`, `clk_${"A".repeat(44)}`, `clk_${"A".repeat(42)}+`],
    ...[`CLK_${"A".repeat(43)}`, ` clk_${"A".repeat(43)}`, `clk_${"A".repeat(43)}\n`, `clk_${"A".repeat(42)}é`],
  ])("is not %j", (text) => {
    expect(isApiKey(text)).toBe(false);
  });
});
