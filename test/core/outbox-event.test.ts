import { describe, expect, it } from "vitest";
import { eventIdOf } from "../../src/core/outbox-event.ts";

describe("the id of an event", () => {
  it("is that of its fact: the same for the same, another for another", () => {
    expect(eventIdOf("statement.issued:adv_1:1")).toBe(eventIdOf("statement.issued:adv_1:1"));
    const facts = ["statement.issued:adv_1:1", "statement.issued:adv_1:11", "adjustment.created:adv_1:1", ""];
    expect(new Set(facts.map(eventIdOf)).size).toBe(facts.length);
  });

  it("holds nothing that a signature or a header would read as something else", () => {
    expect(eventIdOf("report.moved:adv.1:clicks-0/1:2:")).toMatch(/^evt_[A-Za-z0-9_-]{22}$/);
  });
});
