/** Screens over reports: what they show is what the API answers to the key of who looks. */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { DAY_MS } from "../../src/core/limits.ts";
import { justBefore } from "../../src/dashboard/settings.ts";
import { aCell, clicks, seedCells, seedKey, seedProfiles } from "../report/seed.ts";
import { NOON_MS } from "../support/builders.ts";
import { rowsOf, textOfHtml } from "./html.ts";
import { look, visitorOf } from "./visit.ts";

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
  await seedKey(env.REPORT_DB, { name: "new", advertiserId: "adv_new", scopes: ["report"] });
});

describe("the controls", () => {
  const chips = (html: string) =>
    Array.from(
      html.matchAll(/<li class="chip">(.*?)<\/li>/gs),
      ([, chip = ""]) => textOfHtml(chip).split("  ")[0] ?? "",
    );

  it("name what is filtered by as the viewer's catalogue does, and by its id where that has no name", async () => {
    const terms = "campaign_id=cmp_7,cmp_8&ad_id!=ad_9&publisher_id=pub_1&device=mobile";
    const shown = chips((await look(`/?${DAY}&${terms}`, "own")).html);
    expect(shown[0]).toContain(`Campaign is ${NAME}`);
    expect(shown[1]).toContain("Campaign is cmp_8");
    expect(shown[2]).toContain("Ad is not Red shoe");
    expect(shown[3]).toContain("Publisher is pub_1");
    expect(shown[4]).toContain("Device is Phone");
    await env.REPORT_DB.prepare(
      "INSERT INTO campaigns (campaign_id, advertiser_id, name) VALUES ('ad_9', 'adv_1', 'Called as an ad')",
    ).run();
    const alike = chips((await look(`/?${DAY}&campaign_id=ad_9&ad_id=ad_9`, "own")).html);
    expect(alike.join(" "), "an id of two things").toMatch(/Campaign is Called as an ad .* Ad is Red shoe/);
    const foreign = chips((await look(`/?${DAY}&campaign_id=cmp_f&ad_id=ad_f`, "own")).html);
    expect(foreign.join(" "), "another's names are not told").not.toContain("Secret");
    const all = chips((await look(`/explore?${DAY}&campaign_id=cmp_f&ad_id=ad_f`, "admin")).html);
    expect(all.join(" ")).toMatch(/Campaign is Secret .* Ad is Secret ad/);
  });

  it("say whose zone it is where it is an account's, and only there", async () => {
    const said = ", the zone of the account";
    expect((await look(`/?${DAY}`, "own")).text).toContain(said);
    for (const kind of ["pub", "admin"]) expect((await look(`/?${DAY}`, kind)).text, kind).not.toContain(said);
  });
});

describe("a period without anything", () => {
  it("teaches how the first click gets here, with the ids of who looks", async () => {
    const { text } = await look("/", "new");
    expect(text).toContain("How the first click gets here");
    expect(text).toContain('{"adv":"adv_new","cmp":"<campaign>","ad":"<ad>","pub":"<publisher>"');
    expect(text).toContain("https://clicks.example/v1/tokens");
    expect((await look("/", "own")).text).toContain('"adv":"adv_1","cmp":"cmp_7","ad":"ad_9"');
    expect((await look("/", "pub")).text).toContain('"pub":"pub_1"');
  });

  it("that is over, or is filtered, has the ways on and no lesson", async () => {
    const over = ["/?from=2020-01-01&to=2020-01-31", "/?from=2090-01-01&to=2090-01-31"];
    for (const path of [...over, "/?country=DE", "/?period=day"]) {
      const { text, html } = await look(path, "new");
      expect(text, path).not.toContain("How the first click gets here");
      expect(html, path).toMatch(/Nothing was counted in this period\..*<a href="[^"]*period=12mo/s);
    }
  });
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

describe("the page of a campaign and of an ad", () => {
  it("has its settings, its figures alone, and no filter that could be taken off it", async () => {
    const { text, html } = await look(`/ad?ad_id=ad_9&${DAY}&compare=none`, "own");
    expect(text).toContain("Red shoe");
    expect(text).toMatch(/Status paused/);
    expect(text).toMatch(/Creative Banner crt_1/);
    expect(text).toMatch(/Clicks 8 /);
    expect(html).not.toContain('class="chip"');
    expect(html).toMatch(/href="\/campaign\?[^"]*campaign_id=cmp_7/);
    const campaign = await look(`/campaign?campaign_id=cmp_7&${DAY}&country=DE`, "own");
    expect(campaign.text).toContain(NAME);
    expect(campaign.html).not.toContain(NAME);
    expect(campaign.text).toMatch(/Clicks 11 /);
    expect(campaign.html.match(/class="chip"/g)).toHaveLength(1);
  });

  it("shows the operator its price in the advertiser's currency", async () => {
    expect((await look(`/ad?ad_id=ad_9&${DAY}`, "admin")).text).toContain("€0.42 unless its token says another");
    expect((await look(`/ad?ad_id=ad_f&${DAY}`, "admin")).text).toMatch(/¥0 unless|JP¥0 unless/);
  });

  it("is there for what was counted and is in no catalogue, and for what is in it and was never counted", async () => {
    await expect(look(`/ad?ad_id=ad_10&from=2026-04-01&to=2026-04-02`, "own")).resolves.toMatchObject({ status: 200 });
    await expect(look(`/ad?ad_id=ad_9&from=2025-04-01&to=2025-04-02`, "own")).resolves.toMatchObject({ status: 200 });
    await expect(look(`/ad?ad_id=ad_9&${DAY}`, "pub")).resolves.toMatchObject({ status: 200 });
  });

  it("is the same page of nothing for another’s id, for one that does not exist and for one that is none", async () => {
    const pages = [
      ...["/campaign?campaign_id=cmp_f", "/campaign?campaign_id=nope", "/campaign?campaign_id=a;b", "/campaign"],
      ...["/campaign?campaign_id=cmp_7,cmp_8", "/campaign?campaign_id!=cmp_7", "/campaign?campaign_id=(unset)"],
      ...["/ad?ad_id=ad_f", "/ad?ad_id=nope", "/ad?ad_id=..", `/ad?ad_id=${"a".repeat(65)}`],
    ];
    const nothing = await look("/campaign?campaign_id=nothing", "own");
    expect(nothing.status).toBe(404);
    for (const path of pages) {
      const { status, text } = await look(path, "own");
      expect({ path, status, text }).toEqual({ path, status: 404, text: nothing.text });
    }
  });
});

