/** What is counted of refusals: each once, under names of ours, as many as one invocation may write. */
import { describe, expect, it } from "vitest";
import { OPERATIONS_POINTS_MAX } from "../../src/core/limits.ts";
import { aClickId, aPostback, aRow, minutesAgo, post, send } from "./send.ts";

/** The binding, and the reason and field of each point that was written. */
function watched() {
  const points: string[] = [];
  const writeDataPoint = (point: { blobs: string[] }) => void points.push(point.blobs.slice(1, 3).join(" ").trim());
  return { points, bindings: { OPERATIONS: { writeDataPoint } } };
}

describe("a refusal", () => {
  it("of a row is counted by reason and field; a row that is taken is not", async () => {
    const { points, bindings } = watched();
    await post([aRow({ type: "gift" }), aRow({ value_micros: "?" }), aRow(), {}], { bindings });
    expect(points).toEqual(["unknown_type type", "field_invalid value_micros", "click_id_missing click_id"]);
  });

  it("never has the sender's own words for a label, nor the number of a row", async () => {
    const { points, bindings } = watched();
    await post([aRow({ "my field": 1 })], { bindings });
    await post({ conversions: [{}], "my field": 1 }, { bindings });
    await send("/v1/conversions?mine=1&mine=2", { key: null, bindings });
    const rows = [{ minute: minutesAgo(1), advertiser_id: "?" }, null];
    for (const row of rows) {
      await send("/v1/impressions/counts", { method: "POST", body: { batch_id: "b", rows: [row] }, bindings });
    }
    expect(points).toEqual([
      ...["field_unknown", "field_unknown", "field_repeated", "field_invalid advertiser_id", "field_invalid"],
    ]);
  });

  it("of a pixel is counted once", async () => {
    const { points, bindings } = watched();
    const clickId = aClickId();
    await send(`${aPostback({ click_id: clickId, format: "gif" })}&type=lead`, { key: null, bindings });
    await send(aPostback({ click_id: clickId, format: "gif", type: "gift" }), { key: null, bindings });
    expect(points).toEqual(["signature_invalid sig", "unknown_type type"]);
  });

  it("of very many rows writes no more points than an invocation may", async () => {
    const { points, bindings } = watched();
    await post(
      Array.from({ length: OPERATIONS_POINTS_MAX + 1 }, () => ({})),
      { bindings },
    );
    expect(points).toHaveLength(OPERATIONS_POINTS_MAX);
  });
});
