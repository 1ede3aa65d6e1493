/**
 * The first conversion of docs/CONVERSIONS.md as a reader of both documents reports it: the tenants of docs/OPERATIONS.md
 * are made first, on the same machine, with its own lines; then the lines of *On your own machine*, then those of the order.
 *
 * Keeps: nothing is changed in the blocks but the address, which a reader's `npm start` prints.
 * Relies on: bash, curl and the usual text tools.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv, promisify } from "node:util";
import { expect, it } from "vitest";
import { completeVars } from "../../scripts/dev-vars.ts";
import { DEMO_ENTRY, startRuntime } from "../../scripts/local-runtime.ts";
import { seedDemo } from "../../scripts/seed.ts";

const run = promisify(execFile);
const ALL_MAX_MS = 180_000;

/** The first block after a text. */
async function blockAfter(file: string, text: string): Promise<string> {
  const rest = (await readFile(file, "utf8")).split(text)[1] ?? "";
  return /```\w*\n(.*?)\n *```/s.exec(rest)?.[1] ?? "";
}

it(
  "[fault C5] works as written, also after somebody made an advertiser with an ad of its own",
  async () => {
    const tenants = await blockAfter("docs/OPERATIONS.md", "\n## Tenants and keys\n");
    const machine = await blockAfter("docs/CONVERSIONS.md", "\n### On your own machine\n");
    const order = (await blockAfter("docs/CONVERSIONS.md", "**Send the order.**")).split("\n");
    const folder = await mkdtemp(join(tmpdir(), "conversion-"));
    const { text } = completeVars("");
    await writeFile(join(folder, ".dev.vars"), text);
    const { DEMO_API_KEY: demoKey = "", DEMO_PUBLISHER_KEY: _, ...vars } = parseEnv(text) as Record<string, string>;
    const runtime = await startRuntime({
      vars: { ...vars, LANDING_HTTP_HOSTS: "127.0.0.1" },
      entry: DEMO_ENTRY,
    });
    try {
      await seedDemo(runtime.database, { advertiserKey: demoKey, nowMs: Date.now() });
      const expected = order.at(-1)?.trim();
      const sent = order.slice(0, -1).filter((line) => !line.includes("export KEY=clk_…"));
      const script = [tenants, machine, "echo", "echo =", ...sent].join("\n");
      const here = script.replaceAll(/https:\/\/track\.example|http:\/\/127\.0\.0\.1:8787/g, runtime.url);
      const env = { PATH: process.env["PATH"], ADMIN_API_KEY: vars["ADMIN_API_KEY"] };
      const { stdout } = await run("bash", ["--norc", "-c", here], { cwd: folder, env });
      const [made = "", answer] = stdout.split("\n=\n");
      expect(made).toContain('"id":"ad_31"');
      expect(answer?.trim()).toBe(expected);
      expect(expected).toBe('{"results":[{"row":0,"status":"recorded"}]}');
    } finally {
      await runtime.stop();
      await rm(folder, { recursive: true });
    }
  },
  ALL_MAX_MS,
);
