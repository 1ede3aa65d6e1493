/**
 * The dashboard in a real Chromium: every screen in both colour schemes, at three widths, without scripts; and the ways of
 * the people it is made for. Screens come from the table of the navigation.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SCREEN_PATHS } from "../../src/dashboard/navigation.ts";
import { aToken } from "../support/tokens.ts";
import { axeFindings, tooWide, unfold } from "./accessibility.ts";
import {
  addressOfScreen,
  endWorld,
  enterKey,
  expectUnharmed,
  follow,
  HOLDERS,
  HOSTILE_NAMES,
  type Holder,
  holderOf,
  signIn,
  startWorld,
  type Visit,
  visitOf,
  type World,
} from "./dashboard-world.ts";
import { buryClick, clickLate } from "./desk-things.ts";

const START_MAX_MS = 240_000;
const WIDTHS = [360, 768, 1_440];
let world: World;
const visits = new Map<Holder, Visit>();
const at = (path: string) => `${world.runtime.url}${path}`;

beforeAll(async () => {
  world = await startWorld();
  for (const holder of HOLDERS) {
    if (holder === "advertiser" || holder === "publisher" || holder === "operator") {
      visits.set(holder, await signIn(world, holder));
    }
  }
}, START_MAX_MS);
afterAll(() => endWorld(world));

function visitAs(holder: Holder): Visit {
  const visit = visits.get(holder);
  if (visit === undefined) throw new Error(`${holder} is not signed in`);
  return visit;
}

/** Screens, and what they are when something is wrong. */
const PAGES: readonly (readonly [string, Holder])[] = [
  ...SCREEN_PATHS.map((path): [string, Holder] => [addressOfScreen(path), holderOf(path)]),
  ["/?from=2020-01-01&to=2020-01-31", "advertiser"],
  ["/?period=decade&timezone=Mars/Olympus&campaign_id=cmp_2,cmp_3,cmp_4&ad_id!=ad_1", "advertiser"],
  [`/?campaign_id=${encodeURIComponent(HOSTILE_NAMES.picture)}`, "advertiser"],
  ["/statements?n=1", "advertiser"],
  ["/statements?advertiser=adv_1", "operator"],
  ["/statements?advertiser=adv_1&n=7", "operator"],
  ["/", "publisher"],
  ["/", "operator"],
  ["/nothing", "advertiser"],
];

describe.each(PAGES)("%s, as the %s", (path, holder) => {
  it("is free of axe's findings in light and in dark, fits three widths, and runs nothing of a name", async () => {
    const visit = visitAs(holder);
    const { page } = visit;
    await page.setViewportSize({ width: 1_440, height: 1_000 });
    await page.emulateMedia({ colorScheme: "light" });
    await page.goto(at(path));
    await unfold(page);
    expect(await axeFindings(page), "light, wide").toEqual([]);
    const marked = page.locator("nav ul, .tabs, .comparison, .chips, .legend, .warnings, .reasons, .story");
    const marks = await marked.evaluateAll((lists) => lists.map((list) => getComputedStyle(list).listStyleType));
    expect(new Set(marks), "rows have no marks").toEqual(new Set(["none"]));
    for (const width of WIDTHS.toReversed()) {
      await page.setViewportSize({ width, height: 1_000 });
      expect(await tooWide(page), `${width} px`).toEqual([]);
    }
    for (const menu of await page.locator("details.menu > summary:visible").all()) {
      await menu.click();
      expect(await tooWide(page), "narrow, with a menu open").toEqual([]);
      await page.keyboard.press("Escape");
    }
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await axeFindings(page), "dark, narrow").toEqual([]);
    await expectUnharmed(visit);
  });
});

