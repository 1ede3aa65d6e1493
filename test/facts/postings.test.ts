/** Properties of postings and rolls over D1: any split, repeated or grown, gives the same facts, in every tier. */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { LogRow } from "../../src/archive/log-source.ts";
import { type Facts, foldEntry, widenFacts } from "../../src/core/facts.ts";
import { HOUR_MS, POSTING_CHARS_MAX } from "../../src/core/limits.ts";
import { LOG_START } from "../../src/core/position.ts";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import { Sketch } from "../../src/core/sketch.ts";
import { hourOf } from "../../src/core/time.ts";
import { D1Facts, encodeDeltas } from "../../src/facts/d1-facts.ts";
import { PRIMARY_DATABASE } from "../../src/facts/directory.ts";
import { TIER_MINUTES } from "../../src/facts/facts-sql.ts";
import type { FactsStore, OpenPosting, Posting } from "../../src/facts/facts-store.ts";
import { foldRows } from "../../src/facts/post.ts";
import { readMarks, rollAll } from "../../src/facts/roll.ts";
import { NOON_MS } from "../support/builders.ts";
import { anySpec, loggedOf, MemoryLog, memoryMark, type Spec } from "../support/logged.ts";
import { oneStore } from "../support/one-store.ts";
import { runPostings } from "../support/post-log.ts";
import { postTo } from "../support/post-to.ts";
import { canonical, readFacts } from "../support/read-facts.ts";
import { wipeFacts } from "../support/wipe-facts.ts";

const SEED = 20_261_122;
const database = env.REPORT_DB;

const wipe = () => wipeFacts(database);

function foldAll(specs: readonly Spec[]): Facts {
  const facts: Facts = new Map();
  for (const [at, spec] of specs.entries()) foldEntry(facts, loggedOf(spec, at + 1));
  return facts;
}

/** What may happen to one try of a posting. */
const OUTCOMES = ["applied", "reply_lost", "not_applied", "zombie_before_retry", "zombie_after_retry"] as const;
type Outcome = (typeof OUTCOMES)[number];

/** Wraps a store in the failures that a network and a database can show. */
class UnreliableStore implements FactsStore {
  readonly #store: FactsStore;
  readonly #outcomes: Outcome[];
  #zombie: Posting | null = null;

  constructor(store: FactsStore, outcomes: readonly Outcome[]) {
    this.#store = store;
    this.#outcomes = [...outcomes];
  }

  async post(posting: Posting): Promise<void> {
    const zombie = this.#zombie;
    this.#zombie = null;
    const outcome = this.#outcomes.shift() ?? "applied";
    if (outcome === "not_applied") throw new Error("no reply, not applied");
    if (outcome === "zombie_before_retry" || outcome === "zombie_after_retry") {
      // This request stays under way; the next one finds it, sooner or later.
      this.#zombie = posting;
      if (zombie === null) throw new Error("no reply, still under way");
    }
    if (zombie !== null && outcome !== "zombie_after_retry") await this.#store.post(zombie).catch(() => {});
    await this.#store.post(posting);
    if (zombie !== null) await this.#store.post(zombie).catch(() => {});
    if (outcome === "reply_lost") throw new Error("no reply, applied");
  }

  ledger(shard: string) {
    return this.#store.ledger(shard);
  }

  open(posting: OpenPosting) {
    return this.#store.open(posting);
  }

  close(source: string) {
    return this.#store.close(source);
  }

  opened(shard: string) {
    return this.#store.opened(shard);
  }

  standing(shard: string) {
    return this.#store.standing(shard);
  }
}

