import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Epoch, parseTopology, shardOf, type Topology } from "../../src/core/routing.ts";
import { adoptTopology, EPOCH_LEAD_MS, encodeTopology } from "../../src/core/topology.ts";
import { anEpoch, NOON_MS } from "../support/builders.ts";

const DAY_BEFORE_MS = NOON_MS - 86_400_000;
const RECORDED: Topology = [anEpoch(0, 8), anEpoch(DAY_BEFORE_MS, 16, { ad_9: 8, ad_10: 2 })];
const EARLIEST_MS = NOON_MS + EPOCH_LEAD_MS;

describe("adopting a topology", () => {
  it("takes the first one as it is, to be recorded", () => {
    expect(adoptTopology(null, RECORDED, NOON_MS)).toEqual({ topology: RECORDED, isNew: true, refusals: [] });
  });

  it("changes nothing when it is already recorded", () => {
    expect(adoptTopology(RECORDED, RECORDED, NOON_MS)).toEqual({ topology: RECORDED, isNew: false, refusals: [] });
  });

  it("adds an epoch that begins at least 15 minutes ahead", () => {
    const longer = [...RECORDED, anEpoch(EARLIEST_MS, 64)];
    expect(adoptTopology(RECORDED, longer, NOON_MS)).toEqual({ topology: longer, isNew: true, refusals: [] });
  });

  it("[attack 6] takes hot ads with an epoch of their own, and their order in the setting means nothing", () => {
    const longer = [...RECORDED, anEpoch(EARLIEST_MS, 16, { ad_1: 64 })];
    expect(adoptTopology(RECORDED, longer, NOON_MS)).toEqual({ topology: longer, isNew: true, refusals: [] });
    const otherOrder = [RECORDED[0] as Epoch, anEpoch(DAY_BEFORE_MS, 16, { ad_10: 2, ad_9: 8 })];
    expect(adoptTopology(RECORDED, otherOrder, NOON_MS)).toMatchObject({ isNew: false, refusals: [] });
  });

  it.each([
    ["an epoch a millisecond too early", [...RECORDED, anEpoch(EARLIEST_MS - 1, 64)], ["epoch_retroactive"]],
    ["an epoch in the past", [...RECORDED, anEpoch(NOON_MS - 1, 64)], ["epoch_retroactive"]],
    ["an epoch between two that are recorded", [RECORDED[0], anEpoch(1_000, 9), RECORDED[1]], ["epoch_retroactive"]],
    ["another number of shards", [RECORDED[0], anEpoch(DAY_BEFORE_MS, 17, { ad_9: 8, ad_10: 2 })], ["epoch_changed"]],
    ["other salts of a hot ad", [RECORDED[0], anEpoch(DAY_BEFORE_MS, 16, { ad_9: 4, ad_10: 2 })], ["epoch_changed"]],
    ["a hot ad less", [RECORDED[0], anEpoch(DAY_BEFORE_MS, 16, { ad_9: 8 })], ["epoch_changed"]],
    ["a hot ad instead of another", [RECORDED[0], anEpoch(DAY_BEFORE_MS, 16, { ad_9: 8, ad_1: 2 })], ["epoch_changed"]],
    ["a hot ad in an epoch that has none", [anEpoch(0, 8, { ad_9: 2 }), RECORDED[1]], ["epoch_changed"]],
    ["hot ads too early", [...RECORDED, anEpoch(EARLIEST_MS - 1, 16, { ad_1: 2 })], ["epoch_retroactive"]],
    ["an epoch that is gone", [RECORDED[0]], ["epoch_missing"]],
    ["a moved epoch", [RECORDED[0], anEpoch(EARLIEST_MS, 16)], ["epoch_missing"]],
    [
      "everything at once",
      [anEpoch(0, 9), anEpoch(NOON_MS, 1)],
      ["epoch_changed", "epoch_missing", "epoch_retroactive"],
    ],
  ] as [string, Topology, string[]][])("refuses %s, and what is recorded stays in force", (_, configured, refusals) => {
    expect(adoptTopology(RECORDED, configured, NOON_MS)).toEqual({ topology: RECORDED, isNew: false, refusals });
  });

  it("refuses a good epoch beside a bad one", () => {
    const configured: Topology = [anEpoch(0, 9), ...RECORDED.slice(1), anEpoch(EARLIEST_MS, 64)];
    expect(adoptTopology(RECORDED, configured, NOON_MS)).toMatchObject({ topology: RECORDED, isNew: false });
  });
});

describe("whatever is configured, and however often", () => {
  const epochs = fc
    .uniqueArray(fc.nat({ max: 200 }), { maxLength: 4 })
    .chain((minutes) =>
      fc.tuple(
        fc.constant(minutes.toSorted((a, b) => a - b).filter((minute) => minute > 0)),
        fc.array(fc.integer({ min: 1, max: 63 }), { minLength: 5, maxLength: 5 }),
      ),
    )
    .map(
      ([minutes, shards]): Topology =>
        [0, ...minutes].map((minute, at) =>
          anEpoch(minute * 60_000, shards[at] ?? 1, at % 2 === 0 ? {} : { ad_9: 1 + (shards[at] ?? 1), ad_1: 2 }),
        ),
    );

  it("a token that was issued keeps its shard for ever", () => {
    const steps = fc.array(fc.tuple(epochs, fc.nat({ max: 60 })), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(steps, fc.nat(), (configurations, number) => {
        let recorded: Topology | null = null;
        let nowMs = 0;
        const issued = new Map<number, number>();
        const shardAt = (iatMs: number, topology: Topology) =>
          shardOf("click", { ad: "ad_9", jti: `imp_${number}`, iat: iatMs / 1_000 }, topology);
        for (const [configured, minutes] of configurations) {
          nowMs += minutes * 60_000;
          recorded = adoptTopology(recorded, configured, nowMs).topology;
          for (const [iatMs, shard] of issued) expect(shardAt(iatMs, recorded)).toBe(shard);
          issued.set(nowMs, shardAt(nowMs, recorded));
        }
      }),
      { seed: 20261122, numRuns: 500 },
    );
  });

  it("what is in force is again a valid topology, and its JSON form reads back", () => {
    fc.assert(
      fc.property(epochs, epochs, fc.nat({ max: 200 }), (recorded, configured, minute) => {
        const { topology } = adoptTopology(recorded, configured, minute * 60_000);
        expect(parseTopology(JSON.parse(JSON.stringify(encodeTopology(topology))))).toEqual({
          ok: true,
          value: topology,
        });
      }),
      { seed: 20261122, numRuns: 300 },
    );
  });
});