describe("without scripts", () => {
  let plain: Visit;
  beforeAll(async () => {
    const storageState = await visitAs("advertiser").context.storageState();
    plain = await visitOf(world, { javaScriptEnabled: false, storageState });
  }, START_MAX_MS);

  it.each(SCREEN_PATHS)("%s says all that it has to say", async (path) => {
    await plain.context.addCookies(await visitAs(holderOf(path)).context.cookies());
    const { page } = plain;
    await page.goto(at(addressOfScreen(path)));
    expect(await page.locator("main .trouble").count()).toBe(0);
    expect(await page.locator("main h1").count()).toBe(1);
    expect((await page.locator("main").textContent())?.length).toBeGreaterThan(100);
    const forms = await page
      .locator("main form")
      .evaluateAll((all) => all.map((form) => form.querySelector("[type=submit]") !== null));
    expect(forms, "each form has what sends it").toEqual(forms.map(() => true));
  });

  it("figures, a chart, its table and forms are there", async () => {
    await plain.context.clearCookies();
    const { page } = plain;
    await page.goto(at("/?period=7d"));
    await enterKey(page, world.keys.advertiser);
    expect(new URL(page.url()).search, "back where it began").toBe("?period=7d");
    expect(await page.locator(".amount").count()).toBe(5);
    expect(await page.locator("svg.chart .fill").count()).toBeGreaterThan(6);
    await page.locator("summary", { hasText: "The same as a table" }).click();
    expect(await page.locator("#chart tbody tr:visible").count()).toBe(7);
    await page.locator(".period summary").click();
    await page.locator("input[name=from]").fill("2026-01-01");
    await page.locator("input[name=to]").fill("2026-01-02");
    await follow(page, page.getByRole("button", { name: "Show" }));
    expect(new URL(page.url()).searchParams.get("from")).toBe("2026-01-01");
    expect(await page.locator("main").textContent()).toContain("Nothing was counted");
  });
});

