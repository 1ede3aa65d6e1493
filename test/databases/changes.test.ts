/**
 * What has changed, over three report databases: whatever is posted, when, by whose clock, and whatever databases are
 * set back or filled anew, a client that reads the named days again and no others has what a full reading gives.
 */
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { Facts } from "../../src/core/facts.ts";
import { cellKeyOfStored, mergeFacts } from "../../src/core/facts.ts";
import { DAY_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { toCounts } from "../../src/core/measures.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import type { LedgerRow } from "../../src/facts/facts-store.ts";
import { rollAll } from "../../src/facts/roll.ts";
import type { ChangeKey, Positions } from "../../src/report/changes/change-cursor.ts";
import { readChanges } from "../../src/report/changes/changes.ts";
import { ADMIN, ask } from "../report/ask.ts";
import { aCell, postCells } from "../report/seed.ts";
import { NOON_MS } from "../support/builders.ts";
import { aPosting, placeOf } from "../support/post-to.ts";
import { aScope } from "../support/scopes.ts";
import { copyDatabase } from "../support/set-back.ts";
import { wipeFacts } from "../support/wipe-facts.ts";
import { assignHomes, databaseOf, HOMES, NAMES, type Name } from "./spread.ts";

const SEED = 20_261_128;
const NOON = NOON_MS / MINUTE_MS;
const DATABASES = new Map(NAMES.map((name) => [name as string, databaseOf(name)]));
const ADVERTISERS = Object.keys(HOMES);

const TABLES = ["ledger", "facts_minute", "facts_hour", "facts_day", "changed_days"];

type Table = Map<string, number>;
type Given = { readonly advertiser: string; readonly ad: string; readonly day: number; readonly valid: number };

const ONE_DAY =
  "SELECT sum(valid) AS valid FROM facts_minute WHERE advertiser_id = ?1 AND minute / 1440 = ?2 AND ad_id = ?3";
const ALL_DAYS = `
SELECT advertiser_id AS advertiser, minute / 1440 AS day, ad_id AS ad, sum(valid) AS valid
FROM facts_minute GROUP BY 1, 2, 3`;

const homeOf = (advertiser: string) => databaseOf(HOMES[advertiser] ?? "");

async function fullTable(advertisers: readonly string[]): Promise<Table> {
  const table: Table = new Map();
  for (const database of DATABASES.values()) {
    for (const row of (await database.prepare(ALL_DAYS).all<Given>()).results) {
      if (advertisers.includes(row.advertiser)) table.set(`${row.advertiser} ${row.day} ${row.ad}`, row.valid);
    }
  }
  return table;
}

/** A client that keeps a copy: of one advertiser, or of all. */
class Copy {
  table: Table = new Map();
  rounds = 0;
  readonly #advertiser: string | null;
  #positions: Positions | null = null;

  constructor(advertiser: string | null) {
    this.#advertiser = advertiser;
  }

  get advertisers(): readonly string[] {
    return this.#advertiser === null ? ADVERTISERS : [this.#advertiser];
  }

  /** One page; to whether there are more. A refused cursor begins again, as the refusal says. */
  async poll(nowMs: number, limit: number): Promise<boolean> {
    const databases =
      this.#advertiser === null ? DATABASES : new Map([[HOMES[this.#advertiser] ?? "", homeOf(this.#advertiser)]]);
    const scope = aScope({ advertiserId: this.#advertiser });
    const read = await readChanges(databases, this.#positions, { scope, limit, nowMs });
    if (!read.ok) {
      expect(read.error.reason).toBe("stale_cursor");
      this.#positions = null;
      return true;
    }
    if (this.#positions === null) this.table = await fullTable(this.advertisers);
    else for (const key of read.value.rows) await this.#readAgain(key);
    this.#positions = read.value.positions;
    return read.value.hasMore;
  }

  async #readAgain([advertiser, day, , , ad]: ChangeKey): Promise<void> {
    const row = await homeOf(advertiser).prepare(ONE_DAY).bind(advertiser, day, ad).first<{ valid: number | null }>();
    const name = `${advertiser} ${day} ${ad}`;
    if (row?.valid == null) this.table.delete(name);
    else this.table.set(name, row.valid);
  }
}

function factsOf(given: readonly Given[]): Facts {
  const facts: Facts = new Map();
  for (const { advertiser, ad, day, valid } of given) {
    const counts = toCounts({ gross: valid, valid });
    const cells = new Map([[cellKeyOfStored(["pub_1", "DE", "mobile"]), counts]]);
    const ids = { advertiserId: advertiser, campaignId: "cmp_1", adGroupId: "", adId: ad };
    mergeFacts(facts, [{ ...ids, window: NOON + day * 1_440, cells, reasons: new Map(), users: new Set() }]);
  }
  return facts;
}

/** The log of one source for each database: what was posted, and what a database that was set back lacks. */
class World {
  nowMs = NOON_MS;
  readonly copies = [new Copy(null), new Copy("adv_2"), new Copy("adv_4")] as const;
  readonly #logs = new Map<Name, Facts[]>(NAMES.map((name) => [name, []]));
  readonly #saved = new Map<Name, () => Promise<void>>();

  async post(given: readonly Given[], skewMs: number): Promise<void> {
    for (const name of NAMES) {
      const own = given.filter(({ advertiser }) => HOMES[advertiser] === name);
      if (own.length === 0) continue;
      this.#logs.get(name)?.push(factsOf(own));
      await this.catchUp(name, skewMs);
    }
  }

  /** Posts what the database's ledger does not say that it has, as a shard does. */
  async catchUp(name: Name, skewMs: number): Promise<void> {
    const store = new D1Facts(databaseOf(name), () => this.nowMs + skewMs);
    let at: LedgerRow | null = (await store.ledger("s")).get("s/1") ?? null;
    for (const facts of (this.#logs.get(name) ?? []).slice(at?.seq ?? 0)) {
      await store.post(aPosting(at, { facts }));
      at = placeOf((at?.seq ?? 0) + 1);
    }
  }

  async save(name: Name): Promise<void> {
    this.#saved.set(name, await copyDatabase(databaseOf(name)));
  }

  /** To what was saved, else to nothing; it takes longer than clocks differ. */
  async setBack(name: Name): Promise<void> {
    await wipeFacts(databaseOf(name));
    await this.#saved.get(name)?.();
    this.nowMs += 30 * MINUTE_MS;
  }
}

type Step = { readonly what: string; readonly run: (world: World) => Promise<unknown> };
const step = (what: string, run: Step["run"]): Step => ({ what, run });

const anySkew = fc.integer({ min: -10, max: 10 }).map((minutes) => minutes * MINUTE_MS);
const anyName = fc.constantFrom(...NAMES);
const anyGiven: fc.Arbitrary<Given> = fc.record({
  advertiser: fc.constantFrom(...ADVERTISERS),
  ad: fc.constantFrom("ad_1", "ad_2"),
  day: fc.integer({ min: -3, max: 0 }),
  valid: fc.constantFrom(-1, 1, 2),
});
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.array(anyGiven, { minLength: 1, maxLength: 3 }), anySkew)
      .map(([given, skew]) => step(`post ${JSON.stringify(given)} ${skew}`, (world) => world.post(given, skew))),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 3 }), anySkew)
      .map(([copy, limit, skew]) =>
        step(`poll ${copy} ${limit} ${skew}`, (world) => world.copies[copy]?.poll(world.nowMs + skew, limit) as never),
      ),
  },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 1, max: 8 }).map((minutes) =>
      step(`wait ${minutes}`, async (world) => {
        world.nowMs += minutes * MINUTE_MS;
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: anyName.map((name) => step(`roll ${name}`, () => rollAll(databaseOf(name), NOON_MS + DAY_MS))),
  },
  { weight: 1, arbitrary: anyName.map((name) => step(`save ${name}`, (world) => world.save(name))) },
  { weight: 1, arbitrary: anyName.map((name) => step(`set back ${name}`, (world) => world.setBack(name))) },
);

beforeEach(async () => {
  for (const database of DATABASES.values()) await wipeFacts(database);
});

describe("[fault B11] a copy that reads the named days again", () => {
  it("is the whole table of one advertiser, when clocks tick between pages, and postings come between", async () => {
    const anyMove = fc.oneof(
      fc.record({ ad: fc.constantFrom("ad_1", "ad_2", "ad_3"), skewMs: anySkew }),
      fc.record({ pages: fc.integer({ min: 1, max: 2 }) }),
      fc.record({ minutes: fc.integer({ min: 1, max: 6 }) }),
    );
    let nowMs = NOON_MS;
    await fc.assert(
      fc.asyncProperty(fc.array(anyMove, { minLength: 10, maxLength: 30, size: "max" }), async (moves) => {
        await homeOf("adv_2").batch(TABLES.map((table) => homeOf("adv_2").prepare(`DELETE FROM ${table}`)));
        const copy = new Copy("adv_2");
        nowMs += DAY_MS;
        let at: LedgerRow | null = null;
        for (const move of moves) {
          if ("minutes" in move) nowMs += move.minutes * MINUTE_MS;
          else if ("pages" in move) for (let page = 0; page < move.pages; page++) await copy.poll(nowMs, 1);
          else {
            const facts = factsOf([{ advertiser: "adv_2", ad: move.ad, day: 0, valid: 1 }]);
            const clock = nowMs + move.skewMs;
            await new D1Facts(homeOf("adv_2"), () => clock).post(aPosting(at, { facts }));
            at = placeOf((at?.seq ?? 0) + 1);
          }
        }
        for (let round = 0; round < 2; round++) while (await copy.poll(nowMs, 1));
        expect(copy.table).toEqual(await fullTable(["adv_2"]));
      }),
      { numRuns: 20, seed: SEED },
    );
  });

  it("is the whole table, after any interleaving of postings, pages, clocks and databases that were set back", async () => {
    await fc.assert(
      fc
        .asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 25 }), async (steps) => {
          const world = new World();
          for (const { run } of steps) await run(world);
          for (const name of NAMES) await world.catchUp(name, 0);
          for (const copy of world.copies) {
            // What is left of a round that began earlier, and a whole one.
            for (let round = 0; round < 2; round++) {
              for (let page = 0; await copy.poll(world.nowMs, 2); page++) expect(page).toBeLessThan(100);
            }
            expect(copy.table).toEqual(await fullTable(copy.advertisers));
          }
        })
        .beforeEach(async () => {
          for (const database of DATABASES.values()) await wipeFacts(database);
        }),
      { numRuns: 5, seed: SEED },
    );
  });

  it("reads nothing again where nothing has changed, five minutes later", async () => {
    const world = new World();
    const [all] = world.copies;
    await all.poll(world.nowMs, 9);
    await world.post([{ advertiser: "adv_2", ad: "ad_1", day: 0, valid: 1 }], 0);
    const read = async () => {
      const known = new Map(all.table);
      all.table = new Map();
      expect(await all.poll(world.nowMs, 9)).toBe(false);
      const named = [...all.table.keys()];
      all.table = new Map([...known, ...all.table]);
      return named;
    };
    expect(await read()).toEqual(["adv_2 20563 ad_1"]);
    world.nowMs += 5 * MINUTE_MS;
    expect(await read()).toEqual(["adv_2 20563 ad_1"]);
    expect(await read()).toEqual([]);
  });
});

