import { execFile } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { CPC_MICROS_MAX, ID_LENGTH_MAX, LANDING_URL_BYTES_MAX } from "../../src/core/limits.ts";
import { REFUSAL_REASONS } from "../../src/core/refusal.ts";
import { verifyToken } from "../../src/core/token.ts";
import { PROBLEMS } from "../../src/problems/catalog.ts";
import { TEST_PRIVATE_KEYS, TEST_TOKEN_KEYS } from "../support/secrets.ts";
import { aKeyRing, POLICY } from "../support/signing.ts";
import vectors from "../vectors/tokens.json" with { type: "json" };
import { itRuns, programsOf, recipesOf } from "./recipes.ts";

const run = promisify(execFile);
const document = await readFile("docs/TOKENS.md", "utf8");

/** The text of the only code block in this language. */
function blockOf(language: string): string {
  const blocks = [...document.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))];
  expect(blocks, language).toHaveLength(1);
  return blocks[0]?.[1] ?? "";
}

/** The cells of the table rows below a heading. */
function tableOf(heading: string): string[][] {
  const section = document.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

describe("docs/TOKENS.md", () => {
  it("lists every refusal with its status and its words, in the order of core/refusal.ts", () => {
    const expected = REFUSAL_REASONS.map((reason) => {
      const { status, title, advice } = PROBLEMS[reason];
      return [reason, String(status), title, advice.replaceAll("`", "")];
    });
    expect(tableOf("Refusals")).toEqual(expected);
  });

  it("lists every claim, and every macro", () => {
    const every = vectors.valid.find(({ name }) => name === "a token with every claim");
    const claims = new Set(Object.keys(every?.claims ?? {}));
    const macros = "click_id impression_id ad_id campaign_id publisher_id ts".split(" ").map((name) => `{${name}}`);
    expect(new Set(tableOf("Claims").map(([name]) => name))).toEqual(new Set([...claims, ...macros]));
  });

  it("states the limits that core/limits.ts sets", () => {
    expect([ID_LENGTH_MAX, LANDING_URL_BYTES_MAX, CPC_MICROS_MAX]).toEqual([64, 2_048, 1_000_000_000_000]);
    for (const sentence of ["1 to 64 characters", "2 048 bytes", "from 0 to 1 000 000 000 000"]) {
      expect(document).toContain(sentence);
    }
  });

  it("shows the minimal vector", () => {
    expect(document).toContain(`\n${vectors.valid[0]?.token}\n`);
  });

  it("shows a TOKEN_KEYS that is valid", async () => {
    const keys = JSON.parse(blockOf("json"));
    const { importKeyRing } = await import("../../src/core/key-ring.ts");
    expect((await importKeyRing(keys, "2026-11")).ok).toBe(true);
  });
});

/** The private half of `ed-limited`, as `openssl genpkey` writes it, for recipes; it goes with the tests' folder. */
function writePrivateKey(folder: string): string {
  const { "ed-limited": d = "" } = TEST_PRIVATE_KEYS;
  const key = createPrivateKey({
    key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.from(d, "base64url")]),
    format: "der",
    type: "pkcs8",
  });
  const file = join(folder, "ad-server.pem");
  writeFileSync(file, key.export({ format: "pem", type: "pkcs8" }));
  return file;
}

const url = "https://shop.example/p/{campaign_id}?q=a%20b&c={click_id}#top";

/** Whether what a recipe printed says what it was told to. */
async function checkPrinted(token: string): Promise<void> {
  const nowMs = Date.now();
  const verified = await verifyToken(token, { ring: await aKeyRing(), policy: POLICY, nowMs });
  expect(verified).toMatchObject({
    ok: true,
    value: { adv: "adv_1", cmp: "cmp_7", ad: "ad_9", pub: "pub_1", url, cpc: 250_000, grp: null, dur: false },
  });
  if (!verified.ok) return;
  expect(verified.value.exp - verified.value.iat).toBe(3_600);
  expect(Math.abs(verified.value.iat * 1_000 - nowMs)).toBeLessThan(60_000);
  expect(verified.value.jti.length).toBeGreaterThanOrEqual(32);
}

const args = () => ["adv_1", "cmp_7", "ad_9", "pub_1", url, "250000"];

describe("the recipe", () => {
  const recipes = recipesOf(document.split("\n## Recipes for Ed25519\n")[0] ?? "");
  it("stands in every language that the document has one for", () => {
    const headings =
      document
        .split("\n## Recipes\n")[1]
        ?.split("\n## ")[0]
        ?.match(/^### .+$/gm) ?? [];
    expect(recipes.map(({ language }) => language)).toEqual(["js", "python", "go", "php", "sh"]);
    expect(recipes).toHaveLength(headings.length);
  });

  itRuns(recipes, "prints a token that verifies to its arguments", {
    args,
    env: { TOKEN_KEY: TEST_TOKEN_KEYS["test-2"], TOKEN_KID: "test-2" },
    check: checkPrinted,
  });
});

describe("the recipe for Ed25519", () => {
  const section = document.split("\n## Recipes for Ed25519\n")[1] ?? "";
  const recipes = recipesOf(section);
  const folder = mkdtempSync(join(tmpdir(), "recipe-key-"));
  const file = writePrivateKey(folder);
  afterAll(() => rmSync(folder, { recursive: true }));

  it("stands in each language whose own library has the algorithm", () => {
    expect(recipes.map(({ language }) => language)).toEqual(["js", "go", "sh"]);
    expect(recipes).toHaveLength(section.match(/^### .+$/gm)?.length ?? 0);
  });

  it("and the command for the public half work with a key that openssl writes", async () => {
    const [command = ""] = document.match(/^openssl pkey .+$/m) ?? [];
    expect(command).toContain("-pubout");
    const { stdout } =
      programsOf("openssl").length === 0 ? { stdout: null } : await run("sh", ["-c", command], { cwd: folder });
    expect([TEST_TOKEN_KEYS["ed-limited"].public_key, null]).toContain(stdout);
  });

  itRuns(recipes, "prints a token that verifies to its arguments, by the public key alone", {
    args,
    env: { TOKEN_KEY_FILE: file, TOKEN_KID: "ed-limited" },
    check: checkPrinted,
  });
});
