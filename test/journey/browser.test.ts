/** The tests bring their browser along: nothing but `npm ci` has to be done on a machine that has none. */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { candidates, launchBrowser } from "./browser.ts";

const START_MAX_MS = 240_000;
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "browsers-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A program of this name that ends at once, as the stub of a snap does. */
async function stub(name: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, "#!/bin/sh\necho 'requires the snap to be installed' >&2\nexit 1\n");
  await chmod(path, 0o755);
  return path;
}

const namesOf = (environment: Record<string, string>) => candidates(environment).map(({ name }) => name);

describe("the browser of the tests", () => {
  it("is the one that CHROMIUM names, then an installed one, then the package's", async () => {
    const chrome = await stub("google-chrome");
    const chromium = await stub("chromium");
    const PATH = `/no/such/folder::${folder}`;
    expect(namesOf({ CHROMIUM: "/opt/mine", PATH })).toEqual(["/opt/mine"]);
    expect(namesOf({ PATH })).toEqual([chromium, chrome, "Google Chrome", "@sparticuz/chromium"]);
    expect(namesOf({ CHROMIUM: "" })).toEqual(["Google Chrome", "@sparticuz/chromium"]);
  });

  it("is never another than the one that CHROMIUM names, which is named when it is not there", async () => {
    const launched = launchBrowser({ CHROMIUM: join(folder, "none"), PATH: process.env["PATH"] ?? "" });
    await expect(launched).rejects.toThrow(`no Chromium starts; CHROMIUM=/path/to/one names one\n${folder}/none: `);
  });

  const isShipped = process.platform === "linux" && process.arch === "x64";
  it.runIf(isShipped)("comes with npm ci where none starts, and lays out text", { timeout: START_MAX_MS }, async () => {
    await stub("chromium");
    const server = createServer((_, response) => response.end("<title>a page</title><a href=/next>next</a>"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const browser = await launchBrowser({ PATH: folder });
    try {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      // A link without a font has no size, and Playwright waits for ever until it can be clicked.
      await page.getByRole("link", { name: "next" }).click();
      await page.waitForURL(/\/next$/);
      expect(await page.title()).toBe("a page");
    } finally {
      await browser.close();
      server.close();
    }
  });
});