describe("a campaign manager", () => {
  it("sees today and yesterday by a key, goes back, drills from campaign to ad, and takes the filter away", async () => {
    const { page } = visitAs("advertiser");
    await page.setViewportSize({ width: 1_440, height: 1_000 });
    await page.goto(at("/"));
    await page.keyboard.press("d");
    await page.waitForURL(/period=day/);
    expect(await page.locator("#chart h2").textContent()).toBe("Clicks by hour");
    await page.keyboard.press("y");
    await page.waitForURL(/period=yesterday/);
    expect(await page.locator(".change").first().textContent()).toContain("before");
    await page.goBack();
    expect(page.url()).toContain("period=day");

    await page.keyboard.press("7");
    await page.waitForURL(/period=7d/);
    await page.locator("#card1").getByRole("link", { name: "Autumn sale", exact: true }).click();
    await page.waitForURL(/campaign_id=cmp_1/);
    await page.locator("#card1").getByRole("link", { name: "Ad", exact: true }).click();
    await page.waitForURL(/card1=ad_id/);
    await page.locator("#card1").getByRole("link", { name: "Red shoe", exact: true }).click();
    await page.waitForURL(/ad_id=ad_1/);
    expect(await page.locator(".chip").count()).toBe(2);
    await page.locator(".chip", { hasText: "Red shoe" }).getByTitle("Remove").click();
    await page.waitForURL((url) => !url.searchParams.has("ad_id"));
    await page.locator(".chip").getByTitle("All but this").click();
    await page.waitForURL(/campaign_id!=cmp_1/);
    expect(await page.locator("#card1").getByText("Red shoe").count()).toBe(0);
  });

  it("drills from a day to an hour to its minutes, opens the day as one curve, and goes by it to another hour", async () => {
    const visit = visitAs("advertiser");
    const { page } = visit;
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(at("/?period=yesterday&compare=none"));
    const hours = page.locator("#chart tbody th a");
    await page.locator("summary", { hasText: "The same as a table" }).click();
    await hours.nth(9).click();
    await page.waitForURL(/granularity=minute&at=/);
    expect(await page.locator("#chart h2").textContent()).toBe("Clicks by minute");
    expect(await page.locator("#chart tbody tr").count()).toBe(60);
    const hour = page.url();
    const clicks = await page.locator(".amount").first().textContent();

    expect(asked).not.toContain("/static/minutes.js");
    await page.getByRole("button", { name: "The whole day, minute by minute" }).click();
    await page.locator(".uplot canvas").waitFor();
    expect(asked).toContain("/static/minutes.js");
    expect(await axeFindings(page)).toEqual([]);
    const area = await page.locator(".u-over").boundingBox();
    if (area === null) throw new Error("the curve has a place");
    await page.mouse.click(area.x + area.width * 0.99, area.y + area.height / 2);
    await page.waitForURL((url) => url.href !== hour && url.searchParams.get("granularity") === "minute");
    await page.locator("#chart nav a[aria-current]", { hasText: "23" }).waitFor();
    await page.goBack();
    expect([page.url(), await page.locator(".amount").first().textContent()]).toEqual([hour, clicks]);
    await expectUnharmed(visit);
  });

  it("shares the address with a colleague, who sees the same figures, and takes them along as a file", async () => {
    const { page } = visitAs("advertiser");
    await page.goto(at("/?from=2026-01-01&to=2026-01-02"));
    await page.keyboard.press("3");
    await page.waitForURL((url) => !url.searchParams.has("from"));
    await page.locator("#card3").getByRole("link", { name: "Germany" }).click();
    await page.waitForURL(/country=DE/);
    const shared = page.url();
    const colleague = await visitOf(world);
    await colleague.page.goto(shared);
    await enterKey(colleague.page, world.keys.colleague);
    await colleague.page.locator(".amount").first().waitFor();
    expect(colleague.page.url()).toBe(shared);
    const clicks = (await page.locator(".amount").first().textContent()) ?? "";
    expect(await colleague.page.locator(".amount").first().textContent()).toBe(clicks);
    await colleague.context.close();

    await page.locator("#chart summary", { hasText: "as a file" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download as CSV" }).click(),
    ]);
    const [head = "", ...lines] = (await textOf(download)).trimEnd().split("\r\n");
    const column = head.split(",").indexOf("clicks");
    const sum = lines.reduce((total, line) => total + Number(line.split(",")[column]), 0);
    expect([lines.length, sum]).toEqual([30, Number(clicks.replaceAll(",", ""))]);
  });

  it("finds out by the keyboard alone: from Overview to Explore to a file", async () => {
    const { page } = visitAs("advertiser");
    await page.goto(at("/"));
    await tabTo(page, "Explore");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/explore/);
    await tabTo(page, "As curl, as a file");
    await page.keyboard.press("Enter");
    await tabTo(page, "Download as CSV");
    const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
    const text = await textOf(download);
    expect(text).toMatch(/^campaign_id,/);
    expect(text).toContain("cmp_1");
  });

  it("learns at the first look, in four clicks, what a campaign cost last week, by device, and if that is final", async () => {
    const visit = await signIn(world, "colleague");
    const { page } = visit;
    let clicks = 0;
    const click = async (what: ReturnType<typeof page.locator>, leadsTo: RegExp) => {
      clicks++;
      await what.click();
      await page.waitForURL(leadsTo);
    };
    await click(page.getByRole("link", { name: "Last week", exact: true }), /period=last_week/);
    await click(page.locator("#card1 tr", { hasText: "Autumn sale" }).locator("a.open"), /\/campaign\?/);
    await click(page.locator(".figure").getByRole("link", { name: "Spend", exact: true }), /metric=spend_micros/);
    await click(page.locator(".tabs").getByRole("link", { name: "Device", exact: true }), /card\d=device/);
    expect(clicks).toBe(4);
    expect(await page.locator(".ranking tr", { hasText: "Phone" }).textContent()).toMatch(/€[\d,]+\.\d\d/);
    expect(await page.locator(".fresh").textContent()).toContain("Not final yet.");
    await expectUnharmed(visit);
    await visit.context.close();
  });
});

