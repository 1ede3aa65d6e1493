/** Webhooks on the platform: their routes, the object that delivers, and a receiver that is reached by name alone. */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { Webhook } from "standardwebhooks";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { readConfig } from "../../src/config.ts";
import { MINUTE_MS } from "../../src/core/limits.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { insertEvents } from "../../src/facts/outbox-sql.ts";
import { Meter } from "../../src/metering.ts";
import { watchPorts } from "../../src/metrics/ports.ts";
import { watch } from "../../src/metrics/watch.ts";
import { wakeWebhooks } from "../../src/webhooks/wake.ts";
import { ask, auditOf, seedKey, seedTenant, withBatch } from "../admin/ask.ts";
import { saidBy, Visitor } from "../dashboard/visit.ts";
import { aClick } from "../support/builders.ts";
import { PATIENT } from "../support/patience.ts";
import { aToken } from "../support/tokens.ts";

type Received = { readonly id: string; readonly body: string; readonly headers: Record<string, string> };

const RESOLVER = "https://cloudflare-dns.com/";
let received: Received[] = [];
let status = 204;
const resolved = new Map<string, string>();
const keys: Record<string, string> = {};

beforeAll(async () => {
  for (const name of ["one", "two"]) {
    await seedTenant(name);
    keys[name] = (await seedKey({ advertiserId: `adv_${name}`, scopes: ["hook", "report"] })).key;
  }
}, 120_000);

beforeEach(() => {
  received = [];
  status = 204;
  resolved.clear();
  // The object's own fetch: nothing of the outside is asked in a test.
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const url = String(input);
    if (url.startsWith(RESOLVER)) {
      const name = new URL(url).searchParams.get("name") ?? "";
      const data = resolved.get(name) ?? "93.184.216.34";
      return Response.json({ Answer: url.endsWith("type=A") ? [{ type: 1, data }] : [] });
    }
    const headers = init?.headers as Record<string, string>;
    received.push({ id: headers["webhook-id"] ?? "", body: String(init?.body), headers });
    return new Response(null, { status });
  });
});

async function make(key: string | undefined, body: object = {}): Promise<{ id: string; secret: string }> {
  const made = await ask("POST /v1/webhooks", {
    ...(key === undefined ? {} : { key }),
    body: { url: "https://hooks.shop.com/clicks", ...body },
  });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body as { id: string; secret: string };
}

let number = 0;
async function happen(audience: string): Promise<void> {
  number++;
  const fact = `statement.issued:${audience}:${number}`;
  const event = { fact, audience, type: "statement.issued" as const, data: { advertiserId: audience, number } };
  // As if the mark had not moved for a while.
  await env.REPORT_DB.batch([
    insertEvents(env.REPORT_DB, [event], Date.now()),
    env.REPORT_DB.prepare("UPDATE outbox_published SET at_ms = 0"),
  ]);
}
const numbersOf = (messages: readonly Received[]) =>
  messages.map(({ body }) => (JSON.parse(body) as { data: { number: number } }).data.number);

