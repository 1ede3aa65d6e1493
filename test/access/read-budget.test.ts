/** Budgets of reading over HTTP: every route that reads for a tenant, the noisy one refused and the quiet one served. */
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { hashApiKey, makeApiKey } from "../../src/access/api-keys.ts";
import { meteredDatabase } from "../../src/access/meter.ts";
import { type ReadGates, withinBudget } from "../../src/access/read-pass.ts";
import { budgetOf, LINE_OF_TENANT_MAX, TENANT_RULES } from "../../src/access/read-rules.ts";
import { openStream } from "../../src/access/stream-pass.ts";
import type { ReadAsk } from "../../src/core/read-budget.ts";
import { aCell, clicks, seedCells } from "../report/seed.ts";
import { NOON_MS } from "../support/builders.ts";
import { TEST_SECRETS } from "../support/secrets.ts";

const GATE = "REPORT_DB";
const DAY = "from=2026-04-20&to=2026-04-20";

type Tenant = { readonly advertiserId: string | null; readonly publisherId: string | null };
const advertiser = (advertiserId: string): Tenant => ({ advertiserId, publisherId: null });

let keys = 0;
/** A new key of a tenant. */
async function keyOf({ advertiserId, publisherId }: Tenant): Promise<string> {
  const key = makeApiKey(crypto.getRandomValues(new Uint8Array(32)));
  const insert =
    "INSERT INTO api_keys (key_hash, key_id, advertiser_id, publisher_id, scopes, created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, 0)";
  const values = [hashApiKey(key), `key_budget_${keys++}`, advertiserId, publisherId, '["report"]'];
  await env.REPORT_DB.prepare(insert)
    .bind(...values)
    .run();
  return key;
}

const send = (path: string, key: string, init: RequestInit = {}) =>
  exports.default.fetch(`https://track.example${path}`, { ...init, headers: { Authorization: `Bearer ${key}` } });

const post = (body: object): RequestInit => ({ method: "POST", body: JSON.stringify(body) });

/** What a tenant may ask: each reads a database, shards or the archive for it. */
const ROUTES: readonly [name: string, path: string, init?: RequestInit][] = [
  ["a table", `/v1/reports/clicks?${DAY}&group_by=day,country,device`],
  ["a table under /api", `/api/v1/reports/clicks?${DAY}`],
  ["a table as CSV", `/v1/reports/clicks?${DAY}&format=csv`],
  ["a table as NDJSON", `/v1/reports/clicks?${DAY}&format=ndjson`],
  ["a comparison", `/v1/reports/clicks?${DAY}&compare=previous_period`],
  ["a table by POST", "/v1/reports/query", post({ from: "2026-04-20", to: "2026-04-20", group_by: ["ad_id"] })],
  ["a series", `/v1/metrics/clicks?${DAY}&granularity=1h`],
  ["the catalogue of campaigns", "/v1/catalog/campaigns"],
  ["the catalogue of ads", "/v1/catalog/ads"],
  ["the list of late clicks", "/v1/late-clicks"],
  ["an explanation", "/v1/clicks/nothing"],
  ["an explanation of a token", "/v1/explain", post({ token: "a.b.c" })],
];

const gate = () => env.READ_GATE.getByName(GATE);
const askOf = (tenant: Tenant): ReadAsk => ({ ...budgetOf(tenant), shape: "test", windows: 1 });

/** Opens as many reads as a tenant may have, and says how to end them. */
async function takePlaces(tenant: Tenant): Promise<() => Promise<void>> {
  const ask = askOf(tenant);
  const first = await gate().enter(ask);
  if (first.kind !== "entered") throw new Error(first.kind);
  await gate().leave(first.pass, 0);
  const passes: number[] = [];
  for (let at = 0; at < ask.rules.readsMax; at++) {
    const turn = await gate().enter(ask);
    if (turn.kind !== "entered") throw new Error(turn.kind);
    passes.push(turn.pass);
  }
  return async () => {
    for (const pass of passes) await gate().leave(pass, 0);
  };
}

/** Fills a tenant's line behind its places; its waiters take and leave their places in turn. */
function fillLine(tenant: Tenant): Promise<unknown> {
  const wait = async () => {
    const turn = await gate().enter(askOf(tenant));
    if (turn.kind === "entered") await gate().leave(turn.pass, 0);
  };
  return Promise.all(Array.from({ length: LINE_OF_TENANT_MAX }, wait));
}