describe("postings", () => {
  beforeEach(wipe);

  it("give the same facts however the log is split, repeated or grown between tries", async () => {
    const script = fc.array(
      fc.record({
        arrivals: fc.array(anySpec, { maxLength: 4 }),
        outcomes: fc.array(fc.constantFrom(...OUTCOMES), { maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(script, async (steps) => {
        await wipe();
        const log = new MemoryLog();
        const mark = memoryMark();
        const store = new D1Facts(database, () => NOON_MS);
        const { assign } = oneStore(store);
        const post = (outcomes: readonly Outcome[]) => {
          const target = { name: PRIMARY_DATABASE, store: new UnreliableStore(store, outcomes), mark };
          const owner = { shard: "clicks-0", incarnation: "test" };
          return runPostings(log, [target], { assign, owner });
        };
        for (const { arrivals, outcomes } of steps) {
          log.append(arrivals);
          // A failed run leaves the cursor where the ledger says; the next step's arrivals grow the range.
          await post(outcomes).catch(() => {});
        }
        await post([]);
        expect(mark.read().at.seq).toBe(log.lastSeq());
        const expected = foldAll(steps.flatMap(({ arrivals }) => arrivals));
        expect(canonical(await readFacts(database, "minute"))).toBe(canonical(expected));
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  it("stop before their JSON passes what D1 can bind, and go on from there", async () => {
    const log = new MemoryLog();
    const spec: Spec = {
      advertiser: 1,
      ad: 1,
      publisher: 1,
      country: "DE",
      minute: 0,
      count: 1,
      decision: { verdict: "valid", reason: null },
    };
    log.append(Array.from({ length: 4_000 }, (_, at) => ({ ...spec, minute: at, publisher: at })));
    const { to } = await foldRows(LOG_START, log.rowsAfter(0, 100_000_000));
    expect(to.seq).toBeGreaterThan(100);
    expect(to.seq).toBeLessThan(4_000);
  });

  it("count their users in its size", async () => {
    const minutes = Array.from({ length: 600 }, (_, minute): LogRow => {
      const logged = loggedOf(specAt(minute), minute + 1);
      const hashOf = (user: number) => String(user).padEnd(16, "A");
      const entries = () =>
        Array.from({ length: 400 }, (_user, user) => ({
          ...logged,
          event: { ...logged.event, userHash: hashOf(100_000 + user) },
        }));
      return { seq: minute + 1, loggedAtMs: NOON_MS, chars: 1_000, lines: () => "", entries, digest: async () => "" };
    });
    const { facts } = await foldRows(LOG_START, minutes);
    expect(Array.from(facts.values(), ({ users }) => users.size)).toContain(400);
    expect(facts.size).toBeLessThan(600);
    expect(encodeDeltas(facts).length).toBeLessThan(POSTING_CHARS_MAX);
  });
});

describe("rolled tiers", () => {
  beforeEach(wipe);

  it("equal the fold of their minutes at every moment, also while old events keep arriving", async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("post" as const), specs: fc.array(anySpec, { minLength: 1, maxLength: 5 }) }),
      fc.record({ kind: fc.constant("roll" as const), hours: fc.integer({ min: -30, max: 30 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 10 }), async (steps) => {
        await wipe();
        const store = new D1Facts(database, () => NOON_MS);
        for (const current of steps) {
          if (current.kind === "post") {
            await postTo(store, { facts: foldAll(current.specs) });
          } else {
            await rollAll(database, NOON_MS + current.hours * HOUR_MS);
          }
          await expectTiersAgree();
        }
      }),
      { seed: SEED, numRuns: 40 },
    );
  });

  it("take what comes late by the mark of its own bucket, whatever another bucket's is", async () => {
    const store = new D1Facts(database, () => NOON_MS);
    const [one, two] = [specAt(0), { ...specAt(0), advertiser: 2 }];
    expect(advertiserBucketOf("adv_1")).not.toBe(advertiserBucketOf("adv_2"));
    await postTo(store, { facts: foldAll([one, two]) });
    await rollAll(database, NOON_MS + 30 * HOUR_MS);
    // As after a roll that came as far as the first bucket.
    const tables = ["facts_hour", "facts_day"].map((table) => `DELETE FROM ${table} WHERE advertiser_id = 'adv_2'`);
    const marks = `UPDATE roll_marks SET mark = 0 WHERE bucket = ${advertiserBucketOf("adv_2")}`;
    await database.batch([...tables, marks].map((sql) => database.prepare(sql)));
    await postTo(store, { facts: foldAll([one, two]) });
    const hours = [...(await readFacts(database, "hour")).values()];
    expect(hours.map(({ advertiserId }) => advertiserId)).toEqual(["adv_1"]);
    await expectTiersAgree();
    await rollAll(database, NOON_MS + 31 * HOUR_MS);
    await expectTiersAgree();
  });

  it("are rolled once by two rolls at the same time", async () => {
    const store = new D1Facts(database, () => NOON_MS);
    const specs = [0, 1, 61, -61].map((minute) => specAt(minute));
    await postTo(store, { facts: foldAll(specs) });
    await Promise.all([rollAll(database, NOON_MS + 5 * HOUR_MS), rollAll(database, NOON_MS + 5 * HOUR_MS)]);
    await expectTiersAgree();
    expect((await readFacts(database, "hour")).size).toBeGreaterThan(0);
  });

  it("do nothing when the clock goes back", async () => {
    const store = new D1Facts(database, () => NOON_MS);
    await postTo(store, { facts: foldAll([specAt(0)]) });
    await rollAll(database, NOON_MS + 3 * HOUR_MS);
    expect(await rollAll(database, NOON_MS - 3 * HOUR_MS)).toBe(0);
    await expectTiersAgree();
  });

  it("continue on a further part when a row would pass its bound of cells", async () => {
    const store = new D1Facts(database, () => NOON_MS);
    const specs = Array.from({ length: 9_001 }, (_, publisher) => ({ ...specAt(0), publisher }));
    for (let at = 0; at < specs.length; at += 1_500) {
      const facts = foldAll(specs.slice(at, at + 1_500));
      await postTo(store, { facts });
    }
    await rollAll(database, NOON_MS + 3 * HOUR_MS);
    for (const tier of ["minute", "hour"]) {
      const { results } = await database
        .prepare(`SELECT part, json_array_length(cells) AS cells FROM facts_${tier} ORDER BY part`)
        .all<{ part: number; cells: number }>();
      expect(results.length).toBeGreaterThan(2);
      expect(Math.max(...results.map(({ cells }) => cells))).toBeLessThanOrEqual(3_000);
      expect(results.reduce((sum, { cells }) => sum + cells, 0)).toBe(9_001);
    }
    await expectTiersAgree();
  });

  it("have every user of their minutes, also past the exact limit and on several parts", async () => {
    const store = new D1Facts(database, () => NOON_MS);
    // 1 400 users of the first minute, of whom 300 come again in the last, by way of 4 500 cells.
    const first = Array.from({ length: 4_500 }, (_, at) => ({ ...specAt(0), publisher: at, user: at % 1_400 }));
    const last = Array.from({ length: 350 }, (_, at) => ({ ...specAt(59), user: 1_100 + at }));
    const late = Array.from({ length: 600 }, (_, at) => ({ ...specAt(30), user: 1_300 + at }));
    const post = (specs: readonly Spec[]) => postTo(store, { facts: foldAll(specs) });
    await post(first.slice(0, 2_000));
    await post(first.slice(2_000));
    await post(last);
    await rollAll(database, NOON_MS + 30 * HOUR_MS);
    await post(late);
    const [{ users } = { users: new Set<number>() }] = widenFacts(
      foldAll([...first, ...last, ...late]),
      1_440,
    ).values();
    expect(users.size).toBe(1_900);
    for (const tier of ["minute", "hour", "day"]) {
      const { results } = await database
        .prepare(`SELECT CAST(sketch AS TEXT) AS sketch FROM facts_${tier} WHERE sketch IS NOT NULL`)
        .all<{ sketch: string }>();
      expect(Sketch.decode(results.map(({ sketch }) => sketch).join("")).encode()).toBe(Sketch.of(users).encode());
    }
  });
});

function specAt(minute: number): Spec {
  const decision = { verdict: "valid", reason: null } as const;
  return { advertiser: 1, ad: 1, publisher: 1, country: "DE", minute, count: 1, decision };
}

/** Below each bucket's mark a rolled tier equals the fold of the minutes; at and above it there is nothing. */
async function expectTiersAgree(): Promise<void> {
  const marks = await readMarks(database);
  const minutes = await readFacts(database, "minute");
  for (const tier of ["hour", "day"] as const) {
    const below = new Map(
      Array.from(widenFacts(minutes, TIER_MINUTES[tier])).filter(
        ([, row]) => row.window < marks.get(tier, advertiserBucketOf(row.advertiserId)),
      ),
    );
    expect(canonical(await readFacts(database, tier))).toBe(canonical(below));
  }
  expect(hourOf(NOON_MS)).toBeGreaterThan(0);
}