describe("the page of webhooks", () => {
  it("makes one, shows its secret once, tests, sends again, pauses, replaces and deletes, for its owner alone", async () => {
    await seedTenant("paged");
    const visit = async (spec: Record<string, unknown>) => new Visitor((await seedKey(spec)).id);
    const mine = await visit({ advertiserId: "adv_paged", scopes: ["hook", "report"] });
    const act = (name: string, ...more: (readonly [string, string])[]) =>
      mine.post("/webhooks", [["act", name], ...more]);
    const refused = await act("make", ["url", "http://127.1/"], ["types", "statement.issued"]);
    expect(refused.text).toContain("https://");
    expect(refused.text, "what was typed stands there").toContain('value="http://127.1/"');
    const made = await act("make", ["url", "https://hooks.shop.com/paged"], ["description", "<b>Books</b>"]);
    expect(saidBy(made)).toMatch(/whsec_\S+/);
    const list = await mine.get("/webhooks");
    const id = /id=(wh_[\w-]+)/.exec(list.text)?.[1] ?? "";
    expect(saidBy(list)).toContain("<b>Books</b>");
    expect(list.text).not.toMatch(/whsec_|<b>Books/);
    const own = ["id", id] as const;
    expect(saidBy(await act("test", own))).toContain("its receiver answered 204");
    await happen("adv_paged");
    await wakeWebhooks(env);
    const eventId = received.at(-1)?.id ?? "";
    expect(saidBy(await mine.get(`/webhooks?id=${id}&state=delivered`))).toContain(eventId);
    expect((await act("replay", own, ["event", eventId])).status).toBe(303);
    received = [];
    await runDurableObjectAlarm(env.WEBHOOK_ENDPOINT.getByName(id));
    expect(received.map((one) => one.id)).toEqual([eventId]);
    for (const [name, state] of [
      ["pause", "paused"],
      ["start", "active"],
    ] as const) {
      expect((await act(name, own)).status).toBe(303);
      expect(saidBy(await mine.get(`/webhooks?id=${id}`))).toContain(state);
    }
    expect(saidBy(await act("rotate", own, ["overlapSeconds", "3600"]))).toContain("Replace its secret?");
    const rotated = await act("rotate", own, ["overlapSeconds", "3600"], ["confirmed", "yes"]);
    expect(saidBy(rotated)).toMatch(/whsec_\S+/);
    const foreign = await visit({ advertiserId: "adv_one", scopes: ["hook", "report"] });
    expect(saidBy(await foreign.get(`/webhooks?id=${id}`))).toContain("There is no such webhook");
    expect(saidBy(await foreign.post("/webhooks", [["act", "delete"], own, ["confirmed", "yes"]]))).toContain(
      "no webhook",
    );
    expect((await (await visit({ publisherId: "pub_paged", scopes: ["report"] })).get("/webhooks")).status).toBe(404);
    const unscoped = await visit({ advertiserId: "adv_paged", scopes: ["report"] });
    expect(saidBy(await unscoped.get("/webhooks"))).toContain("scope hook");
    expect(saidBy(await act("delete", own))).toContain("Delete the webhook?");
    expect((await act("delete", own, ["confirmed", "yes"])).status).toBe(303);
    expect(saidBy(await mine.get("/webhooks?done=deleted"))).toMatch(/The webhook is deleted.*Nobody is told yet/s);
    expect((await act("constructor", own)).status).toBe(303);
  });
});

