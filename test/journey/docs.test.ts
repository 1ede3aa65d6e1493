/** `/docs` in a real Chromium: it shows every operation, opens by keyboard, and speaks with nobody but this Worker. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type LocalRuntime, startRuntime } from "../../scripts/local-runtime.ts";
import { TEST_SECRETS } from "../support/secrets.ts";
import { launchBrowser } from "./browser.ts";

const START_MAX_MS = 240_000;

let runtime: LocalRuntime;
let browser: Browser;

beforeAll(async () => {
  runtime = await startRuntime({ vars: TEST_SECRETS });
  browser = await launchBrowser();
}, START_MAX_MS);

afterAll(async () => {
  await browser?.close();
  await runtime?.stop();
});

const FOCUSABLE = "a[href], button, input, select, summary, [tabindex='0']";

it("[fault C6] shows every operation, light and dark, from a phone to a desk", { timeout: START_MAX_MS }, async () => {
  const requested: string[] = [];
  const faults: string[] = [];
  const document = (await (await fetch(`${runtime.url}/openapi.json`)).json()) as { paths: Record<string, object> };
  const count = Object.values(document.paths).flatMap((path) => Object.keys(path)).length;
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [360, 1_280]) {
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
      const page = await context.newPage();
      page.on("request", (request) => requested.push(request.url()));
      page.on("console", (message) => {
        if (message.type() === "error") faults.push(message.text());
      });
      page.on("pageerror", (error) => faults.push(String(error)));
      await page.goto(`${runtime.url}/docs`);
      expect(await page.locator(".operations li").count()).toBe(count);
      await page.locator('a[href="/docs/keys"]').first().click();
      const operation = page.locator("#createKey");
      expect(await operation.locator("h2").textContent()).toBe("Create an API key");
      // What is long is folded, and opens by keyboard.
      const problems = operation.locator("details.problems");
      await problems.locator("summary").first().press("Enter");
      expect(await problems.locator('a[href="/problems/unknown-parent"]').isVisible()).toBe(true);
      const { over, stops } = await page.evaluate((focusable) => {
        const { scrollWidth, clientWidth } = window.document.documentElement;
        const shown = [...window.document.querySelectorAll(focusable)].filter((one) => one.checkVisibility());
        return { over: scrollWidth - clientWidth, stops: shown.length };
      }, FOCUSABLE);
      expect(over, `${width} px`).toBe(0);
      expect(stops).toBeLessThan(100);
      await context.close();
    }
  }
  expect(requested.filter((url) => !url.startsWith(runtime.url) && !url.startsWith("data:"))).toEqual([]);
  expect(faults, "nothing was refused by the content security policy").toEqual([]);
});
