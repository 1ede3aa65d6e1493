/**
 * The programs of a document, run as their first comment says: the language of a fenced block, and in it
 *
 *   // node mint.mjs adv cmp ad pub url cpc        # python3 mint.py adv …        // go run mint.go adv …
 *
 * Keeps: where a language is not on this machine, its program has to be the text that last ran where it was, which
 * test/vectors/recipes.json records: an edit that nobody has run fails everywhere. `RECORD_RECIPES=1` writes that record
 * of each recipe that passes. `node` is every Node on PATH and the one that runs the tests, since a reader's is older
 * than ours.
 */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

export type Recipe = {
  readonly language: string;
  /** The command and its first words, as `["go", "run"]`. */
  readonly command: readonly [string, ...string[]];
  readonly file: string;
  readonly text: string;
};

const run = promisify(execFile);
const TSC = fileURLToPath(new URL("../../node_modules/.bin/tsc", import.meta.url));
const TYPES = fileURLToPath(new URL("../../node_modules/@types", import.meta.url));
/** What a recipe in this language calls beside its own command. */
const NEEDS: Readonly<Record<string, string>> = { sh: "openssl", java: "javac" };
/** What was run, by its file: the digest of its text. */
const RAN = new URL("../vectors/recipes.json", import.meta.url);
const FIRST_COMMENT = /^(?:<\?php\n)?(?:\/\/|#) (\S+(?: run)?) (\S+\.\w+) /;

/** Every fenced block that begins with the command that runs it. */
export function recipesOf(document: string): Recipe[] {
  return Array.from(document.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)).flatMap(([, language = "", text = ""]) => {
    const [, command = "", file = ""] = FIRST_COMMENT.exec(text) ?? [];
    return file === "" ? [] : [{ language, command: command.split(" ") as [string, ...string[]], file, text }];
  });
}

/** One test for each recipe and each program that may run it; `check` is given what it prints. */
export function itRuns(recipes: readonly Recipe[], title: string, call: RecipeCall): void {
  for (const recipe of recipes) {
    const [name] = recipe.command;
    const needed = NEEDS[recipe.language] ?? name;
    const programs = programsOf(needed).length === 0 ? [] : programsOf(name);
    if (programs.length === 0) {
      it(`[fault C5] in ${recipe.language} is the text that ran where ${needed} was`, () => {
        expect(readRan()[recipe.file]).toBe(digestOf(recipe));
      });
    }
    if (recipe.language === "js") {
      it("[fault C5] in js is TypeScript too", async () => {
        expect(await compiled(recipe)).toBe("");
      });
    }
    for (const program of programs) {
      it(`[fault C5] in ${recipe.language} ${title}, by ${program}`, async () => {
        const args = call.args(recipe);
        await call.check(await output(recipe, program, args, call.env), args);
        if (process.env["RECORD_RECIPES"] === "1") recordRan(recipe);
        expect(readRan()[recipe.file], "run it with RECORD_RECIPES=1, for machines without the language").toBe(
          digestOf(recipe),
        );
      });
    }
  }
}

function digestOf({ text }: Recipe): string {
  return createHash("sha256").update(text).digest("hex");
}

function readRan(): Readonly<Record<string, string>> {
  return JSON.parse(readFileSync(RAN, "utf8")) as Record<string, string>;
}

function recordRan(recipe: Recipe): void {
  const entries = Object.entries({ ...readRan(), [recipe.file]: digestOf(recipe) }).sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  writeFileSync(RAN, `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
}

type RecipeCall = {
  readonly args: (recipe: Recipe) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Given what the program prints, and what it was given. */
  readonly check: (printed: string, args: readonly string[]) => Promise<void> | void;
};

function output(
  { file, text, command }: Recipe,
  program: string,
  args: readonly string[],
  env: RecipeCall["env"],
): Promise<string> {
  return inFolder(file, text, async (cwd) => {
    // The language of a bare machine is C, in which some programs take arguments for ASCII.
    const options = { cwd, env: { ...process.env, LC_ALL: "C.UTF-8", ...env } };
    const [, ...before] = command;
    return (await run(program, [...before, file, ...args], options)).stdout.trimEnd();
  });
}

/** What the compiler says of a program under strict rules; nothing, when it is TypeScript. */
function compiled({ file, text }: Recipe): Promise<string> {
  const name = file.replace(/\.mjs$/, ".mts");
  return inFolder(name, text, async (cwd) => {
    const flags = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--typeRoots", TYPES];
    const ran = await run(TSC, [...flags, "--types", "node", name], { cwd }).catch(
      (cause: { stdout: string }) => cause,
    );
    return ran.stdout;
  });
}

async function inFolder(file: string, text: string, use: (folder: string) => Promise<string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "recipe-"));
  try {
    await writeFile(join(folder, file), text);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The files that `name` may mean: the first on PATH, and of `node` every one. */
export function programsOf(name: string): string[] {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const found = folders.map((folder) => join(folder, name)).filter(isProgram);
  if (name !== "node") return found.slice(0, 1);
  const distinct = new Map([process.execPath, ...found].map((path) => [realpathSync(path), path]));
  return [...distinct.values()];
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // ENOENT, EACCES: not here.
    return false;
  }
}
