/**
 * What the journeys through the dashboard stand on: one local Worker with forty days of facts of two tenants, one browser,
 * and the way to sign in as anybody. Names are as bad as names can be.
 *
 * Keeps: nothing of these tenants is clicked and no cron runs, so the figures are the seeded ones and stay.
 */
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { type LocalRuntime, startRuntime } from "../../scripts/local-runtime.ts";
import { SCREEN_ENTRIES, type ScreenPath } from "../../src/dashboard/navigation.ts";
import { seedStatement } from "../openapi/seed-statements.ts";
import { aCell, type Cell, seedCells, seedKey, seedProfiles } from "../report/seed.ts";
import { TEST_SECRETS } from "../support/secrets.ts";
import { launchBrowser } from "./browser.ts";

const DAY_MS = 86_400_000;
const DAYS = 40;
const LONG_ID = `ad_${"x".repeat(61)}`;

/** Whatever one of these does besides being read, `globalThis.hacked` says it. */
export const HOSTILE_NAMES = {
  picture: "<img src=x onerror=\"globalThis.hacked='picture'\">",
  script: "</title></script><script>globalThis.hacked='script'</script>",
  attribute: "\" autofocus onfocus=\"globalThis.hacked='attribute'\" x='",
  rightToLeft: "حملة الخريف \u202e <b>3 + 4</b>",
  long: "W".repeat(64),
} as const;

const CAMPAIGNS: Readonly<Record<string, string>> = {
  cmp_1: "Autumn sale",
  cmp_2: HOSTILE_NAMES.picture,
  cmp_3: HOSTILE_NAMES.rightToLeft,
  cmp_4: HOSTILE_NAMES.long,
  cmp_5: HOSTILE_NAMES.script,
};
const ADS: Readonly<Record<string, string>> = {
  ad_1: "Red shoe",
  ad_2: HOSTILE_NAMES.attribute,
  [LONG_ID]: HOSTILE_NAMES.long,
};
const AD_OF: Readonly<Record<string, string>> = {
  cmp_1: "ad_1",
  cmp_2: "ad_2",
  cmp_3: LONG_ID,
  cmp_4: "ad_3",
  cmp_5: "ad_4",
};
export const HOLDERS = ["advertiser", "colleague", "publisher", "operator", "leaver"] as const;
export type Holder = (typeof HOLDERS)[number];

export type World = {
  readonly runtime: LocalRuntime;
  readonly browser: Browser;
  readonly keys: Readonly<Record<Holder, string>>;
  readonly nowMs: number;
};

export async function startWorld(): Promise<World> {
  const nowMs = Date.now();
  let keys: Record<Holder, string> | undefined;
  const prepare = async (database: unknown) => {
    keys = await seedWorld(database as D1Database, nowMs);
    return undefined;
  };
  const [runtime, browser] = await Promise.all([startRuntime({ vars: TEST_SECRETS, prepare }), launchBrowser()]);
  if (keys === undefined) throw new Error("the world was not seeded");
  await seedStatement({ ARCHIVE: runtime.bindings.ARCHIVE as unknown as R2Bucket });
  return { runtime, browser, keys, nowMs };
}

export async function endWorld(world: World | undefined): Promise<void> {
  await world?.browser.close();
  await world?.runtime.stop();
}

async function seedWorld(database: D1Database, nowMs: number): Promise<Record<Holder, string>> {
  const today = Math.floor(nowMs / DAY_MS);
  await seedCells(database, someCells(nowMs), () => ({ hour: today * 24, day: today }));
  await seedProfiles(database, [
    { id: "adv_1", currency: "EUR", timeZone: "Europe/Berlin" },
    { id: "adv_2", currency: "JPY" },
  ]);
  const run = (sql: string, ...values: string[]) => database.prepare(sql).bind(...values);
  await database.batch([
    run("UPDATE advertiser_profiles SET name = ?1 WHERE advertiser_id = 'adv_1'", "Northwind <b>&amp;</b> Söhne"),
    run("UPDATE advertiser_profiles SET name = ?1 WHERE advertiser_id = 'adv_2'", HOSTILE_NAMES.attribute),
    run(
      "INSERT INTO publishers (publisher_id, name) VALUES ('pub_1', ?1), ('pub_2', ?2)",
      HOSTILE_NAMES.script,
      "Slow Roads",
    ),
    ...Object.entries(CAMPAIGNS).map(([id, name]) =>
      run("INSERT INTO campaigns (campaign_id, advertiser_id, name) VALUES (?1, 'adv_1', ?2)", id, name),
    ),
    ...Object.entries(ADS).map(([id, name]) =>
      run(
        "INSERT INTO ads (ad_id, campaign_id, creative_id, name, cpc_micros) VALUES (?1, 'cmp_1', 'crt_1', ?2, 420000)",
        id,
        name,
      ),
    ),
  ]);
  const scopes = ["report", "mint", "convert", "bill", "hook"];
  const keyOf = async (name: string, owner: { advertiserId?: string; publisherId?: string }) =>
    (await seedKey(database, { name, ...owner, scopes })).replace("Bearer ", "");
  return {
    advertiser: await keyOf("advertiser", { advertiserId: "adv_1" }),
    colleague: await keyOf("colleague", { advertiserId: "adv_1" }),
    leaver: await keyOf("leaver", { advertiserId: "adv_1" }),
    publisher: await keyOf("publisher", { publisherId: "pub_1" }),
    operator: TEST_SECRETS.ADMIN_API_KEY,
  };
}

