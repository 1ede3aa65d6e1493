import { describe, expect, it } from "vitest";
import type { AuditRecord, RecordForm } from "../../src/core/audit-record.ts";
import { checkImpression } from "../../src/core/claim-check.ts";
import type { EventId } from "../../src/core/event-id.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import type { Verdict } from "../../src/core/verdict.ts";

type Step = readonly [event: string, verdict: Verdict, form?: RecordForm, from?: Verdict];

const recordsOf = (steps: readonly Step[]): AuditRecord[] =>
  steps.map(([event, verdict, form = "first", from], at) => ({
    ...{ key: "00" as ImpressionKey, event: event as EventId, loggedAtMs: at, seq: at + 1, line: 0, life: 0 },
    ...{ form, verdict, from: from ?? null },
  }));

const findingsOf = (...steps: readonly Step[]) =>
  checkImpression(recordsOf(steps)).map(({ record, kind, to }) => [record.event, kind, to?.verdict ?? null]);

describe("who may claim an impression", () => {
  it.each<[string, Step[]]>([
    [
      "one valid click and its duplicates",
      [
        ["a", "valid"],
        ["b", "duplicate"],
        ["c", "duplicate"],
      ],
    ],
    [
      "a crawler first, which claims nothing",
      [
        ["a", "invalid"],
        ["b", "valid"],
      ],
    ],
    [
      "a late click that is accepted",
      [
        ["a", "late"],
        ["a", "valid", "review"],
        ["b", "duplicate"],
      ],
    ],
    [
      "an event that is delivered again when its keys are forgotten",
      [
        ["a", "valid"],
        ["a", "deferred"],
      ],
    ],
    [
      "a late click that is accepted behind another",
      [
        ["a", "late"],
        ["b", "valid"],
        ["a", "duplicate", "review"],
      ],
    ],
    [
      "a late click that is rejected",
      [
        ["a", "late"],
        ["a", "invalid", "review"],
        ["b", "valid"],
      ],
    ],
    [
      "a claim that is taken away and given to the next",
      [
        ["a", "valid"],
        ["b", "duplicate"],
        ["a", "invalid", "revision", "valid"],
        ["b", "valid", "revision", "duplicate"],
      ],
    ],
    [
      "an event of another shard that is withdrawn, and the next of its impression",
      [
        ["a", "valid"],
        ["b", "duplicate"],
        ["a", "deferred", "revision", "valid"],
        ["b", "deferred", "revision", "duplicate"],
        ["c", "valid"],
      ],
    ],
    [
      "a deferred click that is settled",
      [
        ["a", "deferred"],
        ["a", "valid", "revision", "deferred"],
      ],
    ],
    [
      "a second claim that was mended",
      [
        ["a", "valid"],
        ["b", "valid"],
        ["b", "duplicate", "revision", "valid"],
      ],
    ],
    [
      "a free claim that was mended",
      [
        ["a", "duplicate"],
        ["a", "valid", "revision", "duplicate"],
      ],
    ],
  ])("is right for %s", (_, steps) => {
    expect(findingsOf(...steps)).toEqual([]);
  });

  it.each<[string, Step[], unknown[]]>([
    [
      "two valid clicks",
      [
        ["a", "valid"],
        ["b", "valid"],
      ],
      [["b", "double_claim", "duplicate"]],
    ],
    [
      "three",
      [
        ["a", "valid"],
        ["b", "valid"],
        ["c", "valid"],
      ],
      [
        ["b", "double_claim", "duplicate"],
        ["c", "double_claim", "duplicate"],
      ],
    ],
    ["a duplicate of nothing", [["a", "duplicate"]], [["a", "free_claim", "valid"]]],
    [
      "a duplicate of what is invalid",
      [
        ["a", "invalid"],
        ["b", "duplicate"],
      ],
      [["b", "free_claim", "valid"]],
    ],
    [
      "one event twice",
      [
        ["a", "valid"],
        ["a", "valid"],
      ],
      [["a", "double_claim", null]],
    ],
    [
      "one event twice, valid or not",
      [
        ["a", "invalid"],
        ["a", "invalid"],
      ],
      [["a", "double_claim", null]],
    ],
    ["a deferred click of a free impression", [["a", "deferred"]], [["a", "unsettled", "valid"]]],
    [
      "a deferred click of a claimed one",
      [
        ["a", "valid"],
        ["b", "deferred"],
      ],
      [["b", "unsettled", "duplicate"]],
    ],
    [
      "a decision on what is not late",
      [
        ["a", "valid"],
        ["a", "invalid", "review"],
      ],
      [["a", "verdict", null]],
    ],
    ["a decision on nothing", [["a", "valid", "review"]], [["a", "verdict", null]]],
    [
      "two decisions",
      [
        ["a", "late"],
        ["a", "valid", "review"],
        ["a", "invalid", "review"],
      ],
      [["a", "verdict", null]],
    ],
    [
      "an accepted late click that takes a claim",
      [
        ["b", "valid"],
        ["a", "late"],
        ["a", "valid", "review"],
      ],
      [["a", "double_claim", "duplicate"]],
    ],
    [
      "a revision from what the event is not",
      [
        ["a", "valid"],
        ["a", "valid", "revision", "invalid"],
      ],
      [["a", "verdict", null]],
    ],
    [
      "a claim that is taken away and given to nobody, when another click is refused for it",
      [
        ["a", "valid"],
        ["a", "invalid", "revision", "valid"],
        ["b", "duplicate"],
      ],
      [["b", "free_claim", "valid"]],
    ],
    [
      "a revision that makes a second claim",
      [
        ["a", "valid"],
        ["b", "duplicate"],
        ["b", "valid", "revision", "duplicate"],
      ],
      [["b", "double_claim", "duplicate"]],
    ],
  ])("is wrong for %s", (_, steps, findings) => {
    expect(findingsOf(...steps)).toEqual(findings);
  });

  it("settles a deferred click by what the rules say of it", () => {
    const [finding] = checkImpression(recordsOf([["a", "deferred"]]), () => ({ verdict: "invalid", reason: "test" }));
    expect(finding?.to).toEqual({ verdict: "invalid", reason: "test" });
  });
});

