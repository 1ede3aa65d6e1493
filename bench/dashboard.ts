/**
 * `npm run bench:dashboard`: what each screen weighs, how soon the chart of 90 days is painted, and what axe finds.
 *
 *   npm run bench:dashboard -- [--small] [--advertisers 40] [--save FILE]
 *
 *   facts of bench:report ─▶ workerd ─▶ Chromium, its CPU slowed four times ─▶ each screen: bytes, axe; overview: paints
 *
 * Keeps: a time begins with the first byte of the page, as the browser has it, and ends with the frame that follows the
 * chart. The page is sent piece by piece, so the chart waits for its report in the same workerd; the first paint does not.
 * Relies on: one advertiser, the largest, whose report is asked of D1 on disk. 1 000 advertisers are the whole data set.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { type LocalRuntime, startRuntime } from "../scripts/local-runtime.ts";
import { hashApiKey, makeApiKey } from "../src/access/api-keys.ts";
import { SCREEN_ENTRIES, SCREEN_PATHS, type ScreenEntry } from "../src/dashboard/navigation.ts";
import { axeFindings } from "../test/journey/accessibility.ts";
import { launchBrowser } from "../test/journey/browser.ts";
import { BENCH_SECRETS } from "./clicks.ts";
import { describeMachine } from "./machine.ts";
import { buildFacts } from "./report/build.ts";
import { dateOf, makeCalendar } from "./report/calendar.ts";
import { makeCatalog } from "./report/catalog.ts";
import { medianOf } from "./results.ts";

export const DASHBOARD_SIZES = {
  full: {
    advertisers: 1_000,
    adsEach: 2,
    activeShare: 0.475,
    days: 730,
    minuteDays: 31,
    screens: Infinity,
    rounds: 15,
  },
  small: { advertisers: 2, adsEach: 2, activeShare: 0.02, days: 100, minuteDays: 1, screens: 2, rounds: 2 },
} as const;
export type DashboardSize = { readonly [Name in keyof (typeof DASHBOARD_SIZES)["full"]]: number };

export type ScreenWeight = {
  readonly path: string;
  readonly scriptBytes: number;
  readonly styleBytes: number;
  readonly pageBytes: number;
  /** Reports that the page asked for. */
  readonly reports: number;
  readonly findings: readonly string[];
};
export type Paints = { readonly first: readonly number[]; readonly chart: readonly number[] };
export type DashboardBench = {
  readonly screens: readonly ScreenWeight[];
  readonly paints: Paints;
  readonly rows: number;
};

const SEED = 20_261_101;
/** Tells what its pages have asked for. */
const ENTRY = "bench/workers/asked-worker.ts";
const ADVERTISER = "adv_0000";
const SLOWED = 4;
const CHARTED_DAYS = 90;
const SUBJECTS: Readonly<Record<string, string>> = { "/campaign": "campaign_id", "/ad": "ad_id" };

export async function measureDashboard(size: DashboardSize): Promise<DashboardBench> {
  const statePath = await mkdtemp(join(tmpdir(), "clickledger-bench-dashboard-"));
  let browser: Browser | undefined;
  try {
    const { advertisers, adsEach, activeShare, screens: most, ...span } = size;
    const calendar = makeCalendar(span);
    const catalog = makeCatalog({ advertisers, ads: advertisers * adsEach, activeShare }, SEED);
    const { rows } = await buildFacts(statePath, catalog, { calendar, seed: SEED });
    const runtime = await startRuntime({ statePath, vars: BENCH_SECRETS, hasConsumers: false, entry: ENTRY });
    try {
      browser = await launchBrowser();
      const period = `from=${dateOf(calendar.toDay - CHARTED_DAYS)}&to=${dateOf(calendar.toDay - 1)}`;
      const operator = await enter(browser, runtime, await keyOf(runtime, null));
      const screens = await weighScreens(operator, runtime, { period, most });
      const page = await enter(browser, runtime, await keyOf(runtime, ADVERTISER));
      const paints = await timePaints(page, `${runtime.url}/?${period}`, size.rounds);
      return { screens, paints, rows: rows.day };
    } finally {
      await browser?.close();
      await runtime.stop();
    }
  } finally {
    await rm(statePath, { recursive: true, force: true });
  }
}