describe("a finance person", () => {
  it("sees last month by a key and whether it is final, what has moved since, and takes it along day by day", async () => {
    const { page } = visitAs("advertiser");
    await page.goto(at("/"));
    await page.keyboard.press("l");
    await page.waitForURL(/period=last_month/);
    expect(await page.locator(".fresh").textContent()).toContain("Not final yet.");
    await page.getByRole("link", { name: "What changed since you last looked" }).click();
    await page.waitForURL(/\/changes/);
    const noted = /you have seen everything up to now|Nothing has moved since then/;
    expect(await page.locator("main").textContent()).toMatch(noted);
    await page.goBack();
    await page.locator("#card1").getByRole("link", { name: "All of them, as a table" }).click();
    await page.waitForURL(/\/explore/);
    await page.locator("select[name=group_by]").first().selectOption("day");
    await page.getByRole("button", { name: "Show" }).last().click();
    await page.waitForURL(/group_by=day/);
    await page.locator("summary", { hasText: "as a file" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download as CSV" }).click(),
    ]);
    expect(await textOf(download)).toMatch(/^day,.*clicks.*\r?\n\d{4}-\d\d-\d\d,/);
  });
});

describe("a statement", () => {
  it("is read, printed on a page of its own without what is for screens, and taken along", async () => {
    const { page } = visitAs("advertiser");
    await page.goto(at("/statements"));
    await page.getByRole("link", { name: "Statement 000001" }).click();
    await page.waitForURL(/n=1/);
    const text = (await page.locator("main").textContent()) ?? "";
    for (const said of ["6.75 EUR", "27 valid clicks", "6.750000", "cmp_7"]) expect(text).toContain(said);
    await page.emulateMedia({ media: "print" });
    expect(await page.getByRole("link", { name: "All statements" }).isVisible()).toBe(false);
    expect(await page.locator(".sheet").isVisible()).toBe(true);
    await page.emulateMedia({ media: "screen" });
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download its lines as CSV" }).click(),
    ]);
    expect(await textOf(download)).toContain("clicks,1,2026-04-20,cmp_7,,28,27,1,0,0,1204,2,6750000,EUR");
  });
});

describe("an operator", () => {
  const OTHERS = { adv: "adv_desk", cmp: "cmp_desk", pub: "pub_desk" };

  it("decides late clicks, sends a dead letter again, makes a key and revokes it", async () => {
    const visit = visitAs("operator");
    const { page } = visit;
    for (const ad of ["ad_late_1", "ad_late_2"]) await clickLate(world.runtime, { ...OTHERS, ad });
    const waiting = async () => {
      await page.goto(at("/late-clicks"));
      return page.locator("tbody input[type=checkbox]").count();
    };
    for (const [left, button, said] of [
      [2, "Accept the chosen", "1 of 1 accepted"],
      [1, "Reject the chosen", "1 of 1 rejected"],
    ] as const) {
      await expect.poll(waiting).toBe(left);
      await page.locator("tbody input[type=checkbox]").first().check();
      await follow(page, page.getByRole("button", { name: button }));
      expect(await page.getByRole("status").textContent()).toContain(said);
    }

    const key = await buryClick(world.runtime, { ...OTHERS, ad: "ad_buried" });
    await page.goto(at("/dead-letters"));
    await follow(page, page.getByRole("link", { name: key }));
    await follow(page, page.getByRole("button", { name: "Replay it" }));
    expect(await page.getByRole("status").textContent()).toContain("1 of 1 replayed");

    await page.goto(at("/tenants?kind=keys&new=1"));
    await page.getByLabel("Label").fill("For an afternoon");
    await page.getByLabel("Id of the owner").fill("adv_1");
    await follow(page, page.getByRole("button", { name: "Make this key" }));
    expect(await page.locator(".secret").textContent()).toMatch(/clk_[\w-]{40,}/);
    await follow(page, page.getByRole("link", { name: /^key_/ }));
    await page.getByRole("button", { name: "Revoke the key" }).click();
    await follow(page, page.getByRole("button", { name: "Revoke it" }));
    expect(await page.getByRole("status").textContent()).toContain("The key is revoked");
    await expectUnharmed(visit);
  });
});

