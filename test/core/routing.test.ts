import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ADVERTISER_BUCKETS, SECOND_MS } from "../../src/core/limits.ts";
import {
  advertiserBucketOf,
  countsShardName,
  countsShardNames,
  eventShardName,
  eventShardNames,
  orderShardName,
  orderShardNames,
  parseTopology,
  routingHashOf,
  shardOf,
  shardsOfHash,
  type Topology,
} from "../../src/core/routing.ts";
import { anEpoch, NOON_MS } from "../support/builders.ts";
import vectors from "../vectors/routing.json" with { type: "json" };

const parsed = parseTopology(vectors.topology);
const TOPOLOGY: Topology = parsed.ok ? parsed.value : [];

describe("test/vectors/routing.json", () => {
  it.each(vectors.routing)(
    "ad $ad with $salts salts, impression $jti at $iat is routed to shard $shard for ever",
    (vector) => {
      expect(routingHashOf(vector)).toBe(vector.routing_hash);
      expect(shardOf("click", vector, TOPOLOGY)).toBe(vector.shard);
    },
  );

  it.each(vectors.advertiser_buckets)("advertiser $advertiser_id is in bucket $bucket for ever", (vector) => {
    expect(advertiserBucketOf(vector.advertiser_id)).toBe(vector.bucket);
  });
});

describe("the shard of a click", () => {
  const id = fc.string({ unit: fc.constantFrom(..."abcXYZ019_-."), minLength: 1, maxLength: 10 });
  const ad = fc.oneof(id, fc.constantFrom("ad_9", "ad_10", "ad_8821", "x.Y-z_0"));
  const click = fc.record({ ad, jti: id, iat: fc.integer({ min: 0, max: 1_776_900_000 }) });
  const shardOfClick = (claims: { ad: string; jti: string; iat: number }) => shardOf("click", claims, TOPOLOGY);

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
        const longer = [...TOPOLOGY, anEpoch(1_776_900_001_000, shards, { [each.ad]: 64 })];
        expect(shardOf("click", each, longer)).toBe(shardOfClick(each));
      }),
      { seed: 20261122 },
    );
  });

  it("is chosen by the epoch in force when the token was issued, from its first millisecond", () => {
    const topology: Topology = [anEpoch(0, 1), anEpoch(NOON_MS, 1_000)];
    const issuedAt = (ms: number) => shardOf("click", { ad: "ad_9", jti: "imp_1", iat: ms / SECOND_MS }, topology);
    expect(issuedAt(NOON_MS - 1)).toBe(0);
    expect(issuedAt(NOON_MS)).toBe(shardOf("click", { ad: "ad_9", jti: "imp_1", iat: 0 }, [anEpoch(0, 1_000)]));
    expect(issuedAt(NOON_MS)).toBeGreaterThan(0);
  });

  it("is among the few that the routing hash of its event id leads to, hot ad or not", () => {
    const hot = { a: 2, "ad-x": 64, Z: 7 };
    const topology: Topology = [anEpoch(0, 8, hot), anEpoch(60_000, 1_024, { a: 16 }), anEpoch(120_000, 1_024)];
    const anyAd = fc.oneof(id, fc.constantFrom(...Object.keys(hot)));
    fc.assert(
      fc.property(anyAd, id, fc.nat({ max: 200 }), (adId, jti, iat) => {
        const places = shardsOfHash("click", routingHashOf({ ad: adId, jti }), topology);
        expect(places).toContain(shardOf("click", { ad: adId, jti, iat }, topology));
        expect(places.length).toBeLessThanOrEqual(5);
      }),
      { seed: 20261128, numRuns: 500 },
    );
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

describe("a hot ad", () => {
  const impressions = Array.from({ length: 8_000 }, (_, index) => ({ ad: "ad_9", jti: `imp_${index}`, iat: 1 }));
  const placesOf = (topology: Topology) => {
    const counts = new Map<number, number>();
    for (const claims of impressions) {
      const shard = shardOf("click", claims, topology);
      counts.set(shard, (counts.get(shard) ?? 0) + 1);
    }
    return counts;
  };

  it.each([2, 3, 8, 48, 64])("is spread evenly over its %d salts, and every other ad stays at one place", (salts) => {
    // So many shards that two salts share one in none of these cases.
    const spread = placesOf([anEpoch(0, 1_021, { ad_9: salts })]);
    expect(spread.size).toBeGreaterThan(salts * 0.95);
    for (const count of spread.values()) expect(count).toBeLessThan((8_000 / salts) * 2.6);
    expect(placesOf([anEpoch(0, 1_021, { ad_10: salts })]).size).toBe(1);
  });

  it("is hot for tokens of its epoch only: an epoch inherits nothing", () => {
    const topology: Topology = [anEpoch(0, 64, { ad_9: 64 }), anEpoch(60_000, 64)];
    const shards = (iat: number) =>
      new Set(impressions.map((claims) => shardOf("click", { ...claims, iat }, topology)));
    expect(shards(59).size).toBeGreaterThan(30);
    expect(shards(60).size).toBe(1);
  });

  it("[attack 6] depends on the impression alone, never on chance or on what else a token says", () => {
    const topology: Topology = [anEpoch(0, 64, { ad_9: 64 })];
    for (const claims of impressions.slice(0, 100)) {
      const shard = shardOf("click", claims, topology);
      for (const slt of [1, 2, 64]) expect(shardOf("click", { ...claims, ...{ slt } }, topology)).toBe(shard);
    }
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

  it("reads the hot ads of each epoch, whatever their names are", () => {
    const value = JSON.parse('[{"since":0,"shards":8,"hot":{"ad_9":2,"__proto__":64,"constructor":3}}]');
    const hot = new Map([
      ["ad_9", 2],
      ["__proto__", 64],
      ["constructor", 3],
    ]);
    expect(parseTopology(value)).toEqual({ ok: true, value: [{ ...anEpoch(0, 8), hot }] });
  });

  it.each([
    ["a list of hot ads", ["ad_9"], "must be an object"],
    ["null as hot ads", null, "must be an object"],
    ["a text as hot ads", "ad_9", "must be an object"],
    ["a hot ad with one salt", { ad_9: 1 }, "must have 2 to 64 salts"],
    ["a hot ad with 65 salts", { ad_9: 65 }, "must have 2 to 64 salts"],
    ["a hot ad with half a salt", { ad_9: 2.5 }, "must have 2 to 64 salts"],
    ["salts as text", { ad_9: "8" }, "must have 2 to 64 salts"],
    ["salts as an object", { ad_9: { salts: 8 } }, "must have 2 to 64 salts"],
    ["a hot ad that is no id", { "ad 9": 8 }, "what is no id"],
    ["a hot ad without a name", { "": 8 }, "what is no id"],
    ["257 hot ads", Object.fromEntries(Array.from({ length: 257 }, (_, n) => [`ad_${n}`, 2])), "at most 256 hot ads"],
  ])("refuses %s with a sentence", (_, hot, sentence) => {
    const result = parseTopology([{ since: 0, shards: 8, hot }]);
    expect(result.ok ? "" : result.error).toContain(sentence);
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
    expect(new Set(orderShardNames()).size).toBe(256);
    expect(new Set(countsShardNames()).size).toBe(16);
  });

  it("of buckets stay within their number", () => {
    for (let index = 0; index < 500; index++)
      expect(advertiserBucketOf(`adv_${index}`)).toBeLessThan(ADVERTISER_BUCKETS);
  });
});
