/** How far each window of a series may be believed, and where the watermark stands among them. */
import { describe, expect, it } from "vitest";
import { finality, placeOf, type StatePart, spansOf, stateOf } from "../../../src/dashboard/windows.ts";

const HOURS = spansOf([0, 60, 120], 180);

describe("windows", () => {
  it("tile the range, of whatever lengths they are", () => {
    expect(HOURS).toEqual([
      { fromMs: 0, toMs: 60 },
      { fromMs: 60, toMs: 120 },
      { fromMs: 120, toMs: 180 },
    ]);
    expect(spansOf([], 5)).toEqual([]);
    expect(spansOf([0, 23, 48], 72).map(({ fromMs, toMs }) => toMs - fromMs)).toEqual([23, 25, 24]);
  });

  const at = (ms: number) => new Date(ms).toISOString();
  const PARTS: readonly StatePart[] = [
    { state: "billed", to: at(1_000) },
    { state: "reconciled", to: at(2_000) },
    { state: "blocked", to: at(3_000) },
    { state: "provisional", to: at(4_000) },
    { state: "open", to: at(9_000) },
  ];

  it.each([
    ["ends where a part does", 0, 1_000, "billed"],
    ["ends a moment later", 0, 1_001, "reconciled"],
    ["spans several parts", 0, 2_500, "blocked"],
    ["ended at the watermark", 3_000, 4_000, "provisional"],
    ["ends a moment after it", 3_000, 4_001, "open"],
    ["ends behind the last part, which is cut to seconds", 5_000, 9_999, "open"],
    ["begins later", 6_000, 9_000, "future"],
  ])("one that %s", (_, fromMs, toMs, state) => expect(stateOf({ fromMs, toMs }, PARTS, 5_000)).toBe(state));

  it.each([
    [["billed", "billed", "future"], "Final: on a statement."],
    [["billed", "reconciled"], "Final in part: what is billed."],
    [["reconciled", "provisional", "open"], "Not final yet."],
    [[], "Not final yet."],
  ] as const)("say whether %j may still change", (states, sentence) => expect(finality(states)).toBe(sentence));

  it("are met by an instant at its share of the width", () => {
    expect([0, 30, 60, 150].map((ms) => placeOf(ms, HOURS))).toEqual([0, 1 / 6, 1 / 3, 2.5 / 3]);
    expect([-1, 180, null].map((ms) => placeOf(ms, HOURS))).toEqual([null, null, null]);
    expect(placeOf(5, [])).toBeNull();
  });
});
