/** Rows that are lost with their storage: what requests that died had left at the edge may be among them. */
import { describe, expect, it } from "vitest";
import { HOUR_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { checkWorld } from "./checks.ts";
import { loseRows } from "./lossy-restore.ts";
import { REAL_PARTS } from "./parts.ts";
import { settleDeferred } from "./settle.ts";
import { simulate } from "./simulate.ts";
import { World } from "./world.ts";

const SEEDS = 12;
const LEFT = 15;

/** Plays showings, of which the last ones wait at their isolates without anybody; returns the verdicts of what is lost. */
async function lostVerdicts(seed: number, waitMs: (world: World) => number): Promise<string[]> {
  const options = { seed, hours: 0.2, kinds: [], areCertain: false, only: null, traced: null };
  const world = new World({ ...options, parts: REAL_PARTS });
  const { scheduler, workload, isolates, witness } = world;
  const showings = workload.requests.filter(({ type }) => type === "impression");
  for (const request of showings.slice(0, -LEFT)) {
    scheduler.at(request.atMs, "impression", () => isolates[request.isolate]?.take(request, null));
  }
  await scheduler.run(world.endMs);
  for (const request of showings.slice(-LEFT)) isolates[request.isolate]?.take(request, 1);
  await settle(world, waitMs(world));
  await loseRows(world);
  await settle(world, MINUTE_MS);
  await settleDeferred(world, () => settle(world, MINUTE_MS));
  await checkWorld(world);
  expect(witness.complaints, `seed ${seed}`).toEqual([]);
  return witness.lostRows.flatMap(({ logged }) => logged.map(({ verdict }) => verdict));
}

/** Lets time pass, then has every shard forget and carry what it holds, a few times, as cron does. */
async function settle(world: World, waitMs: number): Promise<void> {
  const { scheduler } = world;
  const cron = () => {
    scheduler.touch();
    for (const host of world.hosts()) void host.object().sweep();
  };
  for (let minute = 0; minute < 5; minute++) scheduler.after(waitMs + minute * MINUTE_MS, "cron", cron);
  await scheduler.run();
}

async function lostInSeeds(waitMs: (world: World) => number): Promise<Set<string>> {
  const lost = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed++) for (const verdict of await lostVerdicts(seed, waitMs)) lost.add(verdict);
  return lost;
}

describe("rows that are lost with their storage", () => {
  it("are in no total where a showing had waited past the horizon, and is deferred", async () => {
    const lost = await lostInSeeds(({ settings }) => settings.dedupHorizonMs + 2 * HOUR_MS);
    expect(lost).toContain("deferred");
    expect(lost).not.toContain("valid");
  });

  it("are counted where a showing had waited within the horizon, and claims its impression", async () => {
    const lost = await lostInSeeds(() => 40 * MINUTE_MS);
    expect(lost).toContain("valid");
    expect(lost).not.toContain("deferred");
  });

  it("come to rest too where the shard that is to lose them had never been called before", async () => {
    // Of this seed's only impression every showing died, until the one that is to be lost.
    const only = { hours: 0.1, kinds: ["death", "restore"], areCertain: true, only: new Set([0]) } as const;
    for (let seed = 60; seed < 70; seed++) {
      expect((await simulate({ ...only, seed })).complaints, `seed ${seed}`).toEqual([]);
    }
  });

  it("come to rest where a storage lost nothing but the mark of its archive, behind an announced segment", async () => {
    // Its rows before the announced segment are stored: announced again from the older mark, they were refused for ever.
    expect((await simulate({ seed: 2058, hours: 1 })).complaints).toEqual([]);
  });
  it("come to rest where a storage is set back twice, with rows from before the base of its life", async () => {
    // Compared from its first row the life's archive had nothing, and the shard tried again for ever.
    expect((await simulate({ seed: 7425, hours: 1 })).complaints).toEqual([]);
  });

  it("leave a late click decided where its first line is posted again behind the decision", async () => {
    expect((await simulate({ seed: 8971, hours: 1 })).complaints).toEqual([]);
  });
});