async function spend(tenant: Tenant, rows: number): Promise<void> {
  const turn = await gate().enter(askOf(tenant));
  if (turn.kind !== "entered") throw new Error(turn.kind);
  await gate().leave(turn.pass, rows);
}

async function refusalOf(response: Response) {
  const { type, detail } = (await response.json()) as { type: string; detail: string };
  return { status: response.status, type, detail, retryAfterS: Number(response.headers.get("Retry-After")) };
}

describe("a tenant whose reads fill its places and its line", () => {
  const noisy = advertiser("adv_noisy");
  let key = "";
  let sibling = "";
  let quiet = "";
  beforeAll(async () => {
    key = await keyOf(noisy);
    sibling = await keyOf(noisy);
    quiet = await keyOf(advertiser("adv_quiet"));
  });

  it.each(ROUTES)("[attack 8] is refused %s by name, and the quiet tenant is served", async (_, path, init) => {
    const end = await takePlaces(noisy);
    const line = fillLine(noisy);
    for (const bearer of [key, sibling]) {
      const refused = await refusalOf(await send(path, bearer, init));
      expect(refused).toMatchObject({ status: 429, type: "/problems/too-many-reads", retryAfterS: 3 });
      expect(refused.detail).toContain(`${TENANT_RULES.readsMax} reports of this account run`);
    }
    const served = await send(path, quiet, init);
    expect([200, 400, 404]).toContain(served.status);
    await served.text();
    await end();
    await line;
    const again = await send(path, key, init);
    expect(again.status).toBe(served.status);
    await again.text();
  });

  it("[attack 8] waits its turn while there is room in the line", async () => {
    const end = await takePlaces(noisy);
    const waiting = send(`/v1/reports/clicks?${DAY}`, key);
    await end();
    expect((await waiting).status).toBe(200);
  });
});

describe("a tenant that has spent its rows", () => {
  it.each([
    ["an advertiser", advertiser("adv_spent")],
    ["a publisher", { advertiserId: null, publisherId: "pub_spent" }],
  ])("[attack 8] is refused whatever it reads, as %s, and others are served", async (_, tenant) => {
    const [key, sibling, other] = [await keyOf(tenant), await keyOf(tenant), await keyOf(advertiser("adv_other"))];
    await spend(tenant, 100 * TENANT_RULES.rowsMax);
    for (const [, path, init] of ROUTES) {
      for (const bearer of [key, sibling]) {
        const response = await send(path, bearer, init);
        // A publisher's key reads no catalogue and no late clicks.
        if (tenant.publisherId !== null && response.status === 403) continue;
        const refused = await refusalOf(response);
        expect(refused, path).toMatchObject({ status: 429, type: "/problems/read-budget-spent" });
        expect(refused.retryAfterS).toBeGreaterThanOrEqual(1);
        expect(refused.detail).toContain("Ask for a shorter range");
      }
    }
    expect((await send(`/v1/reports/clicks?${DAY}`, other)).status).toBe(200);
  });

  it.each([
    ["an order by time", "group_by=hour"],
    ["an order by a metric", "group_by=ad_id&order=-clicks"],
  ])("[attack 8] is refused the next page of %s too", async (order, query) => {
    const name = `adv_pages_${query.length}`;
    const cell = { advertiser_id: name, counts: clicks(1) };
    await seedCells(env.REPORT_DB, [
      aCell({ ...cell, ad_id: "ad_1" }),
      aCell({ ...cell, ad_id: "ad_2", atMs: NOON_MS + 3_600_000 }),
    ]);
    const key = await keyOf(advertiser(name));
    const page = `/v1/reports/clicks?${DAY}&${query}&limit=1`;
    const first = (await (await send(page, key)).json()) as { meta: { nextCursor: string } };
    const next = `${page}&cursor=${first.meta.nextCursor}`;
    const served = (await (await send(next, key)).json()) as { rows: unknown[] };
    expect(served.rows, order).toHaveLength(1);
    await spend(advertiser(name), 100 * TENANT_RULES.rowsMax);
    expect(await refusalOf(await send(next, key))).toMatchObject({ status: 429, type: "/problems/read-budget-spent" });
  });

  it("[attack 8] is charged what its reads have read in truth, also by a reading that ends in a problem", async () => {
    const tenant = advertiser("adv_charged");
    const charged: number[] = [];
    const gates = {
      getByName: () => ({ ...openGate(), leave: async (_: number, rows: number) => void charged.push(rows) }),
    };
    const way = { gates: gates as unknown as ReadGates, principal: tenant };
    const size = { databases: [GATE], shape: "test", windows: 1 };
    await withinBudget(way, size, async (pass) => {
      const database = pass.metered(GATE, env.REPORT_DB);
      await database.batch([database.prepare("SELECT value FROM json_each(?1)").bind("[1,2,3]")]);
    });
    const failed = withinBudget(way, size, async (pass) => {
      await pass.metered(GATE, env.REPORT_DB).prepare("SELECT value FROM json_each(?1)").bind("[1,2]").all();
      throw new Error("planted");
    });
    await expect(failed).rejects.toThrow("planted");
    expect(charged).toEqual([3, 2]);
  });

  it("does not stop the operator, whose own rows are bounded too", async () => {
    const operator = { advertiserId: null, publisherId: null };
    const all = () => send(`/v1/reports/clicks?${DAY}&group_by=advertiser_id`, TEST_SECRETS.ADMIN_API_KEY);
    expect((await all()).status).toBe(200);
    await spend(operator, budgetOf(operator).rules.rowsMax * 2);
    expect((await refusalOf(await all())).type).toBe("/problems/read-budget-spent");
    // The way in stays open.
    expect((await send("/v1/admin/keys", TEST_SECRETS.ADMIN_API_KEY)).status).toBe(200);
  });
});

