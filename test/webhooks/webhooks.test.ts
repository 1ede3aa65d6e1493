/** Webhooks on the platform: their routes, the object that delivers, and a receiver that is reached by name alone. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Webhook } from "standardwebhooks";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { insertEvents } from "../../src/facts/outbox-sql.ts";
import { wakeWebhooks } from "../../src/webhooks/wake.ts";
import { ask, auditOf, seedKey, seedTenant } from "../admin/ask.ts";

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
