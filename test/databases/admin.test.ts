/** What hangs on an advertiser's events holds wherever its facts stand. */
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { eventShardNames } from "../../src/core/routing.ts";
import { Directory } from "../../src/facts/directory.ts";
import { ask, seedTenant } from "../admin/ask.ts";
import { anEncodedEvent, anEpoch } from "../support/builders.ts";

it("an advertiser's currency is fixed with its first event, in whichever database that is", async () => {
  const [shard = ""] = eventShardNames([anEpoch(0, 1)]);
  const advertisers = Array.from({ length: 6 }, (_, at) => `adv_${at}`);
  const patch = (id: string, currency: string) => ask(`PATCH /v1/admin/advertisers/${id}`, { body: { currency } });
  for (const id of advertisers) {
    await seedTenant(id.slice(4));
    expect((await patch(id, "USD")).status).toBe(200);
  }
  const events = advertisers.map((adv) => anEncodedEvent({}, { adv, jti: `currency_${adv}` }));
  await env.EVENT_SHARD.getByName(shard).ingest(events);
  await env.EVENT_SHARD.getByName(shard).sweep();
  expect(await new Directory(env).databasesOf(advertisers)).toHaveLength(3);
  for (const id of advertisers) expect((await patch(id, "EUR")).status, id).toBe(409);
});
