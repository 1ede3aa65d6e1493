/** Sketches merged in SQL, by D1 itself: the same users as the pure merge, whatever the forms and the order. */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EXACT_USERS_MAX, REGISTERS, Sketch } from "../../src/core/sketch.ts";
import { MERGED_SKETCH, SKETCH_LISTS, sketchesStatement, UNITED_SKETCH } from "../../src/facts/sketch-sql.ts";
import { someElements } from "../support/users.ts";

const SEED = 20_261_122;
const database = env.REPORT_DB;

const MERGE = `
SELECT CAST(${MERGED_SKETCH("a", "b")} AS TEXT) AS merged, typeof(${MERGED_SKETCH("a", "b")}) AS type
FROM (SELECT CAST(?1 AS BLOB) AS a, CAST(?2 AS BLOB) AS b LIMIT 1)`;

const UNITE = `
SELECT CAST(${UNITED_SKETCH} AS TEXT) AS merged, typeof(${UNITED_SKETCH}) AS type
FROM (SELECT ${SKETCH_LISTS("sketch")} FROM (SELECT CAST(value AS BLOB) AS sketch FROM json_each(?1)))`;

/** Users as a facts row stores them; null for none. */
const stored = (users: readonly number[]) => Sketch.of(users).encode() || null;
/** A stored sketch with its elements in order, to compare; null stays. */
const inOrder = (sketch: string | null) => (sketch === null ? null : Sketch.decode(sketch).encode());

/** Runs one of the statements above; fails when the result would not be stored as a BLOB of exactly its users. */
async function run(sql: string, ...bound: (string | null)[]): Promise<string | null> {
  const row = await database
    .prepare(sql)
    .bind(...bound)
    .first<{ merged: string | null; type: string }>();
  const merged = row?.merged ?? null;
  expect(row?.type).toBe(merged === null ? "null" : "blob");
  expect(merged?.length).toBe(inOrder(merged)?.length);
  return merged;
}

/** Slices of one list of users, so that sets overlap; few, about the limit, and many. */
const pool = someElements(4_000, SEED);
const someUsers = fc
  .tuple(
    fc.nat({ max: 1_500 }),
    fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5 }), fc.nat({ max: 300 }), fc.nat({ max: 2_500 })),
  )
  .map(([from, count]) => pool.slice(from, from + count));

