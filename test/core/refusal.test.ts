import { describe, expect, it } from "vitest";
import { REFUSALS } from "../../src/core/refusal.ts";

describe.each(Object.entries(REFUSALS))("refusal %s", (reason, { status, title }) => {
  it("is a metric label: snake_case without values", () => {
    expect(reason).toMatch(/^[a-z]+(_[a-z]+)*$/);
  });

  it("has a status that tells a client's mistake, or 503 where the client is to ask again", () => {
    expect(reason === "speculative" ? status === 503 : status >= 400 && status < 500).toBe(true);
  });

  it("has a title that is one sentence", () => {
    expect(title).toMatch(/^A[^.]*\.$|^The [^.]*\.$/);
  });
});
