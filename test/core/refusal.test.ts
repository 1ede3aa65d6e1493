import { describe, expect, it } from "vitest";
import { REFUSAL_REASONS } from "../../src/core/refusal.ts";
import { PROBLEMS } from "../../src/problems/catalog.ts";

describe.each(REFUSAL_REASONS)("refusal %s", (reason) => {
  it("is listed once", () => {
    expect(REFUSAL_REASONS.filter((other) => other === reason)).toHaveLength(1);
  });

  it("has a status that tells a client's mistake, or 503 where the client is to ask again", () => {
    const { status } = PROBLEMS[reason];
    expect(reason === "speculative" ? status === 503 : status >= 400 && status < 500).toBe(true);
  });
});
