import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DISCREPANCY_KINDS, type DiscrepancyKind, isAcceptable } from "../../src/core/discrepancy.ts";
import type { Decision } from "../../src/core/verdict.ts";

const VALID: Decision = { verdict: "valid", reason: null };
const KINDS = Object.keys(DISCREPANCY_KINDS) as DiscrepancyKind[];

describe("kinds of discrepancies", () => {
  it("are mended by a revision exactly where one event was decided wrongly, or by a shard that does not own it", () => {
    const revised = Object.entries(DISCREPANCY_KINDS).filter(([, mending]) => mending === "revision");
    expect(revised.map(([kind]) => kind)).toEqual([
      ...["foreign_shard", "signature", "verdict", "double_claim", "free_claim", "unsettled"],
    ]);
  });

  it("are accepted by name where nothing else mends them, and nowhere else", () => {
    const accepted = (to?: Decision | null) =>
      KINDS.filter((kind) => isAcceptable(to === undefined ? { kind } : { kind, to }));
    const lost = ["segment_missing", "segment_changed", "late_segment", "chain_broken", "line_unreadable"];
    const standing = ["rules_unknown", "free_claim"];
    expect(accepted(VALID).sort()).toEqual([...lost, ...standing].sort());
    const undecided = ["foreign_shard", "signature", "verdict", "double_claim", "unsettled"];
    expect(accepted(null).sort()).toEqual([...lost, ...standing, ...undecided].sort());
    expect(accepted()).toEqual(accepted(null));
  });

  it("have each a way out in the instructions for operators", () => {
    const [, table = ""] = readFileSync("docs/OPERATIONS.md", "utf8").split("| Found | Is | Mended by |");
    const rows = table.slice(0, table.indexOf("\n\n")).split("\n").slice(2);
    const named = rows.flatMap((row) => (row.split("|")[1] ?? "").match(/[a-z_]+/g) ?? []);
    expect(named.sort()).toEqual([...KINDS].sort());
  });
});
