/** The end of a webhook: whatever fails at it, it is there or it is gone, and one that is gone sends nothing. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { insertEvents } from "../../src/facts/outbox-sql.ts";
import { wakeWebhooks } from "../../src/webhooks/wake.ts";
import { ask, auditOf, seedKey, seedTenant, withBatch } from "../admin/ask.ts";
import { PATIENT } from "../support/patience.ts";

const RESOLVER = "https://cloudflare-dns.com/";
let sent: string[] = [];
let answering: Promise<void> = Promise.resolve();
let key = "";

beforeAll(async () => {
  await seedTenant("ended");
  ({ key } = await seedKey({ advertiserId: "adv_ended", scopes: ["hook"] }));
}, 120_000);

beforeEach(() => {
  sent = [];
  answering = Promise.resolve();
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    if (String(input).startsWith(RESOLVER)) return Response.json({ Answer: [{ type: 1, data: "93.184.216.34" }] });
    sent.push(String(init?.body));
    await answering;
    return new Response(null, { status: 204 });
  });
});

afterEach(() => void vi.useRealTimers());

/** A namespace whose objects do as they are told. */
const objects = (forget: () => Promise<void>) => ({ WEBHOOK_ENDPOINT: { getByName: () => ({ forget }) } });
const DOWN = objects(() => Promise.reject(new Error("the object is down")));

async function make(): Promise<string> {
  const made = await ask("POST /v1/webhooks", { key, body: { url: "https://hooks.shop.com/" } });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return String(made.body["id"]);
}

let number = 0;
async function happen(count = 1): Promise<void> {
  const events = Array.from({ length: count }, () => ({
    ...{ fact: `statement.issued:adv_ended:${number++}`, audience: "adv_ended", type: "statement.issued" as const },
    data: { advertiserId: "adv_ended" },
  }));
  // As if the mark had not moved for a while.
  await env.REPORT_DB.batch([
    insertEvents(env.REPORT_DB, events, Date.now()),
    env.REPORT_DB.prepare("UPDATE outbox_published SET at_ms = 0"),
  ]);
}

const remove = (id: string, bindings: object = {}) => ask(`DELETE /v1/webhooks/${id}`, { key, bindings });
const statusOf = async (id: string) => (await ask(`GET /v1/webhooks/${id}`, { key })).status;
/** How many deliveries its object knows; null once it has forgotten that there is such a table. */
const knownOf = (id: string) =>
  runInDurableObject(env.WEBHOOK_ENDPOINT.getByName(id), (_, { storage }) => {
    const isThere = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'deliveries'").toArray().length === 1;
    return isThere ? storage.sql.exec("SELECT 1 FROM deliveries").toArray().length : null;
  });
const revocationsOf = async (id: string) => (await auditOf(id)).filter(({ action }) => action === "revoke").length;
async function unfinished(): Promise<unknown[]> {
  const { results } = await env.REPORT_DB.prepare("SELECT webhook_id AS id FROM deleted_webhooks").all();
  return results.map(({ id }) => id);
}

describe("a webhook that is deleted", () => {
  it("is deleted where its object fails, and cron has the object forget as soon as it can", async () => {
    const id = await make();
    await happen();
    await wakeWebhooks(env);
    expect(sent).toHaveLength(1);
    const deleted = await remove(id, DOWN);
    expect([deleted.status, deleted.body["id"]]).toEqual([200, id]);
    expect([await statusOf(id), (await remove(id)).status, await revocationsOf(id)]).toEqual([404, 404, 1]);
    expect((await ask("GET /v1/webhooks", { key })).body).toEqual({ webhooks: [] });
    await happen();
    await wakeWebhooks({ REPORT_DB: env.REPORT_DB, ...DOWN } as never);
    expect([await knownOf(id), await unfinished()]).toEqual([1, [id]]);
    await wakeWebhooks(env);
    expect([await knownOf(id), await unfinished(), sent.length]).toEqual([null, [], 1]);
  });

  it("is sent nothing behind the try that was under way, though its object heard of nothing", async () => {
    const id = await make();
    await happen(3);
    const { promise, resolve: answer } = Promise.withResolvers<void>();
    answering = promise;
    const run = env.WEBHOOK_ENDPOINT.getByName(id).wake();
    await vi.waitFor(() => expect(sent).toHaveLength(1), PATIENT);
    expect((await remove(id, DOWN)).status).toBe(200);
    answer();
    await run;
    expect(sent).toHaveLength(1);
    await wakeWebhooks(env);
    expect([await knownOf(id), await unfinished(), sent.length]).toEqual([null, [], 1]);
  });

  it("keeps nobody waiting whose object hangs", async () => {
    const id = await make();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const asked = vi.fn(() => new Promise<void>(() => {}));
    const deleted = remove(id, objects(asked));
    await vi.waitFor(() => expect(asked).toHaveBeenCalledOnce(), PATIENT);
    await vi.advanceTimersByTimeAsync(15_000);
    expect((await deleted).status).toBe(200);
    vi.useRealTimers();
    expect(await unfinished()).toEqual([id]);
    await wakeWebhooks(env);
    expect(await unfinished()).toEqual([]);
  });

  it("is deleted once, whoever else deletes or changes it at that moment", async () => {
    const id = await make();
    const change = ask(`PATCH /v1/webhooks/${id}`, { key, body: { description: "Books" } });
    const statuses = (await Promise.all([remove(id), change, remove(id), remove(id)])).map(({ status }) => status);
    expect(statuses.filter((status) => status !== 200 && status !== 404)).toEqual([]);
    expect(statuses).toContain(200);
    expect([await statusOf(id), await revocationsOf(id), await unfinished()]).toEqual([404, 1, []]);
  });

  it("is told to be deleted, and forgets, where the database did it and its answer was lost", async () => {
    const id = await make();
    const database = withBatch(async (real) => {
      await real();
      throw new Error("the answer was lost");
    });
    const deleted = await ask(`DELETE /v1/webhooks/${id}`, { key, database });
    expect([deleted.status, deleted.body["id"]]).toEqual([200, id]);
    expect([await statusOf(id), await revocationsOf(id), await unfinished()]).toEqual([404, 1, []]);
    expect(await knownOf(id)).toBeNull();
  });

  it("is as it was where the database refuses", async () => {
    const id = await make();
    const database = withBatch(() => Promise.reject(new Error("the database is down")));
    const refused = await ask(`DELETE /v1/webhooks/${id}`, { key, database });
    expect([refused.status, refused.body["type"]]).toEqual([503, "/problems/database-unavailable"]);
    expect([await statusOf(id), await revocationsOf(id), await unfinished()]).toEqual([200, 0, []]);
    expect((await remove(id)).status).toBe(200);
  });
});
