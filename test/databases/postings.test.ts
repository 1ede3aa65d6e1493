/** One log, three report databases: each gets its own advertisers, once, whatever fails in whichever of them. */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import { boundDatabases, Directory, UnboundDatabaseError } from "../../src/facts/directory.ts";
import type { FactsStore, ReportStores } from "../../src/facts/facts-store.ts";
import { NOON_MS } from "../support/builders.ts";
import { anySpec, loggedOf, MemoryLog, memoryMark, type Spec } from "../support/logged.ts";
import { passing } from "../support/one-store.ts";
import { runPostings } from "../support/post-log.ts";
import { canonical, readFacts } from "../support/read-facts.ts";
import { wipeFacts } from "../support/wipe-facts.ts";

const SEED = 20_261_122;
const OWNER = { shard: "clicks-0", incarnation: "test" };
const DATABASES = boundDatabases(env);
const NAMES = [...DATABASES.keys()];

async function wipe(): Promise<void> {
  for (const database of DATABASES.values()) await wipeFacts(database);
}

const foldOf = (specs: readonly (Spec & { seq: number })[]): Facts => {
  const facts: Facts = new Map();
  for (const spec of specs) foldEntry(facts, loggedOf(spec, spec.seq));
  return facts;
};

const ledgerRows = async (name: string) =>
  (await DATABASES.get(name)?.prepare("SELECT count(*) AS rows FROM ledger").first<{ rows: number }>())?.rows;

type Outcome = "applied" | "reply_lost" | "not_applied";

function unreliable(store: FactsStore, outcomes: Outcome[]): FactsStore {
  return {
    ...passing(store),
    post: async (posting) => {
      const outcome = outcomes.shift() ?? "applied";
      if (outcome === "not_applied") throw new Error("no reply, not applied");
      await store.post(posting);
      if (outcome === "reply_lost") throw new Error("no reply, applied");
    },
  };
}

/** A log with its cursors, and the stores as one run finds them. */
class Shard {
  readonly log = new MemoryLog();
  readonly marks = new Map(NAMES.map((name) => [name, memoryMark()]));
  readonly #directory = new Directory(env);
  readonly #newTo: readonly string[];

  constructor(newTo: readonly string[] = NAMES) {
    this.#newTo = newTo;
  }

  readonly assign: ReportStores["assign"] = (ids) => this.#directory.assign(ids, { newTo: this.#newTo, nowMs: 1 });

  post(outcomes: Readonly<Record<string, readonly Outcome[]>> = {}, names: readonly string[] = NAMES): Promise<void> {
    const targets = names.map((name) => ({
      name,
      store: unreliable(new D1Facts(DATABASES.get(name) as D1Database, () => NOON_MS), [...(outcomes[name] ?? [])]),
      mark: this.marks.get(name) ?? memoryMark(),
    }));
    return runPostings(this.log, targets, { assign: this.assign, owner: OWNER });
  }

  reached(): number[] {
    return NAMES.map((name) => this.marks.get(name)?.read().at.seq ?? -1);
  }
}

/** An advertiser that stands in the database, other than those of `not`. */
async function advertiserIn(name: string, shard: Shard): Promise<number> {
  for (let advertiser = 1; ; advertiser++) {
    if ((await shard.assign([`adv_${advertiser}`])).get(`adv_${advertiser}`) === name) return advertiser;
  }
}

const aSpec = (advertiser: number): Spec => ({
  ...{ advertiser, ad: 1, publisher: 1, country: "DE", minute: 0, count: 1 },
  decision: { verdict: "valid", reason: null },
});

describe("postings over three databases", () => {
  beforeEach(wipe);

  it("give each database its advertisers' facts and no others, however its stores fail", async () => {
    const outcomes = fc.array(fc.constantFrom<Outcome>("applied", "reply_lost", "not_applied"), { maxLength: 3 });
    const step = fc.record({
      arrivals: fc.array(
        anySpec.chain((spec) => fc.integer({ min: 1, max: 9 }).map((advertiser) => ({ ...spec, advertiser }))),
        {
          maxLength: 5,
        },
      ),
      outcomes: fc.record(Object.fromEntries(NAMES.map((name) => [name, outcomes]))),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        await wipe();
        const shard = new Shard();
        for (const { arrivals, outcomes } of steps) {
          shard.log.append(arrivals);
          await shard.post(outcomes).catch(() => {});
        }
        await shard.post();
        expect(new Set(shard.reached())).toEqual(new Set([shard.log.lastSeq()]));
        const specs = steps.flatMap(({ arrivals }) => arrivals).map((spec, at) => ({ ...spec, seq: at + 1 }));
        const assignments = await shard.assign(specs.map(({ advertiser }) => `adv_${advertiser}`));
        for (const [name, database] of DATABASES) {
          const mine = specs.filter(({ advertiser }) => assignments.get(`adv_${advertiser}`) === name);
          expect(canonical(await readFacts(database, "minute"))).toBe(canonical(foldOf(mine)));
        }
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  it("go on in the others while one database is down, and catch it up once", async () => {
    const shard = new Shard();
    const ours = await Promise.all(NAMES.map((name) => advertiserIn(name, shard)));
    for (let round = 1; round <= 3; round++) {
      shard.log.append(ours.map(aSpec));
      const down = { REPORT_DB_1: Array.from({ length: 9 }, (): Outcome => "not_applied") };
      await expect(shard.post(down)).rejects.toThrow("not applied");
      expect(shard.reached()).toEqual([round * 3, 0, round * 3]);
    }
    await shard.post();
    expect(shard.reached()).toEqual([9, 9, 9]);
    for (const database of DATABASES.values()) {
      const row = await database.prepare("SELECT sum(gross) AS gross FROM facts_minute").first();
      expect(row).toEqual({ gross: 3 });
    }
    expect(await ledgerRows("REPORT_DB_1")).toBe(1);
  });

  it("write nothing to a database that a range has nothing for", async () => {
    const shard = new Shard();
    shard.log.append([aSpec(await advertiserIn("REPORT_DB_2", shard))]);
    await shard.post();
    expect(await Promise.all(NAMES.map(ledgerRows))).toEqual([0, 0, 1]);
    expect(shard.reached()).toEqual([1, 1, 1]);
  });

  it("stop where an advertiser's database is not bound, and lose nothing", async () => {
    const shard = new Shard();
    shard.log.append([aSpec(await advertiserIn("REPORT_DB_2", shard))]);
    const { REPORT_DB_2: _, ...fewer } = env as unknown as Record<string, never>;
    const directory = new Directory(fewer as never);
    const assign: ReportStores["assign"] = (ids) => directory.assign(ids, { newTo: ["REPORT_DB"], nowMs: 1 });
    const mark = memoryMark();
    const target = { name: "REPORT_DB", store: new D1Facts(env.REPORT_DB, () => NOON_MS), mark };
    const run = runPostings(shard.log, [target], { assign, owner: OWNER });
    await expect(run).rejects.toBeInstanceOf(UnboundDatabaseError);
    expect(mark.read().at.seq).toBe(0);
  });

  it("leave the late clicks of an advertiser in its database", async () => {
    const shard = new Shard();
    const advertiser = await advertiserIn("REPORT_DB_1", shard);
    shard.log.append([{ ...aSpec(advertiser), decision: { verdict: "late", reason: "late" } }]);
    await shard.post();
    const rows = async (name: string) =>
      (await DATABASES.get(name)?.prepare("SELECT advertiser_id FROM late_clicks").all())?.results;
    expect(await Promise.all(NAMES.map(rows))).toEqual([[], [{ advertiser_id: `adv_${advertiser}` }], []]);
  });
});