/** A page whose browser has signed in by the form. */
async function enter(browser: Browser, { url }: LocalRuntime, key: string): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1_440, height: 1_000 } })).newPage();
  page.setDefaultTimeout(120_000);
  await page.goto(`${url}/`);
  await page.locator("#key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator(".account").waitFor();
  return page;
}

/** Every screen that the operator sees, which are all but those of tenants alone; what it weighs and what axe says. */
async function weighScreens(
  page: Page,
  { url, database }: LocalRuntime,
  { period, most }: { period: string; most: number },
): Promise<ScreenWeight[]> {
  const subject = await database
    .prepare("SELECT campaign_id, ad_id FROM facts_day LIMIT 1")
    .first<Record<string, string>>();
  const found: ScreenWeight[] = [];
  for (const path of SCREEN_PATHS.slice(0, most)) {
    if (!(SCREEN_ENTRIES[path] as ScreenEntry).for.includes("operator")) continue;
    const named = SUBJECTS[path];
    const about = named === undefined ? period : `${period}&${named}=${subject?.[named] ?? ""}`;
    found.push({ path, ...(await weighScreen(page, `${url}${path}?${about}`)) });
  }
  const day = /to=([\d-]+)/.exec(period)?.[1] ?? "";
  const hour = `${url}/?from=${day}&to=${day}&granularity=minute&at=12:00`;
  found.push({ path: "/ (an hour, its day opened)", ...(await weighScreen(page, hour, openDay)) });
  return found;
}

async function weighScreen(
  page: Page,
  address: string,
  open: (page: Page) => Promise<string[]> = async () => [],
): Promise<Omit<ScreenWeight, "path">> {
  const { request } = page.context();
  const askedAt = new URL("/bench/asked", address).href;
  await request.get(askedAt);
  await page.emulateMedia({ colorScheme: "light" });
  const answer = await page.goto(address);
  if (answer?.status() !== 200) throw new Error(`${address} was answered ${answer?.status()}`);
  const opened = await open(page);
  const reports = Number(await (await request.get(askedAt)).text());
  const linked = await page.evaluate(() => ({
    scripts: Array.from(document.querySelectorAll<HTMLScriptElement>("script[src]"), ({ src }) => src),
    styles: Array.from(document.querySelectorAll<HTMLLinkElement>("link[rel=stylesheet]"), ({ href }) => href),
  }));
  const weights = {
    scriptBytes: await weigh(page, [...linked.scripts, ...opened]),
    styleBytes: await weigh(page, linked.styles),
    pageBytes: await weigh(page, [page.url()]),
    reports,
  };
  const light = await axeFindings(page);
  await page.emulateMedia({ colorScheme: "dark" });
  return { ...weights, findings: [...light, ...(await axeFindings(page))] };
}

/** Opens the minute explorer; the scripts that it loads for that. */
async function openDay(page: Page): Promise<string[]> {
  const button = page.locator("[data-opens]");
  const script = (await button.getAttribute("data-opens")) ?? "";
  await button.click();
  await page.locator(".uplot canvas").waitFor();
  return [new URL(script, page.url()).href];
}

/** Compressed bytes of what stands at addresses. */
async function weigh(page: Page, addresses: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const address of addresses) bytes += gzipSync(await (await page.context().request.get(address)).body()).length;
  return bytes;
}

/** From the first byte to the first paint, and to the frame after the chart, in ms. */
async function timePaints(page: Page, address: string, rounds: number): Promise<Paints> {
  await page.addInitScript(() => {
    const noted = globalThis as unknown as { chartAt?: number };
    const watch = new MutationObserver(() => {
      if (document.querySelector(".chart .ticks") === null) return;
      watch.disconnect();
      requestAnimationFrame(() => setTimeout(() => (noted.chartAt = performance.now())));
    });
    watch.observe(document, { childList: true, subtree: true });
  });
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: SLOWED });
  const paints = { first: [] as number[], chart: [] as number[] };
  // One more, whose report and scripts are cold.
  for (let round = 0; round <= rounds; round++) {
    await page.goto(address);
    const noted = await page.waitForFunction(() => (globalThis as unknown as { chartAt?: number }).chartAt);
    const chartAt = (await noted.jsonValue()) ?? Number.NaN;
    const [firstByte, firstPaint] = await page.evaluate(() => [
      (performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming).responseStart,
      performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
    ]);
    if (round === 0) continue;
    paints.first.push((firstPaint ?? Number.NaN) - (firstByte ?? Number.NaN));
    paints.chart.push(chartAt - (firstByte ?? Number.NaN));
  }
  return paints;
}

