/**
 * `npm start` as a new user meets it: what connects is answered, what it prints works, state survives, Ctrl-C ends it with
 * 0, mistakes are named.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readDevVars } from "../../scripts/dev-vars.ts";
import { DEMO_ADVERTISER } from "../../scripts/seed.ts";
import { makeClickId } from "../../src/core/click-id.ts";
import { importKeyRing } from "../../src/core/key-ring.ts";
import { BROWSER } from "../support/builders.ts";
import { aClickIdentity } from "../support/submissions.ts";

const SCRIPT = fileURLToPath(new URL("../../scripts/start.ts", import.meta.url));
const TEST_MAX_MS = 180_000;

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
  const first = run(["--port", "0", "--state", statePath, "--empty"]);
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

  const second = run(["--port", "0", "--state", statePath, "--empty"]);
  const { report } = await second.ready();
  const rows = (await (await fetch(report.url, { headers: report.headers })).json()) as { rows: { clicks: number }[] };
  expect(rows.rows.map(({ clicks }) => clicks)).toEqual([1]);
  second.child.kill("SIGTERM");
  expect(await second.exitCode).toBe(0);
});

it("opens its port when it is ready: who connects first is answered as later", { timeout: TEST_MAX_MS }, async () => {
  const port = await aFreePort();
  const url = `http://127.0.0.1:${port}`;
  const { vars } = await readDevVars();
  const headers = { Authorization: `Bearer ${vars["DEMO_API_KEY"]}` };
  const conversion = JSON.stringify({ click_id: await aDemoClickId(vars), order_id: "A-1", value_micros: 1 });
  const newState = await mkdtemp(join(tmpdir(), "clickledger-first-"));
  const first = run(["--port", String(port), "--state", newState, "--empty"]);
  try {
    const [taken, report, page] = await Promise.all([
      firstAnswer(first.exitCode, () => fetch(`${url}/v1/conversions`, { method: "POST", headers, body: conversion })),
      firstAnswer(first.exitCode, () => fetch(`${url}/v1/reports/clicks?from=2026-11-01&to=2026-11-02`, { headers })),
      firstAnswer(first.exitCode, () => fetch(`${url}/demo`)),
    ]);
    expect(taken.status).toBe(200);
    // On a very slow machine its order's object answers later than the sender waits: then it is kept, and decided soon.
    expect(taken.body).toMatch(/"status":"(recorded|accepted)"/);
    expect({ status: report.status, ...(JSON.parse(report.body) as object) }).toMatchObject({ status: 200, rows: [] });
    expect(page.status).toBe(200);
    expect(page.body.match(/href="\/c\//g)).toHaveLength(5);
  } finally {
    first.child.kill("SIGKILL");
    await first.exitCode;
    await rm(newState, { recursive: true, force: true });
  }
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

async function aFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A click on the demonstration's first ad, as the local keys sign it; its conversion does not ask for the click. */
async function aDemoClickId(vars: Readonly<Record<string, string>>): Promise<string> {
  const { TOKEN_KEYS = "", TOKEN_SIGNING_KID = "" } = vars;
  const ring = await importKeyRing(JSON.parse(TOKEN_KEYS), TOKEN_SIGNING_KID);
  if (!ring.ok) throw new Error(ring.error);
  const click = aClickIdentity({ advertiserId: DEMO_ADVERTISER, adId: "ad_9", clickedAtMs: Date.now() - 60_000 });
  return makeClickId(click, ring.value);
}

/** The answer to the first request that is not refused; asks without a pause until the port is open. */
async function firstAnswer(ended: Promise<unknown>, ask: () => Promise<Response>) {
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
  });
  for (;;) {
    try {
      const answer = await ask();
      return { status: answer.status, body: await answer.text() };
    } catch (cause) {
      const { code } = ((cause as Error).cause ?? {}) as NodeJS.ErrnoException;
      if (code !== "ECONNREFUSED" || hasEnded) throw cause;
      await sleep(20);
    }
  }
}

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
