/**
 * The operator's program against the running Worker: what it prints, what it refuses, and its exit codes.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalRuntime, startRuntime } from "../../scripts/local-runtime.ts";
import { TEST_SECRETS } from "../support/secrets.ts";
import { buryClick, clickLate } from "./desk-things.ts";

const OPS = fileURLToPath(new URL("../../scripts/ops.ts", import.meta.url));
const START_MAX_MS = 240_000;
const ARRIVES_MAX_MS = 60_000;

type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

let runtime: LocalRuntime;

beforeAll(async () => {
  runtime = await startRuntime({ vars: { ...TEST_SECRETS, FLUSH_INTERVAL_MS: "100", POST_INTERVAL_MS: "0" } });
}, START_MAX_MS);

afterAll(() => runtime?.stop());

/** Runs the program with the test's Worker and key, unless `env` says otherwise. */
function ops(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const options = { env: { ...process.env, ADMIN_API_KEY: TEST_SECRETS.ADMIN_API_KEY, ...env } };
  return new Promise((resolve) => {
    const url = args.includes("--url") ? [] : ["--url", runtime.url];
    execFile(process.execPath, [OPS, ...args, ...url], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const bury = (claims: Record<string, unknown> = {}) => buryClick(runtime, claims);

async function editByHand(key: string): Promise<void> {
  const { ARCHIVE } = runtime.bindings;
  const text = (await (await ARCHIVE.get(key))?.text()) ?? "";
  await ARCHIVE.put(key, text.replace('\\"count\\":1', '\\"count\\":9'));
}

async function replay(...args: string[]): Promise<{ code: number; results: unknown }> {
  const { code, stdout } = await ops(["dead", "replay", ...args, "--json"]);
  return { code, results: (JSON.parse(stdout) as { results: unknown }).results };
}

describe("npm run ops -- dead", () => {
  it("lists and shows a message that nobody can read, and does not count it", { timeout: START_MAX_MS }, async () => {
    await runtime.bindings.CLICK_QUEUE_0.send("not a message", { contentType: "text" });
    const readKey = async () =>
      /dead\/v1\/\S*reason=message_not_json\S*/.exec((await ops(["dead", "list"])).stdout)?.[0];
    await expect.poll(readKey, { timeout: ARRIVES_MAX_MS }).toBeDefined();
    const key = (await readKey()) ?? "";

    const shown = await ops(["dead", "show", key]);
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toMatch(/^reason +message_not_json$/m);
    expect(shown.stdout.trimEnd().split("\n").at(-1)).toBe("not a message");

    const refused = await ops(["dead", "replay", key]);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(/^refused +unreadable: message_not_json +dead\/v1\//m);
  });

  it("replays a whole letter once", { timeout: START_MAX_MS }, async () => {
    const key = await bury({ ad: "ad_replayed" });
    expect(await replay(key)).toEqual({ code: 0, results: [{ key, outcome: "replayed", events: 1, counted: 1 }] });
    expect(await replay(key)).toEqual({ code: 1, results: [{ key, outcome: "refused", reason: "not_found" }] });
    await expect.poll(() => grossOf("ad_replayed"), { timeout: ARRIVES_MAX_MS }).toBe(1);
    expect(await ops(["dead", "show", key])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Nothing was found here\. No letter has this key: .+\n$/),
    });
  });

  it("replays all that can be, and refuses by name what was edited", { timeout: START_MAX_MS }, async () => {
    const [edited, whole] = [await bury({ ad: "ad_edited" }), await bury({ ad: "ad_whole" })];
    await editByHand(edited);
    const { code, results } = await replay("--all");
    expect(code).toBe(1);
    expect(results).toContainEqual({ key: edited, outcome: "refused", reason: "seal_broken" });
    expect(results).toContainEqual({ key: whole, outcome: "replayed", events: 1, counted: 1 });
    await expect.poll(() => grossOf("ad_whole"), { timeout: ARRIVES_MAX_MS }).toBe(1);
    expect(await grossOf("ad_edited")).toBe(0);
  });

  it("pages", async () => {
    for (let count = 0; count < 2; count++) await bury();
    const first = await ops(["dead", "list", "--limit", "1"]);
    const after = /^more with --after (\S+)$/m.exec(first.stdout)?.[1] ?? "";
    const second = await ops(["dead", "list", "--limit", "1", "--after", after]);
    expect(second.code).toBe(0);
    expect(second.stdout).toContain("dead/v1/");
    expect(second.stdout.split("\n")[1]).not.toBe(first.stdout.split("\n")[1]);
  });
});

describe("npm run ops -- late", () => {
  it("lists, accepts and rejects, each once", { timeout: START_MAX_MS }, async () => {
    for (const ad of ["ad_late_1", "ad_late_2"]) await clickLate(runtime, { ad });
    const readIds = async () => {
      const { stdout } = await ops(["late", "list", "--json"]);
      return (JSON.parse(stdout) as { lateClicks: { id: string }[] }).lateClicks.map(({ id }) => id);
    };
    await expect.poll(readIds, { timeout: ARRIVES_MAX_MS }).toHaveLength(2);
    const [first = "", second = ""] = await readIds();
    expect((await ops(["late", "list", "--limit", "1", "--after", first])).stdout).toContain(second);

    const accepted = await ops(["late", "accept", first]);
    expect(accepted).toMatchObject({ code: 0, stderr: "" });
    expect(accepted.stdout).toMatch(/ decided +valid +late_accepted +admin$/m);
    expect((await ops(["late", "accept", first])).code, "the same decision again").toBe(0);
    const conflict = await ops(["late", "reject", second, first]);
    expect(conflict.code).toBe(1);
    expect(conflict.stdout).toMatch(/ conflict /);
    await expect.poll(readIds, { timeout: ARRIVES_MAX_MS }).toEqual([]);
    expect((await ops(["late", "list", "--status", "decided"])).stdout.trim().split("\n")).toHaveLength(3);
  });
});

describe("npm run ops", () => {
  it.each([
    [[]],
    [["dead"]],
    [["dead", "bury"]],
    [["dead", "show"]],
    [["dead", "replay"]],
    [["dead", "replay", "dead/v1/x", "--all"]],
    [["dead", "list", "--status", "all"]],
    [["dead", "list", "--colour"]],
    [["late", "accept"]],
  ])("answers %j with its usage and exit code 2", async (args) => {
    const { code, stdout, stderr } = await ops(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("\n\nusage: npm run ops -- COMMAND");
  });

  it("prints its usage when asked", async () => {
    expect(await ops(["--help"])).toMatchObject({ code: 0, stdout: expect.stringContaining("usage:"), stderr: "" });
  });

  it.each([
    ["another key", ["dead", "list", "--key", `clk_${"B".repeat(43)}`], /^A valid API key is required\. .+\n$/],
    [
      "a limit out of bounds",
      ["dead", "list", "--limit", "0"],
      /^A parameter has a value that is not allowed\. limit: .+\n$/,
    ],
    [
      "an id that is none",
      ["late", "accept", "x"],
      /^A parameter has a value that is not allowed\. decisions\.0\.id: .+\n$/,
    ],
  ])("says in one line why the Worker refuses %s", async (_, args, line) => {
    const { code, stdout, stderr } = await ops(args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(line);
  });

  it("says in one line when nobody answers", async () => {
    const { code, stderr } = await ops(["dead", "list", "--url", "http://127.0.0.1:9"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^no answer from http:\/\/127\.0\.0\.1:9: .+\n$/);
  });
});

async function grossOf(ad: string): Promise<number> {
  const statement = `SELECT coalesce(sum(gross), 0) AS gross FROM facts_minute WHERE ad_id = ?1`;
  const row = await runtime.database.prepare(statement).bind(ad).first<{ gross: number }>();
  return row?.gross ?? 0;
}
