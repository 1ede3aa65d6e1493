/** Live streams are bounded: places come back at every end, readers that take nothing lose theirs, faults are named. */
import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { hashApiKey, makeApiKey } from "../../src/access/api-keys.ts";
import { budgetOf, TENANT_RULES } from "../../src/access/read-rules.ts";
import { handleApi } from "../../src/api/app.ts";
import { Directory } from "../../src/facts/directory.ts";
import { type LivePorts, liveEvents, toStream } from "../../src/report/live/live.ts";
import { NOON_MS } from "../support/builders.ts";
import { aScope } from "../support/scopes.ts";
import { TEST_SECRETS } from "../support/secrets.ts";

let keys = 0;
async function keyOf(adv: string): Promise<string> {
  const key = makeApiKey(crypto.getRandomValues(new Uint8Array(32)));
  const insert =
    "INSERT INTO api_keys (key_hash, key_id, advertiser_id, scopes, created_at_ms) VALUES (?1, ?2, ?3, ?4, 0)";
  await env.REPORT_DB.prepare(insert).bind(hashApiKey(key), `key_places_${keys++}`, adv, '["report"]').run();
  return key;
}

const open = (key: string) =>
  exports.default.fetch("https://track.example/v1/live", { headers: { Authorization: `Bearer ${key}` } });

const bodyOf = (response: Response) => response.body as ReadableStream<Uint8Array>;

async function openAll(tenantKeys: readonly string[]): Promise<Response[]> {
  const opened: Response[] = [];
  for (let at = 0; at < TENANT_RULES.streamsMax; at++) {
    const response = await open(tenantKeys[at % tenantKeys.length] ?? "");
    expect(response.status).toBe(200);
    opened.push(response);
  }
  return opened;
}

describe("the streams of a tenant", () => {
  it("[attack 8] are eight, whichever of its keys asks; the ninth is refused, and another tenant's is not", async () => {
    const [one, two, other] = [await keyOf("adv_streams"), await keyOf("adv_streams"), await keyOf("adv_watching")];
    const opened = await openAll([one, two]);
    for (const key of [one, two]) {
      const refused = await open(key);
      expect([refused.status, refused.headers.get("Retry-After")]).toEqual([429, "30"]);
      expect(await refused.json()).toMatchObject({
        type: "/problems/too-many-streams",
        detail: expect.stringContaining("close one"),
      });
    }
    const watching = await open(other);
    expect(watching.status).toBe(200);
    await bodyOf(watching).cancel();
    // A stream that ends gives its place back.
    await bodyOf(opened[0] as Response).cancel();
    const again = await open(two);
    expect(again.status).toBe(200);
    for (const response of [...opened.slice(1), again]) await bodyOf(response).cancel();
  });

  it("[attack 8] are paid from the tenant's rows, and wait while it is in debt", async () => {
    const keep = { calls: 0, waitMs: 5_000 };
    let nowMs = NOON_MS;
    const ports: LivePorts = {
      currencies: async () => new Map(),
      directory: new Directory(env),
      ...{ scope: aScope({ advertiserId: "adv_debt" }), minutes: 1, nowMs: () => nowMs, recent: new Map() },
      sleep: async (ms) => {
        nowMs += ms;
      },
      keep: async () => {
        keep.calls++;
        return keep.waitMs;
      },
    };
    const stream = liveEvents(ports);
    const next = async () => String((await stream.next()).value).split("\n")[0];
    await stream.next();
    expect([await next(), await next(), await next(), await next()]).toEqual([
      "event: totals",
      ": paused, too much was read",
      ": paused, too much was read",
      ": nothing new",
    ]);
    expect(keep.calls).toBe(3);
  });

  it("end when the place is gone", async () => {
    let nowMs = NOON_MS;
    const sleep = async (ms: number) => {
      nowMs += ms;
    };
    const scope = aScope({ advertiserId: "adv_gone" });
    const currencies = async () => new Map();
    const ports = {
      currencies,
      directory: new Directory(env),
      scope,
      minutes: 1,
      nowMs: () => nowMs,
      sleep,
      recent: new Map(),
    };
    const pieces: string[] = [];
    for await (const piece of liveEvents({ ...ports, keep: async () => null })) pieces.push(piece);
    expect(pieces).toHaveLength(2);
  });

  it("share one look of an isolate among those who ask the same", async () => {
    const asked: string[] = [];
    const counting = (database: D1Database): D1Database =>
      new Proxy(database, {
        get(target, name) {
          if (name !== "prepare") return Reflect.get(target, name);
          return (sql: string) => {
            if (sql.includes("facts_minute")) asked.push(sql);
            return target.prepare(sql);
          };
        },
      });
    const recent = new Map();
    const listen = async (advertiserId: string, minutes: number) => {
      const directory = { databasesOf: async () => [counting(env.REPORT_DB)] };
      const scope = aScope({ advertiserId });
      const rest = { nowMs: () => NOON_MS, sleep: async () => {}, recent, keep: async () => 0 };
      const stream = liveEvents({ directory, currencies: async () => new Map(), scope, minutes, ...rest });
      await stream.next();
      await stream.next();
    };
    for (let listener = 0; listener < 5; listener++) await listen("adv_shared", 5);
    expect(asked).toHaveLength(1);
    await listen("adv_shared", 6);
    await listen("adv_foreign", 5);
    expect(asked).toHaveLength(3);
  });
});