/** Every hour of the last days has something of one campaign, another each hour; so has the last hour. */
function someCells(nowMs: number): Cell[] {
  const lastHour = Math.floor(nowMs / 3_600_000) - 1;
  return Array.from({ length: DAYS * 24 }, (_, ago) => {
    const hour = lastHour - ago;
    const of = <T>(values: readonly T[], step: number) => values[Math.floor(hour / step) % values.length] as T;
    const campaign = of(Object.keys(CAMPAIGNS), 1);
    const valid = 20 + ((hour * 37) % 60);
    return aCell({
      atMs: hour * 3_600_000 + (hour % 60) * 60_000,
      advertiser_id: ago % 9 === 8 ? "adv_2" : "adv_1",
      campaign_id: ago % 9 === 8 ? "cmp_f" : campaign,
      ad_id: ago % 9 === 8 ? "ad_f" : (AD_OF[campaign] ?? ""),
      publisher_id: of(["pub_1", "pub_1", "pub_2"], 1),
      country: of(["DE", "FR", "US", ""], 1),
      device: of(["mobile", "desktop", "tablet"], 1),
      counts: {
        ...{
          gross: valid + 5,
          valid,
          duplicate: 3,
          invalid: 2,
          impressions: valid * 55,
          gross_impressions: valid * 60,
        },
        ...{ conversions: hour % 4, conversion_value_micros: (hour % 4) * 31_000_000, spend_micros: valid * 420_000 },
      },
      reasons: { same_impression: 3, declared_crawler: 2 },
    });
  });
}

/** For whom a screen is looked at: the first that it is for. */
export function holderOf(path: ScreenPath): Holder {
  return SCREEN_ENTRIES[path].for[0] as Holder;
}

/** What a screen is about that is about one thing. */
const SUBJECTS: Readonly<Record<string, string>> = { "/campaign": "campaign_id=cmp_1", "/ad": "ad_id=ad_1" };

export function addressOfScreen(path: ScreenPath): string {
  const subject = SUBJECTS[path];
  return subject === undefined ? path : `${path}?${subject}`;
}

export type Visit = { readonly context: BrowserContext; readonly page: Page; readonly faults: string[] };

/** A new browser of somebody who signs in by the form. */
export async function signIn(world: World, holder: Holder, options: BrowserContextOptions = {}): Promise<Visit> {
  const visit = await visitOf(world, options);
  await visit.page.goto(`${world.runtime.url}/`);
  await enterKey(visit.page, world.keys[holder]);
  await visit.page.locator(".account").waitFor();
  return visit;
}

export async function enterKey(page: Page, key: string): Promise<void> {
  await page.locator("#key").fill(key);
  await follow(page, page.getByRole("button", { name: "Sign in" }));
}

/** Clicks what leads to another page, until that is there whole: pages are sent as they are made, head first. */
export async function follow(page: Page, link: Locator): Promise<void> {
  await Promise.all([page.waitForEvent("load"), link.click()]);
}

/** A new browser that notes whatever goes wrong in it. */
export async function visitOf({ runtime, browser }: World, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1_440, height: 1_000 }, ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("console", (message) => {
    // A status that a page is meant to have is no fault of it.
    const isStatus = message.text().startsWith("Failed to load resource: the server responded with a status of 4");
    if (message.type() === "error" && !isStatus) faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("dialog", (dialog) => {
    faults.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(runtime.url) && !request.url().startsWith("data:"))
      faults.push(`asks ${request.url()}`);
  });
  return { context, page, faults };
}

/** Nothing in a page has done anything that it was not meant to. */
export async function expectUnharmed({ page, faults }: Visit): Promise<void> {
  expect(faults).toEqual([]);
  expect(await page.evaluate(() => (globalThis as unknown as { hacked?: string }).hacked ?? null)).toBeNull();
}
