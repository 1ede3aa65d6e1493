/** The beginning of a webhook: whatever fails at it, there is none, or one whose secret its owner has. */
import { env } from "cloudflare:workers";
import { beforeAll, expect, it } from "vitest";
import { ask, seedKey, seedTenant, withBatch } from "../admin/ask.ts";

const BODY = { url: "https://hooks.shop.com/" };
let key = "";

beforeAll(async () => {
  await seedTenant("made");
  ({ key } = await seedKey({ advertiserId: "adv_made", scopes: ["hook"] }));
}, 120_000);

const make = (given: object = {}) => ask("POST /v1/webhooks", { key, body: BODY, ...given });
async function ids(): Promise<unknown[]> {
  const { webhooks } = (await ask("GET /v1/webhooks", { key })).body as { webhooks: { id: string }[] };
  return webhooks.map(({ id }) => id);
}

it("makes none where its object does not begin", async () => {
  const begin = () => Promise.reject(new Error("the object is down"));
  const refused = await make({ bindings: { WEBHOOK_ENDPOINT: { getByName: () => ({ begin }) } } });
  expect([refused.status, refused.body["type"]]).toEqual([503, "/problems/store-unavailable"]);
  expect(await ids()).toEqual([]);
});

it("makes none where the database refuses, and one with its secret where the answer was lost", async () => {
  const refused = await make({ database: withBatch(() => Promise.reject(new Error("the database is down"))) });
  expect([refused.status, await ids()]).toEqual([503, []]);
  const database = withBatch(async (real) => {
    await real();
    throw new Error("the answer was lost");
  });
  const made = await make({ database });
  expect([made.status, made.body["secret"]]).toEqual([201, expect.stringMatching(/^whsec_/)]);
  expect(await ids()).toEqual([made.body["id"]]);
  const { results } = await env.REPORT_DB.prepare("SELECT action FROM audit_log WHERE subject_id = ?1")
    .bind(made.body["id"])
    .all();
  expect(results).toEqual([{ action: "create" }]);
});