describe("[fault B11] the operator", () => {
  const days = async (search: string) => {
    const response = await ask(`/v1/changes${search}`, { authorization: ADMIN });
    expect(response.status, await response.clone().text()).toBe(200);
    return (await response.json()) as { changes: { advertiserId: string }[]; cursor: string; hasMore: boolean };
  };

  it("is told the changes of all databases page by page, or of one advertiser, by one cursor each", async () => {
    await assignHomes();
    const all = await days("");
    const one = await days("?advertiser_id=adv_3");
    for (const advertiser of ADVERTISERS) {
      await postCells(homeOf(advertiser), [aCell({ advertiser_id: advertiser })]);
    }
    const named: string[] = [];
    for (let after = all.cursor, more = true; more; ) {
      const page = await days(`?limit=1&after=${after}`);
      named.push(...page.changes.map(({ advertiserId }) => advertiserId));
      expect(page.changes.length).toBeLessThanOrEqual(1);
      [after, more] = [page.cursor, page.hasMore];
    }
    expect(named.toSorted()).toEqual(ADVERTISERS);
    const own = await days(`?advertiser_id=adv_3&after=${one.cursor}`);
    expect(own.changes.map(({ advertiserId }) => advertiserId)).toEqual(["adv_3"]);
    const other = await ask(`/v1/changes?advertiser_id=adv_2&after=${one.cursor}`, { authorization: ADMIN });
    expect(await other.json()).toMatchObject({ type: "/problems/tampered-cursor", field: "after" });
  });

  it("is told everything of a database that was first used behind its cursor", async () => {
    await assignHomes();
    const primary = databaseOf("REPORT_DB");
    await primary.prepare("DELETE FROM report_databases WHERE database = 'REPORT_DB_2'").run();
    const { cursor } = await days("");
    await primary.prepare("INSERT INTO report_databases VALUES ('REPORT_DB_2', 1)").run();
    await postCells(homeOf("adv_3"), [aCell({ advertiser_id: "adv_3" })]);
    const { changes, hasMore } = await days(`?after=${cursor}`);
    expect([changes.map(({ advertiserId }) => advertiserId), hasMore]).toEqual([["adv_3"], false]);
  });
});
