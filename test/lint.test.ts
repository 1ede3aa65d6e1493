/**
 * The linter's acceptance test (docs/decisions/0004-lint.md), kept: each violation that must never reach the pipeline is
 * planted and must be reported, through the real types of the bindings.
 */
import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const FOLDER = ".vitest/lint";

const PLANTED = {
  "a floating send to a queue": ['env.CLICK_QUEUE_0.send("x");', "typescript(no-floating-promises)"],
  "a floating call of a shard": [
    'env.EVENT_SHARD.getByName("clicks-0").ingest([]);',
    "typescript(no-floating-promises)",
  ],
  "a floating statement of D1": ['env.REPORT_DB.prepare("SELECT 1").run();', "typescript(no-floating-promises)"],
  "a floating put to R2": ['env.ARCHIVE.put("key", "value");', "typescript(no-floating-promises)"],
  "a promise as a condition": [
    'if (env.ARCHIVE.head("key")) throw new Error("there");',
    "typescript(no-misused-promises)",
  ],
  "an async callback that nobody awaits": [
    "batch.forEach(async (message) => void (await env.CLICK_QUEUE_0.send(message)));",
    "typescript(no-misused-promises)",
  ],
  "a switch that misses a verdict": [
    'switch (verdict) { case "valid": break; }',
    "typescript(switch-exhaustiveness-check)",
  ],
  "nothing wrong": ['await env.CLICK_QUEUE_0.send("x");', null],
} as const;

type Diagnostic = { readonly code: string; readonly filename: string };

const fileOf = (name: string) => `${FOLDER}/${name.replaceAll(" ", "-")}.ts`;
let diagnostics: readonly Diagnostic[] = [];

beforeAll(async () => {
  await mkdir(FOLDER, { recursive: true });
  const tsconfig = {
    extends: "../../tsconfig.json",
    compilerOptions: { types: ["@cloudflare/workers-types"] },
    include: [".", "../../worker-configuration.d.ts"],
  };
  await writeFile(`${FOLDER}/tsconfig.json`, JSON.stringify(tsconfig));
  for (const [name, [statement]] of Object.entries(PLANTED)) {
    const signature = "env: Env, batch: string[], verdict: Verdict";
    const text = `import type { Verdict } from "../../src/core/verdict.ts";
export async function planted(${signature}): Promise<void> { ${statement} }\n`;
    await writeFile(fileOf(name), text);
  }
  // Exits with 1 because there are findings; what they are is on its standard output.
  const options = [
    "--config",
    ".oxlintrc.json",
    "--no-ignore",
    "--format",
    "json",
    ...Object.keys(PLANTED).map(fileOf),
  ];
  const { stdout } = await promisify(execFile)("node_modules/.bin/oxlint", options).catch((error) => error);
  diagnostics = JSON.parse(stdout).diagnostics;
});

afterAll(() => rm(FOLDER, { recursive: true }));

describe("the linter", () => {
  it("reads the types of the planted files", () => {
    expect(diagnostics.filter(({ code }) => code.includes("tsconfig"))).toEqual([]);
  });

  it.each(Object.entries(PLANTED))("on %s reports what it is", (name, [, code]) => {
    const codes = diagnostics.filter(({ filename }) => filename === fileOf(name)).map((diagnostic) => diagnostic.code);
    expect(codes).toEqual(code === null ? [] : [code]);
  });
});