const openGate = () => ({ enter: async () => ({ kind: "entered", pass: 1 }) });

describe("a gate that fails", () => {
  const failing = {
    getByName: () => {
      const fail = async () => Promise.reject(new Error("planted"));
      return { enter: fail, leave: fail, openStream: fail, keepStream: fail, closeStream: fail, mayKeep: fail };
    },
  } as unknown as ReadGates;

  it("lets reads pass as far as the isolate's own book lets them", async () => {
    const way = { gates: failing, principal: advertiser("adv_unguarded") };
    const size = { databases: ["REPORT_DB_9"], shape: "test", windows: 1 };
    expect(await withinBudget(way, size, async () => "read")).toEqual({ ok: true, value: "read" });
    const ends: (() => void)[] = [];
    const held = Array.from({ length: TENANT_RULES.readsMax }, () =>
      withinBudget(way, size, () => new Promise<void>((resolve) => ends.push(resolve))),
    );
    await expect.poll(() => ends.length).toBe(TENANT_RULES.readsMax);
    const refused = await withinBudget(way, size, async () => "read");
    expect(refused.ok ? 200 : refused.error.status).toBe(429);
    for (const end of ends) end();
    await Promise.all(held);
    expect((await withinBudget(way, size, async () => "read")).ok).toBe(true);
  });

  it("lets streams open as far as the isolate's own book lets them", async () => {
    const way = { gates: failing, principal: advertiser("adv_unguarded"), database: "REPORT_DB_9" };
    const opened = [];
    for (let at = 0; at < TENANT_RULES.streamsMax; at++) opened.push(await openStream(way));
    expect(opened.every(({ ok }) => ok)).toBe(true);
    expect((await openStream(way)).ok).toBe(false);
    const [first] = opened;
    if (first?.ok) expect(await first.value.keep(10)).toBe(0);
    for (const one of opened) if (one.ok) await one.value.close();
    expect((await openStream(way)).ok).toBe(true);
  });
});

it("a metered database answers as the database does", async () => {
  const meter = { rows: 0 };
  const database = meteredDatabase(env.REPORT_DB, meter);
  expect(await database.prepare("SELECT 1 AS one").first("one")).toBe(1);
  const { results } = await database.prepare("SELECT value FROM json_each(?1)").bind("[7,8]").all();
  expect(results).toEqual([{ value: 7 }, { value: 8 }]);
  expect(meter.rows).toBe(2);
  await expect(database.prepare("SELECT * FROM not_there").all()).rejects.toThrow("no such table: not_there");
});