describe("a developer", () => {
  it("pastes a link and learns where it leads and whether it counts; and of a cut one why it does not", async () => {
    const visit = visitAs("advertiser");
    const { page } = visit;
    const link = at(`/c/${await aToken({ adv: "adv_1", url: "https://shop.example/red-shoe" })}`);
    for (const [pasted, said] of [
      [link, "It works, and a click now would count"],
      [link.slice(0, -3), "Only a token as it was signed is explained"],
    ] as const) {
      await page.goto(at("/"));
      await page.keyboard.press("g");
      await page.keyboard.press("t");
      await page.waitForURL(/\/try/);
      await page.getByLabel("Link or token").fill(pasted);
      await follow(page, page.getByRole("button", { name: "Look at it" }));
      await page.getByText(said).waitFor();
    }
    await page.goto(at("/try"));
    await expectUnharmed(visit);
  });
});

describe("a publisher", () => {
  it("sees its own traffic, gross beside valid, of every advertiser, and nothing of others", async () => {
    const { page } = visitAs("publisher");
    await page.goto(at("/?period=30d"));
    expect(await page.locator(".figure h2").allTextContents()).toEqual([
      "Clicks",
      "Gross clicks",
      "Impressions",
      "CTR",
      "Spend",
    ]);
    const [valid = 0, gross = 0] = (await page.locator(".amount").allTextContents()).map((text) =>
      Number(text.replaceAll(",", "")),
    );
    expect(gross).toBeGreaterThan(valid);
    await page.goto(at("/?period=30d&publisher_id=pub_2"));
    expect(await page.locator("main").textContent()).toContain("Nothing was counted");
  });
});

describe("a session", () => {
  it("ends with its key, and goes on with another where it was", async () => {
    const visit = await visitOf(world);
    const { page, context } = visit;
    await page.goto(at("/explore?period=7d"));
    const token = await page.locator("form[action='/sign-in'] input[name=token]").getAttribute("value");
    const form = { token: token ?? "", key: world.keys.leaver, next: "/" };
    const headers = { "Sec-Fetch-Site": "same-origin", Origin: world.runtime.url };
    const entered = await context.request.post(at("/sign-in"), { form, headers, maxRedirects: 0 });
    expect(entered.status()).toBe(303);
    await world.runtime.database.prepare("UPDATE api_keys SET revoked_at_ms = 1 WHERE key_id = 'leaver'").run();
    await page.goto(at("/explore?period=7d"));
    expect(await page.locator("main").textContent()).toContain("not in force any more");
    await enterKey(page, world.keys.advertiser);
    await page.waitForURL(at("/explore?period=7d"));
    await expectUnharmed(visit);
    await context.close();
  });

  it("is of one who is told why a key does not open anything, and what to do", async () => {
    const visit = await visitOf(world);
    await visit.page.goto(at("/"));
    expect(await axeFindings(visit.page)).toEqual([]);
    await enterKey(visit.page, "clk_nothing");
    expect(await visit.page.getByRole("alert").textContent()).toContain("This key is not in force.");
    expect(await axeFindings(visit.page)).toEqual([]);
    await enterKey(visit.page, world.keys.publisher);
    await visit.page.locator(".account").waitFor();
    await visit.page.locator(".account summary").click();
    await follow(visit.page, visit.page.getByRole("button", { name: "Sign out" }));
    await visit.page.locator("#key").waitFor();
    await visit.context.close();
  });
});

/** Tab by tab to what is called so. */
async function tabTo(page: Visit["page"], name: string): Promise<void> {
  for (let stops = 0; stops < 150; stops++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");
    if (focused === name) return;
  }
  throw new Error(`no stop of the keyboard is called ${name}`);
}

async function textOf(download: { createReadStream(): Promise<NodeJS.ReadableStream> }): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of await download.createReadStream()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}
