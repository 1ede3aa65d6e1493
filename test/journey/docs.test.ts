/** `/docs` in a real Chromium: it shows every operation, tries one out, and speaks with nobody but this Worker. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type LocalRuntime, startRuntime } from "../../scripts/local-runtime.ts";
import { TEST_SECRETS } from "../support/secrets.ts";
import { launchBrowser } from "./browser.ts";

const START_MAX_MS = 60_000;

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

it("shows the operations and tries one out, from its own origin alone", { timeout: START_MAX_MS }, async () => {
  const page = await (await browser.newContext({ viewport: { width: 1_280, height: 1_000 } })).newPage();
  const requested: string[] = [];
  const faults: string[] = [];
  page.on("request", (request) => requested.push(request.url()));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(`${runtime.url}/docs`);
  const document = (await (await fetch(`${runtime.url}/openapi.json`)).json()) as { paths: Record<string, object> };
  const count = Object.values(document.paths).flatMap((path) => Object.keys(path)).length;
  await expect.poll(() => page.locator(".opblock").count()).toBe(count);

  const methodology = page.locator("#operations-About-getMethodology");
  await methodology.locator(".opblock-summary").click();
  await methodology.getByRole("button", { name: "Try it out" }).click();
  await methodology.getByRole("button", { name: "Execute" }).click();
  const status = methodology.locator(".live-responses-table .response-col_status").last();
  await expect.poll(() => status.textContent()).toContain("200");
  const screenshot = process.env["DOCS_SCREENSHOT"];
  if (screenshot !== undefined) await page.screenshot({ path: screenshot });

  const foreign = requested.filter((url) => !url.startsWith(runtime.url) && !url.startsWith("data:"));
  expect(foreign).toEqual([]);
  expect(requested).toContain(`${runtime.url}/openapi.json`);
  expect(faults, "nothing was refused by the content security policy").toEqual([]);
});
