/** Screens over reports: what they show is what the API answers to the key of who looks. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { DAY_MS } from "../../src/core/limits.ts";
import { aCell, clicks, seedCells, seedKey, seedProfiles } from "../report/seed.ts";
import { NOON_MS } from "../support/builders.ts";
import { look, rowsOf } from "./look.ts";

const DAY = "from=2026-04-20&to=2026-04-20";
const DAY_BEFORE = "from=2026-04-19&to=2026-04-19";
const NAME = '<img src=x onerror="alert(1)">';
beforeAll(async () => {
  const spend = (valid: number) => ({ ...clicks(valid), impressions: 100, spend_micros: valid * 420_000 });
  await seedCells(env.REPORT_DB, [
    aCell({ counts: spend(8) }),
    aCell({
      counts: { ...spend(3), gross: 6, duplicate: 1, invalid: 2 },
      ad_id: "ad_10",
      reasons: { same_impression: 1, test: 2 },
    }),
    aCell({ counts: spend(1), campaign_id: "cmp_8", ad_id: "ad_12", country: "" }),
    aCell({ counts: spend(5), advertiser_id: "adv_2", campaign_id: "cmp_f", ad_id: "ad_f" }),
    ...Array.from({ length: 30 }, (_, at) => aCell({ atMs: NOON_MS - DAY_MS, ad_id: `ad_many_${at}` })),
  ]);
  await seedProfiles(env.REPORT_DB, [
    { id: "adv_1", currency: "EUR" },
    { id: "adv_2", currency: "JPY" },
  ]);
  const run = (sql: string, ...values: string[]) => env.REPORT_DB.prepare(sql).bind(...values);
  await env.REPORT_DB.batch([
    run(
      "INSERT INTO campaigns (campaign_id, advertiser_id, name) VALUES ('cmp_7','adv_1',?1),('cmp_f','adv_2','Secret')",
      NAME,
    ),
    run(`INSERT INTO ads (ad_id, campaign_id, creative_id, name, cpc_micros, status)
         VALUES ('ad_9','cmp_7','crt_1','Red shoe',420000,'paused'), ('ad_f','cmp_f','crt_f','Secret ad',1,'active')`),
    run("INSERT INTO creatives (creative_id, advertiser_id, name) VALUES ('crt_1','adv_1','Banner')"),
  ]);
  await seedKey(env.REPORT_DB, { name: "own", advertiserId: "adv_1", scopes: ["report"] });
  await seedKey(env.REPORT_DB, { name: "pub", publisherId: "pub_1", scopes: ["report"] });
});

describe("Explore", () => {
  it("shows the rows of the API in its order, with names beside ids, shares and a total", async () => {
    const { html } = await look(`/explore?${DAY}&group_by=campaign_id&metrics=clicks,spend_micros&compare=none`, "own");
    expect(rowsOf(html)).toEqual([
      ["Campaign", "Clicks ↓", "share", "Spend"],
      [`${NAME} cmp_7 Open →`, "11", "91.7%", "€4.62"],
      ["cmp_8 Open →", "1", "8.33%", "€0.42"],
      ["Total of all rows", "12", "", "€5.04"],
    ]);
    expect(html).not.toContain(NAME);
  });

  it("reads what a form without scripts sends: repeated fields, and empty ones for no choice", async () => {
    const form = `/explore?${DAY}&compare=none&group_by=ad_id&group_by=&group_by=&limit=25&metrics=clicks&metrics=gross_clicks`;
    const { html } = await look(form, "own");
    expect(rowsOf(html)[0]).toEqual(["Ad", "Clicks ↓", "share", "Gross clicks"]);
    expect(rowsOf(html)).toHaveLength(5);
    expect(html).toContain("order=-gross_clicks");
    expect(html).toMatch(/<option value="ad_id" selected/);
  });

  it("sorts by the column of the address, and leads a page on to the next by the API's cursor", async () => {
    const { html } = await look(`/explore?${DAY}&group_by=ad_id&metrics=clicks&order=clicks&compare=none`, "own");
    expect(rowsOf(html).map(([, count]) => count)).toEqual(["Clicks ↑", "1", "3", "8", "12"]);
    const first = await look(`/explore?${DAY_BEFORE}&group_by=ad_id&metrics=clicks&limit=25&compare=none`, "own");
    expect(rowsOf(first.html)).toHaveLength(27);
    const next = /href="([^"]*)" rel="next" data-key="n"/.exec(first.html)?.[1]?.replaceAll("&amp;", "&") ?? "";
    const second = await look(next, "own");
    expect(rowsOf(second.html)).toHaveLength(7);
    expect(second.text).toContain("First page The last page.");
    const stale = await look(`/explore?${DAY}&group_by=ad_id&metrics=clicks&cursor=not-a-cursor`, "own");
    expect(stale.text).toContain("Read the table from its first page");
  });

  it("tells what of an address no table has, and shows the rest", async () => {
    const { text, html } = await look(`/explore?${DAY}&group_by=moon,ad_id&metrics=clicks,luck`, "own");
    expect(text).toContain("No table has “moon”; it is left out.");
    expect(text).toContain("No table has “luck”; it is left out.");
    expect(rowsOf(html)).toHaveLength(5);
  });

  it("never adds up money of two currencies: a row and a total for each", async () => {
    const { html } = await look(
      `/explore?${DAY}&group_by=publisher_id&metrics=clicks,spend_micros&compare=none`,
      "pub",
    );
    expect(rowsOf(html)).toEqual([
      ["Publisher", "Currency", "Clicks ↓", "share", "Spend"],
      ["pub_1", "EUR", "12", "70.6%", "€5.04"],
      ["pub_1", "JPY", "5", "29.4%", "¥2"],
      ["Total of all rows", "17", "", "–"],
      ["of it in EUR", "12", "", "€5.04"],
      ["of it in JPY", "5", "", "¥2"],
    ]);
  });

  it("shows reasons as a column, and what the API refuses as its own sentence with the form still there", async () => {
    const { html } = await look(
      `/explore?${DAY}&group_by=ad_id&metrics=reasons,clicks&compare=none&order=ad_id`,
      "own",
    );
    expect(rowsOf(html)[1]).toEqual(["ad_10 Open →", "test 2 same_impression 1", "3"]);
    const refused = await look(`/explore?${DAY}&group_by=country&metrics=reasons`, "own");
    expect(refused.text).toContain("reasons cannot be split or filtered by country");
    expect(refused.html).toContain('class="chooser"');
  });
});
