/** The ten minutes of docs/CONVERSIONS.md: from a click on an ad to its conversion in the advertiser's report. */
import { env, exports } from "cloudflare:workers";
import { expect, it } from "vitest";
import { eventShardNames } from "../../src/core/routing.ts";
import { seedKey, seedTenant } from "../admin/ask.ts";
import { anEpoch, BROWSER } from "../support/builders.ts";
import { PATIENT } from "../support/patience.ts";
import { aToken } from "../support/tokens.ts";
import { answersOf, post, send, sweepAll } from "./send.ts";

it("a click is made, its landing page keeps the click id, the order is sent, and the report shows it", async () => {
  await seedTenant("story");
  const { key } = await seedKey({ advertiserId: "adv_story", scopes: ["convert", "report"] });
  const token = await aToken({ adv: "adv_story", cmp: "cmp_story", ad: "ad_story", pub: "pub_story", cpc: 420_000 });
  const clicked = await exports.default.fetch(`https://track.example/c/${token}`, {
    headers: { "User-Agent": BROWSER },
    redirect: "manual",
  });
  expect(clicked.status).toBe(302);
  const clickId = new URL(clicked.headers.get("Location") ?? "").searchParams.get("click_id");
  expect(clickId).toMatch(/^2~[\w.~-]{80,200}$/);

  const sent = await post([{ click_id: clickId, order_id: "A-1001", value_micros: 49_900_000 }], { key });
  expect(answersOf(sent)).toEqual([{ row: 0, status: "recorded" }]);

  const metrics = "clicks,conversions,conversions_by_time,conversion_value_micros,cvr,cpa_micros";
  const path = `/v1/reports/clicks?from=${today(-1)}&to=${today(0)}&group_by=ad_id&metrics=${metrics}`;
  await expect
    .poll(async () => {
      await sweepAll();
      await Promise.all(eventShardNames([anEpoch(0, 8)]).map((name) => env.EVENT_SHARD.getByName(name).sweep()));
      const response = await exports.default.fetch(`https://track.example${path}`, {
        headers: { Authorization: `Bearer ${key}` },
      });
      return ((await response.json()) as { rows: unknown }).rows;
    }, PATIENT)
    .toEqual([
      {
        ...{ adId: "ad_story", clicks: 1, conversions: 1, conversionsByTime: 1, conversionValueMicros: 49_900_000 },
        ...{ cvr: 1, cpaMicros: 420_000 },
      },
    ]);

  const secret = await send("/v1/conversions/secret", { key });
  expect(JSON.parse(secret.text)).toMatchObject({ advertiser_id: "adv_story", kid: "test-1" });
});

/** A day, some days from today. */
function today(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}
