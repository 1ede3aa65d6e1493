/** The topology in force: recorded when first seen, and changed only by epochs that lie ahead. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { parseTopology, type Topology } from "../../src/core/routing.ts";
import { EPOCH_LEAD_MS } from "../../src/core/topology.ts";
import { TOPOLOGY_KEY, TopologyKeeper } from "../../src/shard/topology-keeper.ts";
import { NOON_MS, NOON_S } from "../support/builders.ts";

const EIGHT = [{ since: 0, shards: 8 }];
const AHEAD_S = NOON_S + EPOCH_LEAD_MS / 1_000;
const keeper = () => new TopologyKeeper(env.ARCHIVE);
const shardsOf = (topology: Topology) => topology.map(({ shards }) => shards.click);

beforeEach(() => env.ARCHIVE.delete(TOPOLOGY_KEY));

describe("TopologyKeeper", () => {
  it("records what is configured first, and lets it grow by an epoch that lies ahead", async () => {
    expect(shardsOf(await keeper().inForce(parseTopology(EIGHT), NOON_MS))).toEqual([8]);
    const grown = parseTopology([...EIGHT, { since: AHEAD_S, shards: 64 }]);
    expect(shardsOf(await keeper().inForce(grown, NOON_MS))).toEqual([8, 64]);
    // From another configuration, for example an isolate that still runs the old version, the record stays.
    expect(shardsOf(await keeper().inForce(parseTopology(EIGHT), NOON_MS))).toEqual([8, 64]);
  });

  it.each([
    ["retroactive", [...EIGHT, { since: AHEAD_S - 1, shards: 64 }]],
    ["changed", [{ since: 0, shards: 16 }]],
    ["overlapping", [...EIGHT, { since: 0, shards: 16 }]],
    ["no list at all", "many"],
  ])("keeps the recorded list in force when the configured one is %s", async (_, configured) => {
    await keeper().inForce(parseTopology(EIGHT), NOON_MS);
    expect(shardsOf(await keeper().inForce(parseTopology(configured), NOON_MS))).toEqual([8]);
    expect(await (await env.ARCHIVE.get(TOPOLOGY_KEY))?.json()).toEqual(EIGHT);
  });

  it("agrees with a keeper that writes at the same time", async () => {
    const configured = [...EIGHT, { since: AHEAD_S, shards: 64 }];
    const all = await Promise.all(
      Array.from({ length: 5 }, () => keeper().inForce(parseTopology(configured), NOON_MS)),
    );
    for (const topology of all) expect(shardsOf(topology)).toEqual([8, 64]);
  });

  it("goes on with what it knows while R2 cannot be read, and does not guess when it knows nothing", async () => {
    let isDown = false;
    const flaky = new Proxy(env.ARCHIVE, {
      get: (target, property) => {
        if (isDown) throw new Error("R2 is down");
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const known = new TopologyKeeper(flaky);
    await known.inForce(parseTopology(EIGHT), NOON_MS);
    isDown = true;
    expect(shardsOf(await known.inForce(parseTopology(EIGHT), NOON_MS + 120_000))).toEqual([8]);
    await expect(new TopologyKeeper(flaky).inForce(parseTopology(EIGHT), NOON_MS)).rejects.toThrow("R2 is down");
    // By then somebody else may have recorded an epoch that has begun (found by the simulation, seed 1114).
    await expect(known.inForce(parseTopology(EIGHT), NOON_MS + EPOCH_LEAD_MS)).rejects.toThrow("R2 is down");
    isDown = false;
    expect(shardsOf(await known.inForce(parseTopology(EIGHT), NOON_MS + EPOCH_LEAD_MS))).toEqual([8]);
  });

  it("records hot ads with their epoch, and refuses other salts for them ever after", async () => {
    const hot = [...EIGHT, { since: AHEAD_S, shards: 8, hot: { ad_9: 8 } }];
    const salts = (topology: Topology) => topology.at(-1)?.hot.get("ad_9");
    await keeper().inForce(parseTopology(EIGHT), NOON_MS);
    expect(salts(await keeper().inForce(parseTopology(hot), NOON_MS))).toBe(8);
    expect(await (await env.ARCHIVE.get(TOPOLOGY_KEY))?.json()).toEqual(hot);
    const faults = vi.spyOn(console, "error").mockImplementation(() => {});
    const cooler = [...EIGHT, { since: AHEAD_S, shards: 8, hot: { ad_9: 4 } }];
    expect(salts(await keeper().inForce(parseTopology(cooler), NOON_MS))).toBe(8);
    expect(faults.mock.calls.flat().join()).toContain("epoch_changed");
    faults.mockRestore();
  });

  it("rejects while the record cannot be read as a topology, and leaves its bytes alone", async () => {
    for (const broken of ["{", "[]", '[{"since":0,"shards":0}]', '[{"since":0,"shards":8,"hot":{"ad_9":1}}]']) {
      await env.ARCHIVE.put(TOPOLOGY_KEY, broken);
      await expect(keeper().inForce(parseTopology(EIGHT), NOON_MS)).rejects.toThrow("the recorded topology is broken");
      expect(await (await env.ARCHIVE.get(TOPOLOGY_KEY))?.text()).toBe(broken);
    }
  });

  it("relies on its last reading for half of the lead of an epoch, and not a millisecond longer", async () => {
    let isDown = false;
    const flaky = { get: (key: string) => (isDown ? Promise.reject(new Error("R2 is down")) : env.ARCHIVE.get(key)) };
    await env.ARCHIVE.put(TOPOLOGY_KEY, JSON.stringify(EIGHT), { customMetadata: { jurisdiction: "" } });
    const known = new TopologyKeeper(flaky as unknown as R2Bucket);
    await known.inForce(parseTopology(EIGHT), NOON_MS);
    isDown = true;
    const last = NOON_MS + EPOCH_LEAD_MS / 2;
    expect(shardsOf(await known.inForce(parseTopology(EIGHT), last))).toEqual([8]);
    await expect(known.inForce(parseTopology(EIGHT), last + 1)).rejects.toThrow("R2 is down");
  });

  it.each([
    [null, "eu"],
    ["eu", null],
  ] as const)("routes nothing in %s's stead in %s, and says so", async (first, then) => {
    await new TopologyKeeper(env.ARCHIVE, first).inForce(parseTopology(EIGHT), NOON_MS);
    const faults = vi.spyOn(console, "error").mockImplementation(() => {});
    const moved = new TopologyKeeper(env.ARCHIVE, then).inForce(parseTopology(EIGHT), NOON_MS);
    await expect(moved).rejects.toThrow(/^JURISDICTION: what is counted is kept in/);
    expect(faults.mock.calls.flat().join()).toContain("jurisdiction_changed");
    faults.mockRestore();
    const stays = new TopologyKeeper(env.ARCHIVE, first).inForce(parseTopology(EIGHT), NOON_MS);
    expect(shardsOf(await stays)).toEqual([8]);
  });

  it("gives a record that was put back by hand the place where it is read", async () => {
    await env.ARCHIVE.put(TOPOLOGY_KEY, JSON.stringify(EIGHT));
    await new TopologyKeeper(env.ARCHIVE, "eu").inForce(parseTopology(EIGHT), NOON_MS);
    expect((await env.ARCHIVE.head(TOPOLOGY_KEY))?.customMetadata).toEqual({ jurisdiction: "eu" });
  });

  it("rejects when nothing is recorded and nothing valid is configured", async () => {
    await expect(keeper().inForce(parseTopology([]), NOON_MS)).rejects.toThrow("TOPOLOGY");
  });
});
