/** Statements over tenants' rows and the scopes without which there are none. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { ReadScope, TenantSql } from "../../src/access/read-scope.ts";
import { LATE_CLICKS } from "../../src/operator/late-clicks-sql.ts";
import { LIVE_TOTALS } from "../../src/report/live/live-sql.ts";
import { Source } from "../../src/report/read/source-sql.ts";
import { aScope } from "../support/scopes.ts";

const TENANT = aScope({ advertiserId: "adv_1" });
const PUBLISHER = aScope({ publisherId: "pub_1" });
const EVERYONE = aScope();

describe("a scope", () => {
  it("sees the rows of its owner, and nobody else's", () => {
    const rows = [
      { advertiserId: "adv_1", publisherId: "pub_1" },
      { advertiserId: "adv_1", publisherId: "pub_2" },
      { advertiserId: "adv_2", publisherId: "pub_1" },
      { advertiserId: null, publisherId: null },
    ];
    const seenBy = (scope: ReadScope) => rows.map((row) => scope.sees(row));
    expect(seenBy(TENANT)).toEqual([true, true, false, false]);
    expect(seenBy(PUBLISHER)).toEqual([true, false, true, false]);
    expect(seenBy(EVERYONE)).toEqual([true, true, true, true]);
  });

  it("is narrowed to a part of itself alone", () => {
    expect(EVERYONE.within("adv_1").sees({ advertiserId: "adv_2", publisherId: "pub_1" })).toBe(false);
    expect(PUBLISHER.within("adv_1").sees({ advertiserId: "adv_1", publisherId: "pub_2" })).toBe(false);
    expect(TENANT.within("adv_1").advertiserId).toBe("adv_1");
    expect(() => TENANT.within("adv_2")).toThrow("part of itself");
  });

  // Each line compiles once what it promises is broken, and `npm run check:types` fails.
  it("is of a principal, for the compiler: nothing that looks like one is one, and no text of a tenant is had without", () => {
    // @ts-expect-error A literal is no scope.
    const forged: ReadScope = { advertiserId: null, publisherId: null };
    // @ts-expect-error Nor is one with the same methods.
    const dressed: ReadScope = { ...forged, within: () => EVERYONE, sees: () => true };
    const attempts: (() => unknown)[] = [
      // @ts-expect-error A scope is made of a whole principal.
      () => ReadScope.of({ advertiserId: null, publisherId: null }),
      // @ts-expect-error A scope is not constructed.
      () => new ReadScope(null, null),
      // @ts-expect-error A tenants' statement is no text that a database takes.
      () => env.REPORT_DB.prepare(LATE_CLICKS),
      // @ts-expect-error And it has no statement without a scope.
      () => LATE_CLICKS.in(env.REPORT_DB),
      // @ts-expect-error Whose place a literal does not take.
      () => LIVE_TOTALS.in(env.REPORT_DB, { advertiserId: null, publisherId: null }, 0),
      // @ts-expect-error Facts have no source without one.
      () => Source.within({ advertiserId: null, publisherId: null }, { tables: {}, columns: {}, rowKey: "" }),
    ];
    expect([dressed, ...attempts]).toHaveLength(7);
  });
});

describe("a statement over tenants' rows", () => {
  beforeAll(async () => {
    const insert =
      "INSERT INTO advertiser_profiles (advertiser_id, name, currency, time_zone, created_at_ms, updated_at_ms) VALUES";
    await env.REPORT_DB.prepare(
      `${insert} ('adv_1', 'One', 'EUR', 'UTC', 0, 0), ('adv_2', 'Two', 'JPY', 'UTC', 0, 0)`,
    ).run();
  });

  const NAMES = "SELECT advertiser_id AS id FROM advertiser_profiles WHERE advertiser_id > ?2";
  const namesFor = async (sql: TenantSql, scope: ReadScope, ...bound: unknown[]) => {
    const { results } = await sql.in(env.REPORT_DB, scope, ...bound).all<{ id: string }>();
    return results.map(({ id }) => id);
  };

  it("is that of the reader, with its owner bound first", async () => {
    const own = new TenantSql({ advertiser: `${NAMES} AND advertiser_id = ?1`, all: NAMES });
    expect(await namesFor(own, TENANT, "")).toEqual(["adv_1"]);
    expect(await namesFor(own, EVERYONE, "")).toEqual(["adv_1", "adv_2"]);
    expect(await namesFor(new TenantSql(`${NAMES} AND (?1 IS NULL OR advertiser_id = ?1)`), TENANT, "a")).toEqual([
      "adv_1",
    ]);
    const plain = "SELECT advertiser_id AS id FROM advertiser_profiles ORDER BY 1";
    expect(await namesFor(new TenantSql({ several: plain }), PUBLISHER)).toEqual(["adv_1", "adv_2"]);
  });

  it("is not there for a reader that it was not written for", () => {
    const own = new TenantSql({ advertiser: `${NAMES} AND advertiser_id = ?1`, all: NAMES });
    expect(() => own.in(env.REPORT_DB, PUBLISHER, "")).toThrow("this reader has a statement");
    expect(() => new TenantSql({ several: NAMES }).in(env.REPORT_DB, TENANT, "")).toThrow(
      "this reader has a statement",
    );
    const both = aScope({ advertiserId: "adv_1", publisherId: "pub_1" });
    expect(() => own.in(env.REPORT_DB, both, "")).toThrow("one owner");
  });

  it("is not made where a tenant's text forgets whose rows it reads", () => {
    expect(() => new TenantSql({ advertiser: NAMES, all: NAMES })).toThrow("names its owner");
    expect(() => new TenantSql({ publisher: NAMES })).toThrow("names its owner");
    expect(() => new TenantSql(NAMES)).toThrow("names its owner");
  });

  it("over facts is not made where its entry forgets the advertiser of the scope", () => {
    const parts = { tables: {}, columns: {}, rowKey: "", entry: { sql: "WHERE true", bound: [] } };
    expect(() => Source.within(TENANT, parts)).toThrow("owner of the scope");
    expect(Source.within(EVERYONE, parts).entry.sql).toBe("WHERE true");
  });
});
