/** Options of our programs: an empty value is refused by name, and never stands for one that was not given. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseOptions } from "../scripts/options.ts";
import { PROJECT_ROOT } from "../scripts/project.ts";

const OPTIONS = {
  key: { type: "string" },
  only: { type: "string", multiple: true },
  all: { type: "boolean" },
} as const;
const read = (...args: string[]) => parseOptions({ args, options: OPTIONS, allowPositionals: true });

/** A program from its command line, with a key in its environment. */
function run(script: string, args: readonly string[]): Promise<{ code: number; stderr: string }> {
  const env = { ...process.env, ADMIN_API_KEY: "clk_of_the_environment" };
  return new Promise((resolve) => {
    execFile(process.execPath, [`scripts/${script}.ts`, ...args], { cwd: PROJECT_ROOT, env }, (error, _, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stderr });
    });
  });
}

describe("an option", () => {
  it("has its value, and is absent where it is not given", () => {
    expect({ ...read("--key", "k", "--all", "one").values }).toEqual({ key: "k", all: true });
    expect({ ...read().values }).toEqual({});
    expect(read("", "--key", "k").positionals).toEqual([""]);
  });

  it.each([[["--key", ""]], [["--key="]], [["--key", "k", "--key", ""]]])(
    "is refused by name where it is empty: %j",
    (args) => {
      expect(() => read(...args)).toThrow(expect.objectContaining({ code: expect.stringMatching(/^ERR_PARSE_ARGS/) }));
      expect(() => read(...args)).toThrow("--key is empty");
    },
  );

  it("is refused where one of its values is empty", () => {
    expect(() => read("--only", "a", "--only", "")).toThrow("--only is empty");
  });

  it("is read by this alone in every program", () => {
    const programs = readdirSync("scripts", { recursive: true, encoding: "utf8" }).filter((path) => /\.ts$/.test(path));
    const textOf = (path: string) => readFileSync(`scripts/${path}`, "utf8");
    expect(programs.filter((path) => /\bparseArgs\b/.test(textOf(path)))).toEqual(["options.ts"]);
    expect(programs.filter((path) => /\bparseOptions\(/.test(textOf(path))).length).toBeGreaterThan(8);
  });
});

describe("an empty key", () => {
  it("stops npm run ops before it asks anybody, although the environment has one", async () => {
    const { code, stderr } = await run("ops", ["dead", "list", "--url", "http://127.0.0.1:9", "--key", ""]);
    expect([code, stderr.split("\n")[0]]).toEqual([2, "--key is empty: give it a value, or leave it out"]);
  });

  it("stops npm run doctor for its address in the same way", async () => {
    const { code, stderr } = await run("doctor", ["--url="]);
    expect([code, stderr.split("\n")[0]]).toEqual([2, "--url is empty: give it a value, or leave it out"]);
  });
});
