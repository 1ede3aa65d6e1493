/**
 * One journey of a person in a real Chromium, on the whole system: see an ad, click, arrive, come back, buy, and find the
 * right counts in the advertiser's report.
 */
import { randomBytes } from "node:crypto";
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { DEMO_ENTRY, type LocalRuntime, startRuntime } from "../../scripts/local-runtime.ts";
import { seedDemo } from "../../scripts/seed.ts";
import { makeApiKey } from "../../src/access/api-keys.ts";
import { BROWSER } from "../support/builders.ts";
import { TEST_SECRETS } from "../support/secrets.ts";
import { launchBrowser } from "./browser.ts";

const START_MAX_MS = 240_000;
const CARRIED_MAX_MS = 60_000;
/** Orders are posted so often (SUBMISSION_FLUSH_INTERVAL_MS), and a moment longer. */
const SUBMISSION_FLUSH_MS = 6_000;

const apiKey = makeApiKey(randomBytes(32));
let runtime: LocalRuntime;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  const vars = { ...TEST_SECRETS, LANDING_HTTP_HOSTS: "127.0.0.1" };
  runtime = await startRuntime({ vars, entry: DEMO_ENTRY });
  await seedDemo(runtime.database, { advertiserKey: apiKey, nowMs: Date.now() });
  browser = await launchBrowser();
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
  // The way back may ask for the pixels again: the impressions stay the same.
  expect(await readReport("impressions,clicks,gross_clicks,duplicate_clicks,invalid_clicks")).toEqual([
    { adId: "ad_10", impressions: 1, clicks: 0, grossClicks: 0, duplicateClicks: 0, invalidClicks: 0 },
    { adId: "ad_11", impressions: 1, clicks: 0, grossClicks: 0, duplicateClicks: 0, invalidClicks: 0 },
    { adId: "ad_12", impressions: 1, clicks: 1, grossClicks: 2, duplicateClicks: 1, invalidClicks: 0 },
    { adId: "ad_13", impressions: 1, clicks: 0, grossClicks: 0, duplicateClicks: 0, invalidClicks: 0 },
    { adId: "ad_9", impressions: 1, clicks: 1, grossClicks: 2, duplicateClicks: 1, invalidClicks: 0 },
  ]);

  await page.goBack();
  const cell = (count: string) => page.locator(`tr[data-ad="ad_9"] [data-count="${count}"]`).textContent();
  await expect.poll(() => cell("valid")).toBe("1");
  expect(await Promise.all(["impressions", "duplicate", "ctr", "spend"].map(cell))).toEqual([
    "1",
    "1",
    "100.0 %",
    "€0.42",
  ]);
});

it("counts a purchase once, however often its thank-you page is loaded", { timeout: START_MAX_MS }, async () => {
  const page = await context.newPage();
  await page.goto(`${runtime.url}/demo`);
  await page.locator('a.ad[data-ad="ad_13"]').click();
  await page.waitForURL(/\/demo\/landing\?/);
  const clickId = new URL(page.url()).searchParams.get("click_id");
  await page.getByRole("button", { name: "Buy for €180.50" }).click();
  await page.waitForURL(/\/demo\/thanks\?/);
  const pixel = page.locator("#conversion");
  const isLoaded = () => pixel.evaluate((image) => (image as HTMLImageElement).naturalWidth === 1);
  await expect.poll(isLoaded).toBe(true);
  const reported = new URL((await pixel.getAttribute("src")) ?? "", runtime.url).searchParams;
  expect(reported.get("click_id")).toBe(clickId);
  expect(reported.get("order_id")).toBe(await page.locator("#order-id").textContent());

  await page.reload();
  await expect.poll(isLoaded).toBe(true);
  // The same order with another value, and no valid signature: a pixel all the same, and nothing counted.
  reported.set("value_micros", "999000000");
  expect((await fetch(`${runtime.url}/v1/conversions?${reported}`)).headers.get("Content-Type")).toBe("image/gif");

  const metrics = "conversions,conversion_value_micros";
  const counted = [{ adId: "ad_13", conversions: 1, conversionValueMicros: 180_500_000 }];
  await expect.poll(() => readReport(metrics), { timeout: CARRIED_MAX_MS, interval: 250 }).toEqual(counted);
  const cell = page.locator('tr[data-ad="ad_13"] [data-count="conversions"]');
  await expect.poll(() => cell.textContent()).toBe("1");
  await new Promise((resolve) => setTimeout(resolve, SUBMISSION_FLUSH_MS));
  expect(await readReport(metrics), "later postings add nothing").toEqual(counted);
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

async function readReport(metrics: string): Promise<unknown> {
  const today = new Date().toISOString().slice(0, 10);
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
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
