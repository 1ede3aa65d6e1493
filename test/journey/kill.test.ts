/**
 * A kill in the middle of load, and a new start on the same state: nothing that had reached a shard is lost, and nothing
 * is counted twice.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { signToken } from "../../scripts/demo/tokens.ts";
import { startRuntime } from "../../scripts/local-runtime.ts";
import { BROWSER } from "../support/builders.ts";
import { TEST_SECRETS, TEST_TOKEN_KEYS } from "../support/secrets.ts";

const KEY = { kid: "test-1", bytes: Buffer.from(TEST_TOKEN_KEYS["test-1"], "base64url") };
const LANES = 24;
const ACKNOWLEDGED_BEFORE_KILL = 300;
/** An answer before the edge's own bound on waiting (2 s) means that the click is durable. */
const DURABLE_WITHIN_MS = 1_500;
const TEST_MAX_MS = 120_000;
const CARRIED_MAX_MS = 30_000;

let statePath: string;
let child: ChildProcess | undefined;

beforeAll(async () => {
  statePath = await mkdtemp(join(tmpdir(), "clickledger-kill-"));
});

afterAll(async () => {
  killGroup();
  await rm(statePath, { recursive: true, force: true });
});

it("loses and doubles nothing that had reached a shard", { timeout: TEST_MAX_MS }, async () => {
  const killed = await startProcess();
  const tokens: string[] = [];
  const acknowledged = new Set<number>();
  const lanes = Array.from({ length: LANES }, async () => {
    for (;;) {
      const index = tokens.push(tokenOf(tokens.length)) - 1;
      const sentAtMs = Date.now();
      const status = await click(killed, tokens[index] ?? "");
      if (status === null) return;
      if (status === 302 && Date.now() - sentAtMs < DURABLE_WITHIN_MS) acknowledged.add(index);
      if (acknowledged.size >= ACKNOWLEDGED_BEFORE_KILL) killGroup();
    }
  });
  await Promise.all(lanes);
  expect(acknowledged.size).toBeGreaterThanOrEqual(ACKNOWLEDGED_BEFORE_KILL);

  const runtime = await startRuntime({ statePath, vars: { ...TEST_SECRETS, ENQUEUE_CHAIN: "shard" } });
  try {
    await runtime.runCron();
    // The keys have survived as well: the same impressions again are duplicates.
    const again = Array.from(acknowledged).slice(0, 10);
    for (const index of again) expect(await click(runtime.url, tokens[index] ?? "")).toBe(302);
    expect(await runtime.waitUntilCarried(CARRIED_MAX_MS)).toBe(true);

    const counted = await readCounts(runtime.url);
    const missing = Array.from(acknowledged).filter((index) => counted.get(`ad_${index}`)?.clicks !== 1);
    expect(missing).toEqual([]);
    const doubled = Array.from(counted.values()).filter(({ clicks }) => clicks > 1);
    expect(doubled).toEqual([]);
    const duplicates = Array.from(counted.values()).reduce((sum, { duplicateClicks }) => sum + duplicateClicks, 0);
    expect(duplicates).toBe(again.length);
  } finally {
    await runtime.stop();
  }
});

/** Starts the runtime in a process group of its own; resolves to its address. */
async function startProcess(): Promise<string> {
  const script = fileURLToPath(new URL("shard-runtime.ts", import.meta.url));
  child = spawn(process.execPath, [script, statePath], { detached: true, stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) return line;
  throw new Error("the runtime ended before it was ready");
}

/** Kills Node and workerd at once, without a chance to say goodbye. */
function killGroup(): void {
  if (child?.pid === undefined) return;
  const group = -child.pid;
  child = undefined;
  process.kill(group, "SIGKILL");
}

/** An impression of its own ad, so that the report tells each click apart; it waits until it is durable. */
function tokenOf(index: number): string {
  const iat = Date.now() / 1_000 - 1;
  const ids = { adv: "adv_1", cmp: "cmp_1", ad: `ad_${index}`, pub: "pub_1" };
  const claims = { jti: `imp_${index}`, iat, exp: iat + 3_600, ...ids, url: "https://shop.example/", cpc: 1, dur: 1 };
  return signToken(claims, KEY);
}

/** The status of the answer, or null when the server is gone. */
async function click(url: string, token: string): Promise<number | null> {
  try {
    const answer = await fetch(`${url}/c/${token}`, { redirect: "manual", headers: { "User-Agent": BROWSER } });
    return answer.status;
  } catch {
    // fetch rejects with TypeError when the connection is refused or reset: that is the kill.
    return null;
  }
}

type Row = { readonly adId: string; readonly clicks: number; readonly duplicateClicks: number };

async function readCounts(url: string): Promise<Map<string, Row>> {
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const query = `from=${day(Date.now() - 86_400_000)}&to=${day(Date.now())}&group_by=ad_id&metrics=clicks,duplicate_clicks`;
  const answer = await fetch(`${url}/v1/reports/clicks?${query}`, {
    headers: { Authorization: `Bearer ${TEST_SECRETS.ADMIN_API_KEY}` },
  });
  const { rows } = (await answer.json()) as { rows: Row[] };
  return new Map(rows.map((row) => [row.adId, row]));
}