describe("a stream's end", () => {
  async function* pieces(): AsyncGenerator<string> {
    for (;;) yield "piece";
  }

  it("closes once for a reader that goes away", async () => {
    let closed = 0;
    const stream = toStream(pieces(), async () => void closed++);
    const reader = stream.getReader();
    await reader.read();
    await reader.cancel();
    expect(closed).toBe(1);
  });

  it("comes for a reader that takes nothing, with no more than one piece made for it", async () => {
    let made = 0;
    async function* counted(): AsyncGenerator<string> {
      for (;;) {
        made++;
        yield "piece";
      }
    }
    const closed = Promise.withResolvers<void>();
    const stream = toStream(counted(), async () => closed.resolve(), 1);
    await closed.promise;
    expect(made).toBe(1);
    await expect(stream.getReader().read()).rejects.toThrow("takes nothing");
  });

  it("comes with the last piece", async () => {
    let closed = 0;
    async function* two(): AsyncGenerator<string> {
      yield "a";
      yield "b";
    }
    const text = await new Response(toStream(two(), async () => void closed++)).text();
    expect([text, closed]).toEqual(["ab", 1]);
  });
});

const CTX = { waitUntil: () => {}, passThroughOnException: () => {} } as unknown as ExecutionContext;

describe("[attack 18] a database that does not answer", () => {
  const fault = () => Promise.reject(new Error("D1_ERROR: Network connection lost"));
  const statement = { bind: () => statement, all: fault, first: fault, run: fault, raw: fault };
  const down = { prepare: () => statement, batch: fault } as unknown as D1Database;
  const request = (key: string) =>
    new Request("https://track.example/v1/live", { headers: { Authorization: `Bearer ${key}` } });

  it.each([
    ["a tenant's key", makeApiKey(new Uint8Array(32))],
    ["the operator's key", TEST_SECRETS.ADMIN_API_KEY],
  ])("is named to a listener with %s, not an exception", async (_, key) => {
    const response = await handleApi(request(key), { ...env, REPORT_DB: down }, CTX);
    expect([response.status, response.headers.get("Content-Type")]).toEqual([503, "application/problem+json"]);
    expect(response.headers.get("Retry-After")).not.toBeNull();
    expect(await response.json()).toMatchObject({ type: "/problems/database-unavailable" });
  });

  it("is named where only the facts do not answer, and the place comes back", async () => {
    const ask = budgetOf(aScope());
    const gate = env.READ_GATE.getByName("REPORT_DB");
    const partly: D1Database = new Proxy(env.REPORT_DB, {
      get: (target, name) => (name === "prepare" ? prepare : Reflect.get(target, name)),
    });
    const prepare = (sql: string) => (sql.includes("facts_minute") ? statement : env.REPORT_DB.prepare(sql));
    for (let at = 0; at <= ask.rules.streamsMax; at++) {
      const response = await handleApi(request(TEST_SECRETS.ADMIN_API_KEY), { ...env, REPORT_DB: partly }, CTX);
      expect(response.status).toBe(503);
    }
    const place = await gate.openStream(ask);
    expect(place.kind).toBe("entered");
    if (place.kind === "entered") await gate.closeStream(place.pass);
  });
});
