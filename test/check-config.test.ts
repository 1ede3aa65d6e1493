/** `npm run check:config`, which is a part of `npm run check`, on configurations that must not be deployed. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const TEST_MAX_MS = 60_000;
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "check-config-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Checks wrangler.toml with one line replaced. */
async function check(line: RegExp, replaced: string): Promise<{ code: number; said: string }> {
  const toml = await readFile("wrangler.toml", "utf8");
  const config = join(folder, "wrangler.toml");
  const changed = toml.replace(line, replaced);
  await writeFile(config, changed);
  return new Promise((resolve) => {
    execFile(process.execPath, ["scripts/check-config.ts", "--config", config], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), said: (stdout + stderr).trim() });
    });
  });
}

const DEMO = /^LOCAL_DEMO = .*$/m;

describe("npm run check", { timeout: TEST_MAX_MS }, () => {
  it("is a chain that asks check:config", async () => {
    const { scripts } = JSON.parse(await readFile("package.json", "utf8")) as { scripts: Record<string, string> };
    expect(scripts["check"]?.split(" && ")).toContain("npm run check:config");
    expect(scripts["check:config"]).toBe("node scripts/check-config.ts");
  });

  it("takes wrangler.toml as it is", async () => {
    const { code, said } = await check(/^$/m, "");
    expect(said).toMatch(/ are right\.$/);
    expect(code).toBe(0);
  });

  it.each([
    ['LOCAL_DEMO = "1"', /^LOCAL_DEMO must be "0" where it is deployed$/],
    ["LOCAL_DEMO = 1", /LOCAL_DEMO/],
    ["LOCAL_DEMO = true", /LOCAL_DEMO/],
    ['LOCAL_DEMO = "true"', /LOCAL_DEMO/],
    ['LOCAL_DEMO = " 1"', /LOCAL_DEMO/],
    ["", /LOCAL_DEMO/],
  ])("[fault C2] refuses %j, as wrangler.toml says", async (line, reason) => {
    const { code, said } = await check(DEMO, line);
    expect(said).toMatch(reason);
    expect(code).toBe(1);
  });
});