describe("GET /metrics", () => {
  it("tells a scraper's key, and no tenant's, what was clicked, refused and signed how, as cron has measured it", async () => {
    const scraper = await seedKey({ scopes: ["operate"] });
    const scrape = (key: string | undefined) =>
      exports.default.fetch("https://clicks.example/metrics", { headers: { Authorization: `Bearer ${key}` } });
    const shard = env.EVENT_SHARD.getByName("clicks-0");
    await shard.ingest([encodeTokenEvent(aClick({ token: await aToken() }))]);
    await runDurableObjectAlarm(shard);
    // The second request hands over what the first one counted.
    for (let at = 0; at < 2; at++) await exports.default.fetch("https://clicks.example/c/not.a.token");
    await vi.waitFor(async () => {
      expect((await env.ARCHIVE.list({ prefix: "metrics/v1/told/" })).objects).not.toEqual([]);
    }, PATIENT);
    await watch(watchPorts(env, readConfig(env), Date.now(), new Meter("worker")));
    const answered = await scrape(scraper.key);
    expect(answered.headers.get("Content-Type")).toMatch(/^application\/openmetrics-text; version=1.0.0/);
    const text = await answered.text();
    for (const line of [
      'clickledger_tokens_total{algorithm="HS256"} 1',
      'clickledger_alarm{alarm="lost"} 0',
      'clickledger_source_up{source="shards"} 1',
    ]) {
      expect(text).toContain(line);
    }
    expect(text).toMatch(/clickledger_clicks_total\{verdict="\w+"\} 1\n/);
    expect(text).toMatch(/clickledger_refused_total\{reason="\w+"\} \d/);
    expect(text).toMatch(/# EOF\n$/);
    for (const id of ["adv_", "cmp_", "pub_", "ad_"]) expect(text).not.toContain(`"${id}`);
    expect((await scrape(keys["one"])).status).toBe(403);
    expect((await ask("GET /v1/me", { key: scraper.key })).body).toMatchObject({ scopes: ["operate"] });
    for (const route of ["GET /v1/reports/clicks", "GET /v1/admin/keys", "GET /v1/events", "POST /v1/webhooks"]) {
      expect((await ask(route, { key: scraper.key })).status, route).toBe(403);
    }
  });
});

describe("a webhook", () => {
  it("is sent its tenant's events from its making on, signed, each once, and another's never", async () => {
    await happen("adv_one");
    const { id, secret } = await make(keys["one"]);
    for (const audience of ["adv_one", "adv_two", "*"]) await happen(audience);
    const own = number - 2;
    await wakeWebhooks(env);
    expect(numbersOf(received).sort()).toEqual([own, number]);
    for (const { body, headers } of received) expect(() => new Webhook(secret).verify(body, headers)).not.toThrow();
    const { cursor } = JSON.parse(received[0]?.body ?? "{}") as { cursor: string };
    expect((await ask(`GET /v1/events?after=${cursor}`, { key: keys["one"] ?? "" })).status).toBe(200);
    expect((await ask(`GET /v1/events?after=${cursor}`, { key: keys["two"] ?? "" })).status).toBe(400);
    await wakeWebhooks(env);
    expect(received).toHaveLength(2);
    const { body } = await ask(`GET /v1/webhooks/${id}/deliveries`, { key: keys["one"] ?? "" });
    expect(body["deliveries"]).toMatchObject([{ state: "delivered" }, { state: "delivered", lastStatus: 204 }]);
  });

  it("belongs to its account: another's key finds nothing of it", async () => {
    const { id } = await make(keys["one"]);
    const key = keys["two"] ?? "";
    const routes = ["GET /v1/webhooks/", "PATCH /v1/webhooks/", "DELETE /v1/webhooks/"].map((route) => `${route}${id}`);
    const acts = ["rotate", "test", "deliveries/evt_1/replay"].map((act) => `POST /v1/webhooks/${id}/${act}`);
    for (const route of [...routes, ...acts, `GET /v1/webhooks/${id}/deliveries`]) {
      expect((await ask(route, { key })).status, route).toBe(404);
      expect((await ask(route)).status, `${route}, the operator`).toBe(404);
    }
    expect((await ask("GET /v1/webhooks", { key })).body).toEqual({ webhooks: [] });
    expect(received).toEqual([]);
  });

  it("of the operator is sent everybody's events", async () => {
    await make(undefined, { types: ["statement.issued"] });
    await happen("adv_nobodys");
    await wakeWebhooks(env);
    expect(numbersOf(received).filter((one) => one === number)).toHaveLength(1);
  });

  it("is stopped by 410, shows it, and goes on where it was once it is started again", async () => {
    const { id } = await make(keys["two"]);
    const object = env.WEBHOOK_ENDPOINT.getByName(id);
    status = 410;
    await happen("adv_two");
    await wakeWebhooks(env);
    const shown = () => ask(`GET /v1/webhooks/${id}`, { key: keys["two"] ?? "" });
    expect((await shown()).body).toMatchObject({ status: "gone", failures: 1 });
    status = 204;
    received = [];
    await wakeWebhooks(env);
    expect(numbersOf(received)).not.toContain(number);
    const started = await ask(`PATCH /v1/webhooks/${id}`, { key: keys["two"] ?? "", body: { status: "active" } });
    expect(started.status).toBe(200);
    await runDurableObjectAlarm(object);
    expect(numbersOf(received)).toContain(number);
    const eventId = received.at(-1)?.id ?? "";
    received = [];
    const again = await ask(`POST /v1/webhooks/${id}/deliveries/${eventId}/replay`, { key: keys["two"] ?? "" });
    expect(again.status).toBe(202);
    await runDurableObjectAlarm(object);
    expect(received.map((one) => one.id)).toEqual([eventId]);
  });

  it("is not sent to a name of the inside, and says so", async () => {
    resolved.set("rebound.shop.com", "169.254.169.254");
    const { id } = await make(keys["one"], { url: "https://rebound.shop.com/" });
    const tested = await ask(`POST /v1/webhooks/${id}/test`, { key: keys["one"] ?? "" });
    expect(tested.body).toEqual({ isDelivered: false, status: null, error: "address_refused" });
    expect(received).toEqual([]);
    const refused = await ask("POST /v1/webhooks", { key: keys["one"] ?? "", body: { url: "https://2130706433/" } });
    expect([refused.status, refused.body["type"]]).toEqual([422, "/problems/webhook-address"]);
  });

  it("is signed by both secrets while one takes the other's place, and shows neither again", async () => {
    const { id, secret } = await make(keys["one"]);
    const key = keys["one"] ?? "";
    const rotated = await ask(`POST /v1/webhooks/${id}/rotate`, { key, body: { overlapSeconds: 60 } });
    const next = String(rotated.body["secret"]);
    await ask(`POST /v1/webhooks/${id}/test`, { key });
    const [{ body, headers } = { body: "", headers: {} }] = received;
    for (const one of [secret, next]) expect(() => new Webhook(one).verify(body, headers)).not.toThrow();
    await ask(`POST /v1/webhooks/${id}/rotate`, { key, body: { overlapSeconds: 0 } });
    received = [];
    await ask(`POST /v1/webhooks/${id}/test`, { key });
    expect(() => new Webhook(secret).verify(received[0]?.body ?? "", received[0]?.headers ?? {})).toThrow();
    const everywhere = JSON.stringify([await ask(`GET /v1/webhooks/${id}`, { key }), await auditOf(id)]);
    for (const one of [secret, next]) expect(everywhere).not.toContain(one);
  });

  it("is tried at once where somebody asks for an event again, and not when its failures say", async () => {
    const key = keys["two"] ?? "";
    const { id } = await make(key);
    const object = env.WEBHOOK_ENDPOINT.getByName(id);
    status = 500;
    await happen("adv_two");
    await object.wake();
    const [{ id: eventId } = { id: "" }] = received;
    status = 204;
    received = [];
    await object.wake();
    expect(received).toEqual([]);
    const asked = await ask(`POST /v1/webhooks/${id}/deliveries/${eventId}/replay`, { key });
    expect(asked.status).toBe(202);
    await runDurableObjectAlarm(object);
    expect(received.map((one) => one.id)).toEqual([eventId]);
    await ask(`DELETE /v1/webhooks/${id}`, { key });
  });

  it("forgets what it sent when it is deleted, also in the middle of a run", async () => {
    const key = keys["two"] ?? "";
    const { id } = await make(key);
    const object = env.WEBHOOK_ENDPOINT.getByName(id);
    await happen("adv_two");
    const { promise: isSent, resolve: answer } = Promise.withResolvers<void>();
    vi.mocked(fetch).mockImplementation(async (input) => {
      if (String(input).startsWith(RESOLVER)) return Response.json({ Answer: [{ type: 1, data: "93.184.216.34" }] });
      received.push({ id: "", body: "", headers: {} });
      await isSent;
      return new Response(null, { status: 204 });
    });
    const run = object.wake();
    await vi.waitFor(() => expect(received).toHaveLength(1), PATIENT);
    const deleted = ask(`DELETE /v1/webhooks/${id}`, { key });
    await vi.waitFor(async () => expect((await ask(`GET /v1/webhooks/${id}`, { key })).status).toBe(404), PATIENT);
    answer();
    await run;
    expect((await deleted).status).toBe(200);
    const tables = await runInDurableObject(object, (_, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'deliveries'").toArray(),
    );
    expect(tables).toEqual([]);
  });

  it("keeps its word to the old secret: no second one ends it before its time, but at once where that is asked", async () => {
    const { id, secret } = await make(keys["one"]);
    const key = keys["one"] ?? "";
    const rotate = (overlapSeconds: number) => ask(`POST /v1/webhooks/${id}/rotate`, { key, body: { overlapSeconds } });
    await rotate(60);
    const again = await rotate(86_400);
    expect([again.status, again.body["type"]]).toEqual([409, "/problems/webhook-rotating"]);
    expect(String(again.body["detail"])).toMatch(/until \d{4}-.*overlapSeconds 0/);
    await ask(`POST /v1/webhooks/${id}/test`, { key });
    expect(() => new Webhook(secret).verify(received[0]?.body ?? "", received[0]?.headers ?? {})).not.toThrow();
    const last = await rotate(0);
    received = [];
    await ask(`POST /v1/webhooks/${id}/test`, { key });
    const [{ body, headers } = { body: "", headers: {} }] = received;
    expect(() => new Webhook(String(last.body["secret"])).verify(body, headers)).not.toThrow();
    expect(() => new Webhook(secret).verify(body, headers)).toThrow();
    await ask(`DELETE /v1/webhooks/${id}`, { key });
  });

  it("is rotated once, and shows the secret, where the database did it and its answer was lost", async () => {
    const key = keys["one"] ?? "";
    const { id } = await make(key);
    let calls = 0;
    const database = withBatch(async (real) => {
      const done = await real();
      calls++;
      if (calls === 1) throw new Error("the answer was lost");
      return done;
    });
    const rotated = await ask(`POST /v1/webhooks/${id}/rotate`, { key, body: { overlapSeconds: 60 }, database });
    expect([rotated.status, calls]).toEqual([200, 1]);
    received = [];
    await ask(`POST /v1/webhooks/${id}/test`, { key });
    const [{ body, headers } = { body: "", headers: {} }] = received;
    expect(() => new Webhook(String(rotated.body["secret"])).verify(body, headers)).not.toThrow();
    await ask(`DELETE /v1/webhooks/${id}`, { key });
  });

  it("keeps the secret that was shown, whoever else changes the webhook at that moment", async () => {
    const key = keys["one"] ?? "";
    const { id } = await make(key);
    for (let round = 0; round < 5; round++) {
      const [rotated, ...described] = await Promise.all([
        ask(`POST /v1/webhooks/${id}/rotate`, { key, body: { overlapSeconds: 0 } }),
        ...[1, 2].map((at) => ask(`PATCH /v1/webhooks/${id}`, { key, body: { description: `${round}.${at}` } })),
      ]);
      expect(described.map((one) => one.status)).toEqual([200, 200]);
      received = [];
      await ask(`POST /v1/webhooks/${id}/test`, { key });
      const [{ body, headers } = { body: "", headers: {} }] = received;
      expect(() => new Webhook(String(rotated?.body["secret"])).verify(body, headers)).not.toThrow();
    }
    await ask(`DELETE /v1/webhooks/${id}`, { key });
  });

  it("of the operator is told of an alarm once, when it is raised and when it is over, and a tenant's never", async () => {
    const types = ["alarm.raised", "alarm.cleared"];
    for (const key of [undefined, keys["one"]]) await make(key, { types });
    const minute = async (at: number) => {
      await watch(watchPorts(env, readConfig(env), Date.now() + at * MINUTE_MS, new Meter("worker")));
      await env.REPORT_DB.exec("UPDATE outbox_published SET at_ms = 0");
      await wakeWebhooks(env);
      const of = received.map(({ body }) => JSON.parse(body) as { type: string; data: { alarm: string } });
      return of.filter(({ data }) => data.alarm === "dead_letters").map(({ type }) => type);
    };
    expect(await minute(0)).toEqual([]);
    const letter = "dead/v1/dt=2026-04-20/reason=retries_exhausted/one-0.json";
    await env.ARCHIVE.put(letter, "{}");
    expect(await minute(1)).toEqual(["alarm.raised"]);
    expect(await minute(2)).toEqual(["alarm.raised"]);
    await env.ARCHIVE.delete(letter);
    expect(await minute(3)).toEqual(types);
    expect(await minute(4)).toEqual(types);
  });

  it("that is deleted is sent nothing more", async () => {
    const { id } = await make(keys["two"]);
    await happen("adv_two");
    expect((await ask(`DELETE /v1/webhooks/${id}`, { key: keys["two"] ?? "" })).status).toBe(200);
    expect((await ask(`GET /v1/webhooks/${id}`, { key: keys["two"] ?? "" })).status).toBe(404);
    await env.WEBHOOK_ENDPOINT.getByName(id).wake();
    expect(received).toEqual([]);
  });

  it("is one of ten of an account at most", async () => {
    await seedTenant("many");
    const { key } = await seedKey({ advertiserId: "adv_many", scopes: ["hook"] });
    for (let made = 0; made < 10; made++) await make(key);
    const eleventh = await ask("POST /v1/webhooks", { key, body: { url: "https://hooks.shop.com/" } });
    expect([eleventh.status, eleventh.body["type"]]).toEqual([409, "/problems/webhooks-too-many"]);
  });
});
