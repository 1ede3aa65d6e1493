/**
 * `npm run pictures`: pictures of every screen, at three widths and in both colour schemes, over the demonstration's
 * history; a person looks at them before a screen is called done.
 *
 *   npm run pictures -- [--to pictures] [--only explore]      →  pictures/explore-advertiser-1440-dark.png, …
 *
 * Keeps: the folder is one that git ignores. Relies on: a Chromium (test/journey/browser.ts).
 */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { makeApiKey } from "../src/access/api-keys.ts";
import { SCREEN_ENTRIES, SCREEN_PATHS, type ScreenEntry, type ViewerKind } from "../src/dashboard/navigation.ts";
import { launchBrowser } from "../test/journey/browser.ts";
import { readDevVars } from "./dev-vars.ts";
import { prepareDemo } from "./history.ts";
import { DEMO_ENTRY, type LocalRuntime, startRuntime } from "./local-runtime.ts";
import { parseOptions } from "./options.ts";

const WIDTHS = [360, 768, 1_440];
const SCHEMES = ["light", "dark"] as const;
const KINDS: readonly ViewerKind[] = ["advertiser", "publisher", "operator"];
const SUBJECTS: Readonly<Record<string, string>> = { "/campaign": "?campaign_id=cmp_7", "/ad": "?ad_id=ad_9" };
const SLOW_MS = 120_000;

async function main(): Promise<void> {
  const options = { to: { type: "string" }, only: { type: "string" } } as const;
  const { values } = parseOptions({ options, strict: true, allowPositionals: false });
  const [folder, only] = [values.to ?? "pictures", values.only ?? ""];
  await mkdir(folder, { recursive: true });
  const statePath = await mkdtemp(join(tmpdir(), "clickledger-pictures-"));
  const runtime = await startDemo(statePath);
  const browser = await launchBrowser();
  try {
    for (const kind of KINDS) await pictureScreens(browser, runtime, { kind, folder, only });
  } finally {
    await browser.close();
    await runtime.stop();
    await rm(statePath, { recursive: true, force: true });
  }
}

/** The demonstration in a new folder, as `npm start` has it. */
async function startDemo(statePath: string): Promise<LocalRuntime> {
  const { vars } = await readDevVars();
  const aKey = () => makeApiKey(randomBytes(32));
  const keys = { advertiserKey: aKey(), publisherKey: aKey() };
  const prepare = (database: Parameters<typeof prepareDemo>[0]) =>
    prepareDemo(database, { statePath, keys, isEmpty: false, nowMs: Date.now() });
  return startRuntime({ statePath, vars, prepare, entry: DEMO_ENTRY });
}

type Pictured = { readonly kind: ViewerKind; readonly folder: string; readonly only: string };

async function pictureScreens(
  browser: Browser,
  { url }: LocalRuntime,
  { kind, folder, only }: Pictured,
): Promise<void> {
  const context = await browser.newContext({ locale: "en-GB", reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(SLOW_MS);
  await page.goto(`${url}/demo/sign-in`);
  await page.locator(`button[value=${kind}]`).click();
  await page.locator(".account").waitFor();
  for (const path of SCREEN_PATHS) {
    if (!path.includes(only) || !(SCREEN_ENTRIES[path] as ScreenEntry).for.includes(kind)) continue;
    await page.goto(`${url}${path}${SUBJECTS[path] ?? ""}`);
    await picture(page, join(folder, `${path === "/" ? "overview" : path.slice(1)}-${kind}`));
  }
  await context.close();
}

async function picture(page: Page, name: string): Promise<void> {
  for (const width of WIDTHS) {
    for (const colorScheme of SCHEMES) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      const path = `${name}-${width}-${colorScheme}.png`;
      await page.screenshot({ path, fullPage: true });
      console.log(path);
    }
  }
}

if (import.meta.main) await main();
