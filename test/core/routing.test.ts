import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ADVERTISER_BUCKETS, SECOND_MS } from "../../src/core/limits.ts";
import {
  advertiserBucketOf,
  countsShardName,
  eventShardName,
  eventShardNames,
  orderShardName,
  parseTopology,
  routingHashOf,
  shardOf,
  submissionShardNames,
  type Topology,
} from "../../src/core/routing.ts";
import { anEpoch, NOON_MS } from "../support/builders.ts";
import vectors from "../vectors/routing.json" with { type: "json" };

const parsed = parseTopology(vectors.topology);
const TOPOLOGY: Topology = parsed.ok ? parsed.value : [];

describe("test/vectors/routing.json", () => {
  it.each(vectors.routing)("ad $ad, impression $jti, slt $slt at $iat is routed to shard $shard for ever", (vector) => {
    const routingHash = routingHashOf(vector);
    expect(routingHash).toBe(vector.routing_hash);
    expect(shardOf("click", routingHash, vector.iat * SECOND_MS, TOPOLOGY)).toBe(vector.shard);
  });

  it.each(vectors.advertiser_buckets)("advertiser $advertiser_id is in bucket $bucket for ever", (vector) => {
    expect(advertiserBucketOf(vector.advertiser_id)).toBe(vector.bucket);
  });
});

describe("the shard of a click", () => {
  const id = fc.string({ unit: fc.constantFrom(..."abcXYZ019_-."), minLength: 1, maxLength: 10 });
  const click = fc.record({
    ad: id,
    jti: id,
    slt: fc.integer({ min: 1, max: 64 }),
    iatMs: fc.integer({ min: 0, max: 1_776_900_000_000 }),
  });
  const shardOfClick = (claims: { ad: string; jti: string; slt: number; iatMs: number }) =>
    shardOf("click", routingHashOf(claims), claims.iatMs, TOPOLOGY);

  it("is the same for every copy, in whatever order the copies come", () => {
    fc.assert(
      fc.property(fc.array(click, { minLength: 1, maxLength: 20 }), fc.infiniteStream(fc.nat()), (clicks, picks) => {
        const first = new Map(clicks.map((each) => [each, shardOfClick(each)]));
        for (let turn = 0; turn < 50; turn++) {
          const copy = clicks[(picks.next().value as number) % clicks.length] as (typeof clicks)[number];
          expect(shardOfClick({ ...copy })).toBe(first.get(copy));
        }
      }),
      { seed: 20261122, numRuns: 50 },
    );
  });

  it("is unchanged by epochs that begin after the token was issued", () => {
    fc.assert(
      fc.property(click, fc.integer({ min: 1, max: 1_024 }), (each, shards) => {
        const longer = [...TOPOLOGY, anEpoch(1_776_900_001_000, shards)];
        expect(shardOf("click", routingHashOf(each), each.iatMs, longer)).toBe(shardOfClick(each));
      }),
      { seed: 20261122 },
    );
  });

  it("is chosen by the epoch in force when the token was issued, from its first millisecond", () => {
    const topology: Topology = [anEpoch(0, 1), anEpoch(NOON_MS, 1_000)];
    expect(shardOf("click", 777, NOON_MS - 1, topology)).toBe(0);
    expect(shardOf("click", 777, NOON_MS, topology)).toBe(777);
  });

  it("is below the shard count", () => {
    fc.assert(
      fc.property(click, (each) => {
        expect(shardOfClick(each)).toBeLessThan(16);
      }),
      { seed: 20261122 },
    );
    expect(eventShardNames(TOPOLOGY)).toHaveLength(2 * 16);
  });
});

describe("salts", () => {
  const hashes = (slt: number) =>
    new Set(Array.from({ length: 1_000 }, (_, index) => routingHashOf({ ad: "ad_9", jti: `imp_${index}`, slt })));

  it.each([1, 2, 8, 64])("spread one ad over exactly slt = %d places", (slt) => {
    expect(hashes(slt).size).toBe(slt);
  });

  it("share the impressions of an ad evenly", () => {
    const counts = new Map<number, number>();
    for (let index = 0; index < 8_000; index++) {
      const hash = routingHashOf({ ad: "ad_9", jti: `imp_${index}`, slt: 8 });
      counts.set(hash, (counts.get(hash) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(160);
  });

  it("depend on the impression, never on chance", () => {
    const claims = { ad: "ad_9", jti: "imp_1", slt: 64 };
    expect(routingHashOf(claims)).toBe(routingHashOf({ ...claims }));
  });
});

describe("parseTopology", () => {
  it("reads epochs in seconds", () => {
    expect(
      parseTopology([
        { since: 0, shards: 8 },
        { since: 60, shards: 1_024 },
      ]),
    ).toEqual({
      ok: true,
      value: [anEpoch(0, 8), anEpoch(60_000, 1_024)],
    });
  });

  it.each([
    ["nothing", null, "must be a list"],
    ["no list", { since: 0, shards: 8 }, "must be a list"],
    ["an empty list", [], "must be a list"],
    ["null in the list", [null], "no valid since"],
    ["a text in the list", ["8"], "no valid since"],
    ["no since", [{ shards: 8 }], "no valid since"],
    ["since as text", [{ since: "0", shards: 8 }], "no valid since"],
    ["a negative since", [{ since: -1, shards: 8 }], "no valid since"],
    ["since not a number", [{ since: Number.NaN, shards: 8 }], "no valid since"],
    ["no shards", [{ since: 0 }], "must have 1 to 1024 shards"],
    ["0 shards", [{ since: 0, shards: 0 }], "must have 1 to 1024 shards"],
    ["half a shard", [{ since: 0, shards: 1.5 }], "must have 1 to 1024 shards"],
    ["1 025 shards", [{ since: 0, shards: 1_025 }], "must have 1 to 1024 shards"],
    ["shards as text", [{ since: 0, shards: "8" }], "must have 1 to 1024 shards"],
    ["a first epoch after 0", [{ since: 1, shards: 8 }], "must start at since 0"],
    [
      "two epochs at once",
      [
        { since: 0, shards: 8 },
        { since: 0, shards: 9 },
      ],
      "and ascend",
    ],
    [
      "epochs in descent",
      [
        { since: 0, shards: 8 },
        { since: 9, shards: 8 },
        { since: 8, shards: 8 },
      ],
      "and ascend",
    ],
  ])("refuses %s with a sentence", (_, value, sentence) => {
    const result = parseTopology(value);
    expect(result.ok ? "" : result.error).toContain(sentence);
  });
});

describe("names", () => {
  it("of shard objects never change", () => {
    expect(eventShardName("click", 0)).toBe("clicks-0");
    expect(eventShardName("click", 1_023)).toBe("clicks-1023");
    expect(eventShardName("impression", 7)).toBe("impressions-7");
    expect(orderShardName(257)).toBe("orders-1");
    expect(countsShardName(17)).toBe("counts-1");
  });

  it("are all visited by a sweep, clicks and impressions each by their own number", () => {
    const topology = parseTopology([{ since: 0, shards: 2, impression_shards: 3 }]);
    const names = ["clicks-0", "clicks-1", "impressions-0", "impressions-1", "impressions-2"];
    expect(topology.ok && eventShardNames(topology.value)).toEqual(names);
    expect(new Set(submissionShardNames()).size).toBe(256 + 16);
  });

  it("of buckets stay within their number", () => {
    for (let index = 0; index < 500; index++)
      expect(advertiserBucketOf(`adv_${index}`)).toBeLessThan(ADVERTISER_BUCKETS);
  });
});
