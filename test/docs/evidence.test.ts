/**
 * The commands of docs/EVIDENCE.md, run as they stand there over a statement that is right, and over one that is not.
 * `duckdb` is DuckDB's own engine behind its command line's few options; `npx clickledger-verify` is the verifier.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ReceiptWorld } from "../verify/receipt-world.ts";
import { makeWorld, WORLD_SECRET, type WorldOptions } from "../verify/world.ts";

const DOCUMENT = readFileSync("docs/EVIDENCE.md", "utf8");
const blocksOf = (text: string) => [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = ""]) => block);
const [BEFORE = "", BY_HAND = ""] = DOCUMENT.split("\n## By hand\n");
/** What checks by hand what was downloaded. */
const BLOCKS = blocksOf(BY_HAND);
const RECEIPT = blocksOf(BEFORE)[1] ?? "";

/** `duckdb -noheader -list`: runs what it reads, and prints rows with their values behind bars. */
const DUCKDB = `
import { readFileSync } from "node:fs";
import { DuckDBInstance } from ${JSON.stringify(import.meta.resolve("@duckdb/node-api"))};
const connection = await (await DuckDBInstance.create(":memory:")).connect();
const extracted = await connection.extractStatements(readFileSync(0, "utf8"));
for (let at = 0; at < extracted.count; at++) {
  const reader = await (await extracted.prepare(at)).runAndReadAll();
  if (reader.columnNames().join() === "Count") continue;
  for (const row of reader.getRows()) console.log(row.join("|"));
}
`;

let home = "";
let bin = "";
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "clickledger-evidence-"));
  bin = join(home, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "duckdb.mjs"), DUCKDB);
  writeFileSync(join(bin, "duckdb"), `#!/bin/sh\nexec "${process.execPath}" "${bin}/duckdb.mjs"\n`);
  const cli = resolve("packages/verify/src/cli.js");
  const secret = `--secret=${WORLD_SECRET.toString("base64url")}`;
  writeFileSync(
    join(bin, "npx"),
    `#!/bin/sh\nwhile [ "$1" != clickledger-verify ]; do shift; done\nshift\nexec "${process.execPath}" "${cli}" "$@" ${secret}\n`,
  );
  for (const name of ["duckdb", "npx"]) chmodSync(join(bin, name), 0o755);
  await download("clickledger-evidence", {});
});

async function download(folder: string, options: WorldOptions): Promise<void> {
  const { r2 } = await makeWorld(options);
  for (const [key, { bytes }] of r2.objects) {
    const path = join(home, folder, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}

afterAll(() => rmSync(home, { recursive: true }));

function run(blocks: readonly string[]): string {
  const script = ["set -e", ...blocks].join("\n");
  const env = { PATH: `${bin}${delimiter}${process.env["PATH"]}` };
  return execFileSync("sh", ["-c", script], { cwd: home, env, encoding: "utf8", stdio: "pipe" });
}

it("name the tarball that `npm pack` makes, as the pages do", () => {
  const { version } = JSON.parse(readFileSync("packages/verify/package.json", "utf8")) as { version: string };
  for (const path of [
    "docs/EVIDENCE.md",
    "README.md",
    "packages/verify/README.md",
    "src/dashboard/verify-command.tsx",
    "scripts/demo/left.ts",
  ]) {
    const named = readFileSync(path, "utf8").match(/clickledger-verify-[\w.]+\.tgz/g) ?? [];
    expect(new Set(named), path).toEqual(new Set([`clickledger-verify-${version}.tgz`]));
  }
});

it("shows nothing that differs where nothing does", () => {
  expect(BLOCKS).toHaveLength(4);
  expect(run(BLOCKS)).toBe("");
  const computed = readFileSync(join(home, "clickledger-evidence/computed"), "utf8");
  expect(computed.trim().split("\n").length).toBeGreaterThan(2);
});

it("shows an object, a line and a statement that were changed", () => {
  const [sums = "", chains = "", lines = ""] = BLOCKS;
  const at = (pattern: RegExp) => {
    const named = readFileSync(join(home, "clickledger-evidence/SUMS"), "utf8").split("\n");
    return join(home, "clickledger-evidence", named.find((line) => pattern.test(line))?.split("  ")[1] ?? "");
  };
  const rows = at(/dt=2026-03-30\/rows-/);
  const bytes = readFileSync(rows);
  writeFileSync(rows, Buffer.concat([bytes.subarray(0, 20), Buffer.from([(bytes[20] ?? 0) ^ 1]), bytes.subarray(21)]));
  expect(() => run([sums])).toThrow(/did NOT match/);
  writeFileSync(rows, bytes);
  const statement = join(home, "clickledger-evidence/statements/v1/adv=adv_world/000002.json");
  const said = readFileSync(statement, "utf8");
  writeFileSync(
    statement,
    said.replace(/("lines":.*?"gross":)(\d+)/, (_, head, gross) => `${head}${Number(gross) + 1}`),
  );
  expect(() => run(["cd clickledger-evidence", lines])).toThrow();
  writeFileSync(statement, said);
  const first = join(dirname(statement), "000001.json");
  const billed = readFileSync(first, "utf8");
  writeFileSync(first, billed.replace("EUR", "USD"));
  expect(run(["cd clickledger-evidence", chains])).toBe("statement|2\n");
  writeFileSync(first, billed);
});

it("shows a price that the token does not say, and an impression that is billed twice", async () => {
  await download("lies", {
    edit: (lines, day) => {
      const [first, second, ...others] = lines.filter(({ verdict }) => verdict === "valid");
      if (day !== 2 || first === undefined || second === undefined) return lines;
      const again = { ...first, event: `0z${first.event.slice(2)}` as never, minute: second.minute };
      const dear = { ...second, priceMicros: second.priceMicros + 1 };
      return [first, dear, again, ...others].sort((a, b) => a.minute - b.minute || (a.event < b.event ? -1 : 1));
    },
  });
  const found = run(["cd lies", BLOCKS[3] ?? ""]).split("\n");
  expect(found).toEqual([expect.stringMatching(/^token\|/), expect.stringMatching(/^impression\|[0-9a-f]{32}$/), ""]);
});

it("takes a receipt and verifies it, and finds one that was forged", async () => {
  const world = await ReceiptWorld.make([[4, 9]]);
  const receipt = await world.receipt(5);
  const served = join(home, "served.json");
  writeFileSync(join(bin, "curl"), `#!/bin/sh\nexec cat ${served}\n`);
  chmodSync(join(bin, "curl"), 0o755);
  const command = RECEIPT.replace("'…'", `'${world.vkey}'`);
  expect(command).toContain("/receipt");
  writeFileSync(served, JSON.stringify(receipt));
  expect(run([command])).toMatch(/^VERIFIED: click /);
  writeFileSync(served, JSON.stringify({ ...receipt, line: receipt.line.replace('"valid"', '"late"') }));
  expect(() => run([command])).toThrow(/NOT VERIFIED: line, nonce, line_index and line_path/);
});
