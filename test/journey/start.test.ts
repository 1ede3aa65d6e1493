/**
 * `npm start` as a new user meets it: what it prints works, state survives, Ctrl-C ends it with 0, mistakes are named.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BROWSER } from "../support/builders.ts";

const SCRIPT = fileURLToPath(new URL("../../scripts/start.ts", import.meta.url));
const TEST_MAX_MS = 90_000;

let statePath: string;
const started: ChildProcess[] = [];

beforeAll(async () => {
  statePath = await mkdtemp(join(tmpdir(), "clickledger-start-"));
});

afterAll(async () => {
  for (const child of started) child.kill("SIGKILL");
  await rm(statePath, { recursive: true, force: true });
});

it("serves the demonstration, and keeps its clicks over Ctrl-C and a new start", { timeout: TEST_MAX_MS }, async () => {
  const first = run(["--port", "0", "--state", statePath]);
  const { url } = await first.ready();
  const page = await (await fetch(`${url}/demo`)).text();
  const path = /href="(\/c\/[^"]+)"/.exec(page)?.[1];
  const answer = await fetch(`${url}${path}`, { redirect: "manual", headers: { "User-Agent": BROWSER } });
  expect(answer.status).toBe(302);
  expect(answer.headers.get("Location")).toContain(`${url}/demo/landing?`);

  // At once: the click is still in the queue, which lives in memory.
  first.child.kill("SIGINT");
  expect(await first.exitCode).toBe(0);
  expect(first.output()).toContain("every click and impression is in the report");

  const second = run(["--port", "0", "--state", statePath]);
  const { report } = await second.ready();
  const rows = (await (await fetch(report.url, { headers: report.headers })).json()) as { rows: { clicks: number }[] };
  expect(rows.rows.map(({ clicks }) => clicks)).toEqual([1]);
  second.child.kill("SIGTERM");
  expect(await second.exitCode).toBe(0);
});

it("names a busy port in one line", { timeout: TEST_MAX_MS }, async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const busy = run(["--port", String(port), "--state", statePath]);
  expect(await busy.exitCode).toBe(1);
  expect(busy.output().trim()).toBe(`port ${port} is taken; --port chooses another`);
  server.close();
});

it.each([[["--prot", "8787"]], [["--port", "x"]], [["extra"]]])("refuses %j with its usage", async (args) => {
  const wrong = run(args);
  expect(await wrong.exitCode).toBe(2);
  expect(wrong.output()).toContain("usage: npm start");
});

/** Starts the script, and collects what it writes. */
function run(args: readonly string[]) {
  const child = spawn(process.execPath, [SCRIPT, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  started.push(child);
  let text = "";
  const exitCode = new Promise<number | null>((resolve) => child.once("close", resolve));
  const ready = () =>
    new Promise<Welcome>((resolve, reject) => {
      const look = () => {
        if (text.includes("Ctrl-C")) resolve(parseWelcome(text));
      };
      child.stdout.on("data", look);
      void exitCode.then(() => reject(new Error(`ended early: ${text}`)));
    });
  for (const stream of [child.stdout, child.stderr]) stream.prependListener("data", (chunk) => (text += String(chunk)));
  return { child, exitCode, ready, output: () => text };
}

type Welcome = {
  readonly url: string;
  readonly report: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
};

/** The address, and the request of the printed `curl` line. */
function parseWelcome(text: string): Welcome {
  const url = /runs at (\S+)/.exec(text)?.[1] ?? "";
  const [, name = "", value = "", address = ""] = /curl -s -H '([^:]+): ([^']+)' '([^']+)'/.exec(text) ?? [];
  return { url, report: { url: address, headers: { [name]: value } } };
}