const INSERT_KEY = `INSERT INTO api_keys (key_hash, key_id, advertiser_id, scopes, created_at_ms)
  VALUES (?1, ?2, ?3, ?4, 0)`;

/** A key of the advertiser, or one of the operator. */
async function keyOf({ database }: LocalRuntime, advertiserId: string | null): Promise<string> {
  const key = makeApiKey(crypto.getRandomValues(new Uint8Array(32)));
  const scopes = advertiserId === null ? '["admin"]' : '["report"]';
  const values = [hashApiKey(key), `bench_${advertiserId ?? "operator"}`, advertiserId, scopes];
  await database
    .prepare(INSERT_KEY)
    .bind(...values)
    .run();
  return key;
}

export function toDashboardPage(bench: DashboardBench, size: DashboardSize, machine: readonly string[]): string {
  const { screens, paints, rows } = bench;
  const kilobytes = (bytes: number) => (bytes / 1_000).toFixed(1);
  const paint = (what: string, all: readonly number[], expected: string) =>
    `| ${what} | ${medianOf(all).toFixed(0)} | ${Math.max(...all).toFixed(0)} | ${expected} |`;
  return [
    "# What the dashboard weighs, and when it is seen",
    "",
    ...machine.map((line) => `- ${line}`),
    `- parameters: ${JSON.stringify(size)}, ${rows} rows of days`,
    "",
    "kB are compressed by gzip. The minute explorer is loaded when it is opened, and reads its day as a fifth report then; with it",
    "scripts may take 45 kB.",
    "",
    "| screen | script, kB (≤ 15) | style, kB (≤ 20) | page, kB | reports asked (≤ 4) | axe findings, light and dark |",
    "|---|---|---|---|---|---|",
    ...screens.map(({ path, scriptBytes, styleBytes, pageBytes, reports, findings }) => {
      const sizes = [scriptBytes, styleBytes, pageBytes].map(kilobytes).join(" | ");
      return `| \`${path}\` | ${sizes} | ${reports} | ${findings.length} |`;
    }),
    "",
    `Overview of ${CHARTED_DAYS} days by day, one advertiser, CPU of the browser slowed ${SLOWED} ×, in ms from the first byte:`,
    "",
    "| | median | longest | expected |",
    "|---|---|---|---|",
    paint("first paint", paints.first, "≤ 300"),
    paint("the chart, its report included", paints.chart, ""),
    "",
    "Raw rounds:",
    "",
    "```",
    ...Object.entries(paints).map(([name, all]) => `${name.padEnd(6)} ${all.map((ms) => ms.toFixed(0)).join("  ")}`),
    "```",
    "",
  ].join("\n");
}

async function main(): Promise<void> {
  const options = { small: { type: "boolean" }, advertisers: { type: "string" }, save: { type: "string" } } as const;
  const { values } = parseArgs({ options, strict: true, allowPositionals: false });
  const advertisers = Number(values.advertisers ?? DASHBOARD_SIZES.full.advertisers);
  const size = values.small ? DASHBOARD_SIZES.small : { ...DASHBOARD_SIZES.full, advertisers };
  const words = process.argv.slice(2).join(" ");
  const machine = () => describeMachine(`npm run bench:dashboard${words === "" ? "" : ` -- ${words}`}`);
  const text = toDashboardPage(await measureDashboard(size), size, machine());
  console.log(text);
  if (values.save !== undefined) await writeFile(values.save, text);
}

if (import.meta.main) {
  main().catch((cause: unknown) => {
    console.error(cause);
    process.exit(1);
  });
}
