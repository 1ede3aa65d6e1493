/** How far each window of a series may be believed, and where the watermark stands among them. */
import { describe, expect, it } from "vitest";
import { finality, placeOf, spansOf, stateOf } from "../../../src/dashboard/windows.ts";

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

  it.each([
    ["ended at the watermark", 60, 200, "provisional"],
    ["ended before it", 61, 200, "provisional"],
    ["ends a moment after it", 59, 200, "open"],
    ["has begun, and the watermark is before it", -1, 0, "open"],
    ["begins later", 60, -1, "future"],
    ["is long over, and nobody knows how far it is counted", null, 10_000, "open"],
  ])("one that %s", (_, watermark, now, state) => expect(stateOf({ fromMs: 0, toMs: 60 }, watermark, now)).toBe(state));

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
