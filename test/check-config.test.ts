/** `npm run check:config`, which is a part of `npm run check`, on configurations that must not be deployed. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const TEST_MAX_MS = 240_000;
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "check-config-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Checks wrangler.toml with one line replaced. */
async function check(
  line: RegExp,
  replaced: string,
  [part, with_]: readonly [string, string] = ["", ""],
): Promise<{ code: number; said: string }> {
  const toml = await readFile("wrangler.toml", "utf8");
  const config = join(folder, "wrangler.toml");
  const changed = toml.replace(line, replaced).replace(part, with_);
  await writeFile(config, changed);
  return new Promise((resolve) => {
    execFile(process.execPath, ["scripts/check-config.ts", "--config", config], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), said: (stdout + stderr).trim() });
    });
  });
}

const PARAM = /^CLICK_ID_PARAM = .*$/m;

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
    ['JURISDICTION = "mars"', "", /JURISDICTION must be eu, or empty/],
    ['JURISDICTION = ""', 'jurisdiction = "eu"', /^ARCHIVE names jurisdiction eu, and JURISDICTION no jurisdiction/],
    ['JURISDICTION = "eu"', 'jurisdiction = "us"', /^ARCHIVE names jurisdiction us, and JURISDICTION jurisdiction eu/],
  ])("refuses %s with %j at the bucket", async (setting, atBucket, reason) => {
    const bucket = 'bucket_name = "clickledger-archive"';
    const { code, said } = await check(/^JURISDICTION = .*$/m, setting, [bucket, `${bucket}\n${atBucket}`]);
    expect(said).toMatch(reason);
    expect(code).toBe(1);
  });

  it("takes where logs and traces go as docs/OPERATIONS.md has it, and refuses a key that wrangler does not know", async () => {
    const operations = await readFile("docs/OPERATIONS.md", "utf8");
    const [, exported = ""] = /```toml\n(\[observability\.logs\][^`]*)```/.exec(operations) ?? [];
    expect(exported).toContain("destinations");
    const own = /^\[observability\.logs\][\s\S]*?(?=^\[limits\])/m;
    expect((await check(own, `${exported}\n`)).said).toMatch(/ are right\.$/);
    const misspelt = exported.replace("destinations", "destination");
    const { code, said } = await check(own, `${misspelt}\n`);
    expect(said).toBe('Unexpected fields found in observability field: "destination"');
    expect(code).toBe(1);
  });

  it("takes a jurisdiction that is named once, or at a binding too", async () => {
    const bucket = 'bucket_name = "clickledger-archive"';
    for (const more of ["", 'jurisdiction = "eu"']) {
      const { said } = await check(/^JURISDICTION = .*$/m, 'JURISDICTION = "eu"', [bucket, `${bucket}\n${more}`]);
      expect(said).toMatch(/ are right\.$/);
    }
  });

  it.each([
    ['CLICK_ID_PARAM = "click_id"\nLOCAL_DEMO = "1"', /^LOCAL_DEMO is no setting of this Worker$/],
    ['CLICK_ID_PARAM = "click_id"\nLOCAL_DEMO = 1', /^LOCAL_DEMO is no setting/],
    ['CLICK_ID_PARAM = "click_id"\nclick_id_param = "x"', /^click_id_param is no setting/],
    ['CLICK_ID_PARM = "click_id"', /CLICK_ID_PARAM is missing/],
    ['CLICK_ID_PARAM = "a b&c"', /CLICK_ID_PARAM must be/],
    ["", /CLICK_ID_PARAM is missing/],
  ])("[fault C2] refuses %j, by name", async (line, reason) => {
    const { code, said } = await check(PARAM, line);
    expect(said).toMatch(reason);
    expect(code).toBe(1);
  });
});