describe("what waits, settled at the end of all that is logged", () => {
  it("gives the impression to one of two that wait, and to none where a later event has it", () => {
    const both = findingsOf(["a", "deferred"], ["b", "deferred"]);
    expect(both).toEqual([
      ["a", "unsettled", "valid"],
      ["b", "unsettled", "duplicate"],
    ]);
    const half = findingsOf(["a", "deferred"], ["b", "deferred"], ["a", "valid", "revision", "deferred"]);
    expect(half).toEqual([["b", "unsettled", "duplicate"]]);
    expect(findingsOf(["a", "deferred"], ["b", "valid"])).toEqual([["a", "unsettled", "duplicate"]]);
  });

  it("does not bill a late click whose review is past: a revision to late would be refused for ever", () => {
    const late = () => ({ verdict: "late", reason: "late" }) as const;
    const [finding] = checkImpression(recordsOf([["a", "deferred"]]), late);
    expect(finding).toMatchObject({ kind: "unsettled", to: { verdict: "invalid", reason: "late_rejected" } });
  });
});

describe("a promotion that is taken back", () => {
  const PROMOTED: readonly Step[] = [
    ["a", "valid"],
    ["b", "duplicate"],
    ["a", "invalid", "revision", "valid"],
    ["b", "valid", "revision", "duplicate"],
  ];
  const undone = (isOneRow: boolean) => {
    const steps: Step[] = [...PROMOTED, ["b", "duplicate", "revision", "valid"], ["a", "valid", "revision", "invalid"]];
    const records = recordsOf(steps);
    const [freed, heir] = records.slice(-2) as [AuditRecord, AuditRecord];
    const row = isOneRow ? { seq: freed.seq, loggedAtMs: freed.loggedAtMs, line: 1 } : {};
    return checkImpression([...records.slice(0, -1), { ...heir, ...row }]).map(({ record, kind }) => [
      record.event,
      kind,
    ]);
  };

  it("is in order where one row takes the impression from one event and gives it to the other", () => {
    expect(undone(true)).toEqual([]);
  });

  it("is a duplicate of nothing where nobody takes it over with it", () => {
    expect(undone(false)).toEqual([["b", "free_claim"]]);
  });

  it("is asked of a withdrawal as of every revision: it takes away what the event is", () => {
    expect(findingsOf(["a", "valid"], ["a", "deferred", "revision", "duplicate"])).toEqual([["a", "verdict", null]]);
    expect(findingsOf(["a", "deferred", "revision", "valid"])).toEqual([["a", "verdict", null]]);
  });
});