describe("Quality", () => {
  it("splits gross into valid, duplicate, invalid and late, and says what each reason means", async () => {
    const { text, html } = await look(`/quality?${DAY}&compare=none`, "own");
    expect(text).toContain("15 gross clicks");
    expect(text).toContain("12 Clicks · 80% 1 Duplicate clicks · 6.67% 2 Invalid clicks · 13.3% 0 Late clicks · 0%");
    const rows = rowsOf(html);
    expect(rows).toContainEqual(["same_impression", "A further request on a claimed impression.", "1", "6.67%"]);
    expect(rows).toContainEqual(["pub_1", "15", "12", "1", "2", "13.3%", "0", "0%", "0"]);
  });

  it("shows a publisher its own traffic, by placement, and no reasons, which are not kept by publisher", async () => {
    const { text } = await look(`/quality?${DAY}&compare=none`, "pub");
    expect(text).toContain("20 gross clicks");
    expect(text).toContain("By placement");
    expect(text).not.toContain("Reasons cannot be shown");
  });

  it("says in the place of reasons why they cannot be split, and shows the rest", async () => {
    const { text } = await look(`/quality?${DAY}&country=DE`, "own");
    expect(text).toContain("reasons cannot be split or filtered by country");
    expect(text).toContain("14 gross clicks");
  });
});

describe("Conversions", () => {
  it("teaches how to send them where there are none, and is no screen of a publisher", async () => {
    const { html, text } = await look(`/conversions?${DAY}`, "own");
    expect(html).toMatch(/<details class="behind" open/);
    expect(text).toContain("https://clicks.example/v1/conversions");
    expect((await look(`/conversions?${DAY}`, "pub")).status).toBe(404);
  });
});

describe("Live", () => {
  it("is drawn whole without scripts, minute by minute, the newest first in its table", async () => {
    const { html, text } = await look("/live", "own");
    expect(rowsOf(html).filter((row) => row.length === 5)).toHaveLength(61);
    expect(html.match(/data-live-minute/g)).toHaveLength(60);
    expect(text).toContain("Load again");
  });

  it("hands a ticket to its own script, and to nobody who is not of this session", async () => {
    const { html } = await look("/live", "own");
    const token = /data-token="([^"]*)"/.exec(html)?.[1] ?? "";
    expect((await visitorOf("own").post("/live", [], "another")).status).toBe(403);
    const handed = await visitorOf("own").post("/live", [], token);
    expect(JSON.parse(handed.text)).toEqual({
      path: expect.stringMatching(/^\/v1\/live\/tickets\/[^?]+\?minutes=60$/),
    });
  });
});

describe("what the catalogue is read from", () => {
  it("is the greatest id below the one that is sought", () => {
    const CHARS = "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
    const ids = fc.array(fc.constantFrom(...CHARS), { minLength: 1, maxLength: 64 }).map((chars) => chars.join(""));
    fc.assert(
      fc.property(ids, ids, (id, other) => {
        const before = justBefore(id);
        if (id === "-") return;
        expect(before < id && before.length <= 64).toBe(true);
        expect(other > before && other < id).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