describe("a delta merged in SQL", () => {
  it("adds its users to what is stored, posting after posting", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(someUsers, { minLength: 1, maxLength: 6 }), async (deltas) => {
        let sketch: string | null = null;
        for (const users of deltas) sketch = await run(MERGE, sketch, stored(users));
        expect(inOrder(sketch)).toBe(stored(deltas.flat()));
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  it("changes nothing when it is repeated", async () => {
    for (const count of [3, EXACT_USERS_MAX, 900]) {
      const sketch = stored(pool.slice(0, count));
      expect(await run(MERGE, sketch, sketch)).toBe(sketch);
    }
  });

  it("stays exact up to the limit and becomes registers with one more user", async () => {
    const full = pool.slice(0, EXACT_USERS_MAX);
    const almost = stored(full.slice(1));
    const exact = await run(MERGE, almost, stored(full.slice(0, 1)));
    expect(Sketch.decode(exact ?? "").estimate()).toEqual({ users: EXACT_USERS_MAX, isExact: true, standardError: 0 });
    const registers = await run(MERGE, exact, stored(pool.slice(EXACT_USERS_MAX, EXACT_USERS_MAX + 1)));
    expect(registers).toHaveLength(REGISTERS);
    expect(registers).toBe(stored(pool.slice(0, EXACT_USERS_MAX + 1)));
  });

  it("reaches the first and the last register", async () => {
    const ends = [2 ** 24, 2 ** 46 - 2 ** 30 + 2 ** 24 * 57];
    const registers = stored(pool.slice(0, 900));
    expect(await run(MERGE, registers, stored(ends))).toBe(stored([...pool.slice(0, 900), ...ends]));
  });

  it("reads rows by its own users, not by those that are stored", async () => {
    const delta = stored(pool.slice(0, 30));
    const reads = [100, 500, 3_000].map(async (count) => {
      const { meta } = await database
        .prepare(MERGE)
        .bind(stored(pool.slice(30, count)), delta)
        .run();
      return meta.rows_read;
    });
    const [few, many, registers] = await Promise.all(reads);
    expect(many).toBe(few);
    expect(registers).toBeLessThan(1_000);
  });
});

describe("a group united in SQL", () => {
  it("holds the users of all its rows", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(someUsers, { maxLength: 12 }), async (rows) => {
        const united = await run(UNITE, JSON.stringify(rows.map(stored)));
        expect(inOrder(united)).toBe(stored(rows.flat()));
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  it("holds those of an hour of full minutes of either form", async () => {
    const minutes = Array.from({ length: 60 }, (_, minute) => someElements(minute % 2 === 0 ? 600 : 500, minute));
    for (const rows of [minutes, minutes.filter((users) => users.length === 500)]) {
      expect(await run(UNITE, JSON.stringify(rows.map(stored)))).toBe(stored(rows.flat()));
    }
  });
});

describe("the statement of a report", () => {
  const SELECTION =
    "SELECT value ->> 0 AS ad_id, value ->> 1 AS day, CAST(value ->> 2 AS BLOB) AS sketch FROM json_each(?)";
  type Row = { ad_id: string; day: number; sketch_part: number; sketches: string };

  async function read(keys: readonly string[], rows: string, from: number, to: number): Promise<Row[]> {
    const statement = database.prepare(sketchesStatement(keys, SELECTION)).bind(rows, from, to);
    return (await statement.all<Row>()).results;
  }

  it("gives each group its users, at any grouping", async () => {
    const row = fc.record({ ad: fc.constantFrom("ad_1", "ad_2"), day: fc.nat({ max: 2 }), users: someUsers });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 8 }), async (rows) => {
        const json = JSON.stringify(rows.map(({ ad, day, users }) => [ad, day, stored(users)]));
        const estimates = (found: Iterable<{ group: string; sketches: string }>) => {
          const united = new Map<string, Sketch>();
          for (const { group, sketches } of found) {
            const sketch = united.get(group) ?? new Sketch();
            united.set(group, sketch);
            sketch.mergeStored(sketches);
          }
          const sorted = Array.from(united).sort(([a], [b]) => (a < b ? -1 : 1));
          return sorted.map(([group, sketch]) => [group, sketch.estimate()]);
        };
        for (const keys of [["ad_id"], ["day", "ad_id"], []]) {
          const groupOf = (of: { ad_id: string; day: number }) =>
            (keys as (keyof typeof of)[]).map((key) => of[key]).join("/");
          const found = (await read(keys, json, 0, 8)).map((of) => ({ group: groupOf(of), sketches: of.sketches }));
          const wanted = rows
            .filter(({ users }) => users.length > 0)
            .map(({ ad, day, users }) => ({ group: groupOf({ ad_id: ad, day }), sketches: stored(users) ?? "" }));
          expect(estimates(found)).toEqual(estimates(wanted));
        }
      }),
      { seed: SEED, numRuns: 30 },
    );
  });

  it("reads much in several steps, and says whether there is more", async () => {
    const sketch = stored(pool.slice(0, 900)) ?? "";
    const rows = JSON.stringify(Array.from({ length: 300 }, (_, at) => [`ad_${at % 2}`, at, sketch]));
    const first = await read(["ad_id"], rows, 0, 1);
    const second = await read(["ad_id"], rows, 1, 3);
    expect(first.some(({ sketch_part }) => sketch_part === 0)).toBe(true);
    expect(second.some(({ sketch_part }) => sketch_part === 2)).toBe(false);
    const chars = [...first, ...second].reduce((sum, { sketches }) => sum + sketches.length, 0);
    expect(chars).toBe(300 * REGISTERS);
    expect(Math.max(...[...first, ...second].map(({ sketches }) => sketches.length))).toBeLessThan(1_010_000);
  });
});
