/**
 * The recipes of docs/REPORTS.md as a reader runs them: every shell block, in order, in one bash, against the whole Worker
 * on this machine with the data of `npm start`. What each prints is what the document shows.
 *
 *   ```sh … ```  followed by  ``` … ```     a block and its output; a block without one prints nothing
 *
 * Keeps: nothing is added to the blocks but a line between them. Dates and instants are compared by their form, what
 * depends on the moment (lag, rows read, tiers) by its type, everything else exactly: the data are those of the document.
 * Relies on: bash, curl and the usual text tools.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { completeVars } from "../../scripts/dev-vars.ts";
import { type LocalRuntime, startRuntime } from "../../scripts/local-runtime.ts";
import { seedDemo } from "../../scripts/seed.ts";

type Block = { readonly shell: string; readonly output: string };
type Ran = { readonly outputs: readonly string[]; readonly stderr: string };

const ALL_MAX_MS = 180_000;
const BLOCKS_MAX_MS = 60_000;
const END = "=== end of a block ===";

const section = (await readFile("docs/REPORTS.md", "utf8")).split("\n## Eleven recipes\n")[1] ?? "";
const blocks = blocksOf(section);

/** The shell blocks, each with the block that follows it, if that is not shell too. */
function blocksOf(text: string): Block[] {
  const fences = Array.from(text.matchAll(/^```(\w*)\n(.*?)^```$/gms), ([, language, body = ""]) => ({
    language,
    body,
  }));
  return fences.flatMap(({ language, body }, at) => {
    if (language !== "sh") return [];
    const next = fences[at + 1];
    return [{ shell: body, output: next === undefined || next.language === "sh" ? "" : next.body }];
  });
}

/** Everything once, on a new state in a folder of its own that has `.dev.vars` as the repository's has. */
async function runOnce(): Promise<Ran> {
  const folder = await mkdtemp(join(tmpdir(), "recipes-"));
  const { text } = completeVars("");
  await writeFile(join(folder, ".dev.vars"), text);
  const { DEMO_API_KEY: demoKey = "", DEMO_PUBLISHER_KEY: _, ...vars } = parseEnv(text) as Record<string, string>;
  let runtime: LocalRuntime | undefined;
  try {
    runtime = await startRuntime({ vars });
    await seedDemo(runtime.database, { advertiserKey: demoKey, nowMs: Date.now() });
    return await runShell(folder, runtime.url);
  } finally {
    await runtime?.stop();
    await rm(folder, { recursive: true });
  }
}

/** Runs the blocks in one shell; the address is given as the document says. */
function runShell(cwd: string, url: string): Promise<Ran> {
  const script = blocks.map(({ shell }) => `${shell}printf '\\n%s\\n' '${END}'\n`).join("");
  const env = { PATH: process.env["PATH"], URL: url, TMPDIR: cwd };
  return new Promise((resolve) => {
    execFile("bash", ["--norc", "-c", script], { cwd, env, timeout: BLOCKS_MAX_MS }, (_, stdout, stderr) => {
      resolve({ outputs: stdout.split(`\n${END}\n`), stderr });
    });
  });
}

const isoDate = (timeZone: string) => new Intl.DateTimeFormat("sv-SE", { timeZone }).format(Date.now());
/** The days that the document speaks of. */
const days = () => `${isoDate("UTC")} ${isoDate("Europe/Berlin")}`;

/** A day that ends between two blocks would leave its clicks in yesterday; then everything runs again. */
async function runWithinDay(): Promise<Ran> {
  const before = days();
  const first = await runOnce();
  return days() === before ? first : runOnce();
}

const INSTANT = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:Z|[+-]\d{2}:\d{2})/g;
const DATE = /\d{4}-\d{2}-\d{2}/g;
const OF_THE_MOMENT: readonly string[] = ["lagSeconds", "rowsRead"];

/** What two outputs of the same recipe have in common, on any day. */
function lasting(output: string): unknown {
  const text = output.trim();
  return parseJson(text) ?? text.split(/\r?\n/).map((line) => parseJson(line) ?? lastingText(line));
}

function parseJson(text: string): unknown {
  if (!/^[{[]/.test(text)) return undefined;
  try {
    return lastingValue(JSON.parse(text), "");
  } catch {
    // JSON.parse throws SyntaxError on what is no JSON; then it is lines of text.
    return undefined;
  }
}

function lastingValue(value: unknown, name: string): unknown {
  if (name === "tiers") return lastingTiers(value);
  if (OF_THE_MOMENT.includes(name)) return typeof value;
  if (typeof value === "string") return lastingText(value);
  if (Array.isArray(value)) return value.map((one) => lastingValue(one, ""));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, lastingValue(member, key)]));
}

/** Hours that have ended are another tier, so how many there are depends on the time of day. */
function lastingTiers(tiers: unknown): unknown {
  const kinds = (tiers as { tier: string }[]).map((tier) => ({
    ...(lastingValue(tier, "") as object),
    tier: "a tier",
  }));
  return kinds.slice(0, 1);
}

function lastingText(text: string): string {
  return text.replaceAll(INSTANT, "an instant").replaceAll(DATE, "a date");
}

describe("docs/REPORTS.md", () => {
  let ran: Ran;
  beforeAll(async () => {
    ran = await runWithinDay();
  }, ALL_MAX_MS);

  it("has eleven recipes, each with a shell block and its output", () => {
    const recipes = section.split(/^### /m).slice(1);
    expect(recipes.map((recipe) => Number.parseInt(recipe, 10))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    for (const recipe of recipes) {
      const [only, ...others] = blocksOf(recipe);
      expect([others, only?.output.trim() === ""], recipe.split("\n")[0]).toEqual([[], false]);
    }
  });

  it("has blocks that all run, and complain of nothing", () => {
    expect(ran.stderr).toBe("");
    expect(ran.outputs.length - 1).toBe(blocks.length);
  });

  it.each(
    blocks.map(({ shell, output }, at) => [at, shell.split("\n").slice(0, 2).join(" ").slice(0, 80), output] as const),
  )("block %i prints what is shown: %s", (at, _, output) => {
    expect(lasting(ran.outputs[at] ?? "")).toEqual(lasting(output));
  });
});

describe("outputs are the same", () => {
  const ROWS = '{"rows":[{"hour":"2026-11-22T14:00:00Z","clicks":3}],"meta":{"lagSeconds":5,"nextCursor":null}}';

  it("on another day, and however lines are broken", () => {
    const other = ROWS.replaceAll("2026-11-22", "2027-01-03").replace(":5,", ":7,").replace('"meta"', '\n  "meta"');
    expect(lasting(other)).toEqual(lasting(ROWS));
    expect(lasting("time,clicks\n2026-03-29T00:00:00+01:00,3\n")).toEqual(
      lasting("time,clicks\n2026-11-22T00:00:00Z,3"),
    );
  });

  it.each([
    ["a member more", ROWS.replace('"clicks":3', '"clicks":3,"ctr":null')],
    ["a member under another name", ROWS.replace("clicks", "validClicks")],
    ["another number", ROWS.replace(":3", ":4")],
    ["another type", ROWS.replace('"lagSeconds":5', '"lagSeconds":"5"')],
    ["a row less", ROWS.replace(/\{"hour.*?\}/, "")],
    ["a problem", '{"type":"/problems/unknown-metric","status":400}'],
    ["nothing", ""],
  ])("but not with %s", (_, other) => {
    expect(lasting(other)).not.toEqual(lasting(ROWS));
  });
});
