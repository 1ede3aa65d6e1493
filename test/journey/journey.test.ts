/**
 * One journey of a person in a real Chromium, on the whole system: see an ad, click, arrive, come back, and find the
 * right counts in the advertiser's report.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type LocalRuntime, startRuntime } from "../../scripts/local-runtime.ts";
import { seedDemo } from "../../scripts/seed.ts";
import { makeApiKey } from "../../src/access/api-keys.ts";
import { BROWSER } from "../support/builders.ts";
import { TEST_SECRETS } from "../support/secrets.ts";

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
/** Without a sandbox, since tests may run as root in a container; without anything that calls home. */
const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const START_MAX_MS = 60_000;
const CARRIED_MAX_MS = 20_000;

const apiKey = makeApiKey(randomBytes(32));
let runtime: LocalRuntime;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  expect(existsSync(CHROMIUM), `a Chromium at ${CHROMIUM}; CHROMIUM names another`).toBe(true);
  const vars = { ...TEST_SECRETS, LOCAL_DEMO: "1", LANDING_HTTP_HOSTS: "127.0.0.1" };
  runtime = await startRuntime({ vars });
  await seedDemo(runtime.database, apiKey, Date.now());
  browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_FLAGS });
  // A headless Chromium calls itself one, and would be counted as a declared crawler.
  context = await browser.newContext({ userAgent: BROWSER });
}, START_MAX_MS);

afterAll(async () => {
  await browser?.close();
  await runtime?.stop();
});

it("counts a person's clicks once per impression, from the ad to the report", { timeout: START_MAX_MS }, async () => {
  const page = await context.newPage();
  await page.goto(`${runtime.url}/demo`);
  const firstAd = page.locator('a.ad[data-ad="ad_9"]');
  const impression = await firstAd.locator("code").textContent();

  await firstAd.click();
  await page.waitForURL(/\/demo\/landing\?/);
  const destination = new URL(page.url());
  expect(destination.origin + destination.pathname).toBe(`${runtime.url}/demo/landing`);
  expect(destination.searchParams.get("ad")).toBe("ad_9");
  expect(destination.searchParams.get("impression")).toBe(impression);
  expect(await page.locator("#click-id").textContent()).toBe(destination.searchParams.get("click_id"));

  await page.goBack();
  await page.locator('a.ad[data-ad="ad_12"]').dblclick();
  await page.waitForURL(/ad=ad_12/);

  await page.goBack();
  expect(await firstAd.locator("code").textContent(), "Back shows the same impressions").toBe(impression);
  await firstAd.click();
  await page.waitForURL(/ad=ad_9/);

  expect(await runtime.waitUntilCarried(CARRIED_MAX_MS)).toBe(true);
  expect(await readReport()).toEqual([
    { adId: "ad_12", clicks: 1, grossClicks: 2, duplicateClicks: 1, invalidClicks: 0 },
    { adId: "ad_9", clicks: 1, grossClicks: 2, duplicateClicks: 1, invalidClicks: 0 },
  ]);

  await page.goBack();
  const validCell = page.locator('tr[data-ad="ad_9"] [data-count="valid"]');
  await expect.poll(() => validCell.textContent(), { timeout: 5_000 }).toBe("1");
});

it("makes new impressions when the page is loaded anew", { timeout: START_MAX_MS }, async () => {
  const page = await context.newPage();
  const shown = () => page.locator("a.ad code").allTextContents();
  await page.goto(`${runtime.url}/demo`);
  const before = await shown();
  await page.reload();
  const after = await shown();
  expect(new Set([...before, ...after]).size).toBe(10);
});

it("shows the demonstration to loopback hosts only", async () => {
  const answer = await runtimeAnswer("ads.example");
  expect(answer).toBe(404);
  expect(await runtimeAnswer(new URL(runtime.url).host)).toBe(200);
});

async function readReport(): Promise<unknown> {
  const today = new Date().toISOString().slice(0, 10);
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const metrics = "clicks,gross_clicks,duplicate_clicks,invalid_clicks";
  const query = `from=${yesterday}&to=${today}&group_by=ad_id&metrics=${metrics}`;
  const answer = await fetch(`${runtime.url}/v1/reports/clicks?${query}`, {
    headers: { Authorization: `Bearer ${apiKey}` },
  });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { rows: unknown }).rows;
}

/** The status of /demo when the request names another host. */
async function runtimeAnswer(host: string): Promise<number | undefined> {
  const { get } = await import("node:http");
  return new Promise((resolve, reject) => {
    get(`${runtime.url}/demo`, { headers: { Host: host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on("error", reject);
  });
}
