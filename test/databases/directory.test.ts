/** The directory over three report databases: assigned at first sight, for ever, by whoever comes first. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { boundDatabases, Directory, UnboundDatabaseError } from "../../src/facts/directory.ts";

const NAMES = ["REPORT_DB", "REPORT_DB_1", "REPORT_DB_2"];
const ids = (count: number, prefix = "adv") => Array.from({ length: count }, (_, at) => `${prefix}_${at}`);

/** The bindings as another isolate has them: nothing is remembered. */
function bindings(names: readonly string[] = NAMES): Pick<Env, "REPORT_DB"> {
  const primary = new Proxy(env.REPORT_DB, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const bound = Object.fromEntries([...boundDatabases(env)].filter(([name]) => names.includes(name)));
  return { ...bound, REPORT_DB: primary };
}

const directory = (names?: readonly string[]) => new Directory(bindings(names));
const stored = async () =>
  (await env.REPORT_DB.prepare("SELECT advertiser_id, database FROM advertiser_directory ORDER BY 1").all()).results;

beforeEach(async () => {
  await env.REPORT_DB.batch([
    env.REPORT_DB.prepare("DELETE FROM advertiser_directory"),
    env.REPORT_DB.prepare("DELETE FROM report_databases"),
  ]);
});

describe("the bound databases", () => {
  it("are found by their names, the primary first, and in the order of their numbers", () => {
    const { REPORT_DB } = env;
    const many = {
      REPORT_DB_10: REPORT_DB,
      REPORT_DB_2: REPORT_DB,
      REPORT_DB,
      REPORT_DB_0: 1,
      REPORT_DBX: 1,
      OTHER: 1,
    };
    expect([...boundDatabases(many).keys()]).toEqual(["REPORT_DB", "REPORT_DB_2", "REPORT_DB_10"]);
    expect([...boundDatabases(env).keys()]).toEqual(NAMES);
  });
});

describe("assign", () => {
  const to = (...newTo: string[]) => ({ newTo, nowMs: 1 });

  it("spreads new advertisers over the databases that take them, and over no other", async () => {
    const assignments = await directory().assign(ids(600), to(...NAMES));
    const counts = NAMES.map((name) => [...assignments.values()].filter((assign) => assign === name).length);
    for (const count of counts) expect(count).toBeGreaterThan(140);
    expect(counts.reduce((sum, count) => sum + count)).toBe(600);
    const others = await directory().assign(ids(50, "later"), to("REPORT_DB_2"));
    expect(new Set(others.values())).toEqual(new Set(["REPORT_DB_2"]));
  });

  it("never moves an advertiser, whatever takes new ones later, also where nothing is remembered", async () => {
    const first = await directory().assign(ids(30), to("REPORT_DB_1"));
    const again = await directory().assign(ids(30), to("REPORT_DB", "REPORT_DB_2"));
    expect([...again]).toEqual([...first]);
    expect(await stored()).toHaveLength(30);
  });

  it("takes the assignment of whoever was first when several assign at once", async () => {
    const all = await Promise.all(NAMES.map((name) => directory().assign(ids(20), to(name))));
    expect(new Set(all.map((assignments) => JSON.stringify([...assignments]))).size).toBe(1);
    expect(await stored()).toEqual(
      [...(all[0] ?? [])].sort().map(([id, database]) => ({ advertiser_id: id, database })),
    );
  });

  it("asks the database once for an advertiser", async () => {
    const { REPORT_DB, ...others } = bindings() as Env;
    let batches = 0;
    const counting = new Proxy(REPORT_DB, {
      get: (target, property) => {
        if (property === "batch") batches++;
        return Reflect.get(target, property) as unknown;
      },
    });
    const one = new Directory({ ...others, REPORT_DB: counting });
    await one.assign(ids(3), to("REPORT_DB"));
    await one.assign(ids(3), to("REPORT_DB"));
    expect(batches).toBe(1);
    await one.assign(ids(4), to("REPORT_DB"));
    expect(batches).toBe(2);
  });

  it("refuses to assign to a database that is not bound, and writes nothing", async () => {
    await expect(directory().assign(["adv_1"], to("REPORT_DB_7"))).rejects.toBeInstanceOf(UnboundDatabaseError);
    expect(await stored()).toEqual([]);
  });

  it("is a fault where the assignment's database is not bound any more", async () => {
    await directory().assign(["adv_1"], to("REPORT_DB_2"));
    const fewer = directory(["REPORT_DB", "REPORT_DB_1"]);
    await expect(fewer.assign(["adv_1"], to("REPORT_DB"))).rejects.toThrow("REPORT_DB_2 is not bound");
  });
});

/** A primary that has everybody in REPORT_DB_1: an isolate's memory fills faster than a database does. */
function everybodyInFirst(): D1Database {
  const answer = (text: string) => ({
    results: (JSON.parse(text) as (string | string[])[]).map((one) => {
      return { advertiser_id: [one].flat()[0], database: "REPORT_DB_1" };
    }),
  });
  const prepare = () => ({ bind: (text: string) => ({ all: async () => answer(text), text }) });
  const batch = async (statements: { text: string }[]) => statements.map(({ text }) => answer(text));
  return { prepare, batch } as unknown as D1Database;
}

describe("an isolate whose memory is full", () => {
  it("still knows what it knew of whom a call names", async () => {
    const one = new Directory({ ...bindings(), REPORT_DB: everybodyInFirst() });
    const first = one.databases.get("REPORT_DB_1");
    await one.databasesOf(ids(100_000));
    expect(await one.databasesOf(["adv_0", "adv_new"])).toEqual([first]);
    await one.databasesOf(["adv_0", ...ids(99_998, "other")]);
    const assigned = await one.assign(["adv_0", "adv_newer"], { newTo: ["REPORT_DB"], nowMs: 1 });
    expect([...assigned.values()]).toEqual(["REPORT_DB_1", "REPORT_DB_1"]);
  });
});

describe("databasesOf", () => {
  it("names the database of each advertiser once, and the primary for one that was never seen", async () => {
    await directory().assign(["adv_1", "adv_2"], { newTo: ["REPORT_DB_1"], nowMs: 1 });
    const reader = directory();
    const [primary, first] = [...reader.databases.values()];
    expect(await reader.databasesOf(["adv_1", "adv_2"])).toEqual([first]);
    expect(await reader.databasesOf(["adv_9"])).toEqual([primary]);
    expect(await reader.databasesOf(["adv_1", "adv_9"])).toEqual([first, primary]);
  });

  it("does not remember that an advertiser was never seen", async () => {
    const reader = directory();
    await reader.databasesOf(["adv_1"]);
    await directory().assign(["adv_1"], { newTo: ["REPORT_DB_2"], nowMs: 1 });
    expect(await reader.databasesOf(["adv_1"])).toEqual([reader.databases.get("REPORT_DB_2")]);
  });

  it("names the primary and all that were ever used for everybody, and fails when one of them is not bound", async () => {
    expect(await directory().databasesOf(null)).toHaveLength(1);
    await directory().assign(["adv_1"], { newTo: ["REPORT_DB_2"], nowMs: 1 });
    const reader = directory();
    const [primary, , second] = [...reader.databases.values()];
    expect(await reader.databasesOf(null)).toEqual([primary, second]);
    const fewer = directory(["REPORT_DB", "REPORT_DB_1"]);
    await expect(fewer.databasesOf(null)).rejects.toBeInstanceOf(UnboundDatabaseError);
    await expect(fewer.databasesOf(["adv_1"])).rejects.toBeInstanceOf(UnboundDatabaseError);
  });
});
