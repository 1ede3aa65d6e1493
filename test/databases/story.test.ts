/** Clicks of several advertisers on their whole way, over three report databases: each reads its own, the operator all. */
import { env, exports } from "cloudflare:workers";
import { expect, it } from "vitest";
import { eventShardNames } from "../../src/core/routing.ts";
import { boundDatabases } from "../../src/facts/directory.ts";
import { seedKey, seedTenant } from "../admin/ask.ts";
import { anEpoch, BROWSER } from "../support/builders.ts";
import { PATIENT } from "../support/patience.ts";
import { TEST_SECRETS } from "../support/secrets.ts";
import { aToken } from "../support/tokens.ts";

const DAY_MS = 86_400_000;
const day = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);
const PATH = `/v1/reports/clicks?from=${day(-1)}&to=${day(0)}&group_by=advertiser_id&metrics=clicks,gross_clicks&totals=true`;

async function click(token: string): Promise<void> {
  const headers = { "User-Agent": BROWSER };
  const clicked = await exports.default.fetch(`https://track.example/c/${token}`, { headers, redirect: "manual" });
  expect(clicked.status).toBe(302);
}

async function report(key: string): Promise<{ rows: unknown; meta: { totals: unknown } }> {
  const headers = { Authorization: `Bearer ${key}` };
  return (await exports.default.fetch(`https://track.example${PATH}`, { headers })).json();
}

const sweep = () =>
  Promise.all(eventShardNames([anEpoch(0, 8)]).map((name) => env.EVENT_SHARD.getByName(name).sweep()));

it("clicks of six advertisers are counted once, each in its database, and add up for the operator", async () => {
  const advertisers = Array.from({ length: 6 }, (_, at) => `adv_${at}`);
  const keys = new Map<string, string>();
  for (const [at, advertiser] of advertisers.entries()) {
    await seedTenant(String(at));
    keys.set(advertiser, (await seedKey({ advertiserId: advertiser, scopes: ["report"] })).key);
    const impressions = Array.from({ length: at + 1 }, () => aToken({ adv: advertiser, ad: `ad_${advertiser}` }));
    const tokens = await Promise.all(impressions);
    for (const token of [...tokens, ...tokens.slice(0, 1)]) await click(token);
  }
  const rowOf = (advertiser: string, at: number) => ({ advertiserId: advertiser, clicks: at + 1, grossClicks: at + 2 });
  await expect
    .poll(async () => {
      await sweep();
      return (await report(TEST_SECRETS.ADMIN_API_KEY)).meta.totals;
    }, PATIENT)
    .toEqual({ clicks: 21, grossClicks: 27 });
  expect((await report(TEST_SECRETS.ADMIN_API_KEY)).rows).toEqual(advertisers.map(rowOf));
  for (const [at, advertiser] of advertisers.entries()) {
    expect((await report(keys.get(advertiser) ?? "")).rows).toEqual([rowOf(advertiser, at)]);
  }
  // What was shown is posted by the next sweep.
  await sweep();
  const counted = await Promise.all(
    Array.from(boundDatabases(env).values(), async (database) => {
      const sql = "SELECT count(DISTINCT advertiser_id) AS advertisers FROM facts_minute";
      return (await database.prepare(sql).first<{ advertisers: number }>())?.advertisers ?? 0;
    }),
  );
  expect(Math.min(...counted)).toBeGreaterThan(0);
  expect(counted.reduce((sum, count) => sum + count)).toBe(6);
});
