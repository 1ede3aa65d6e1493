/**
 * Real crashes: the real Worker in workerd, on disk and under load, is killed with SIGKILL again and again, and started
 * on the same state. Every acknowledged click is in report and archive, none is there twice, no impression is billed
 * twice.
 *
 * A third of the kills come at a random moment; the others at the first write of a posting, or of an archive segment,
 * after a random moment. Moments and clicks are drawn from a seed; the machine's timing does the rest.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bundleWorker } from "../../scripts/bundle.ts";
import { Random } from "../../scripts/demo/random.ts";
import { type LocalRuntime, startRuntime } from "../../scripts/local-runtime.ts";
import { TEST_SECRETS } from "../support/secrets.ts";
import {
  compareArchive,
  compareFacts,
  missingBeforeWatermark,
  readArchive,
  readReport,
  waitUntilArchived,
} from "./crash-audit.ts";
import { nextWrite, readEvidence, WINDOWS } from "./crash-evidence.ts";
import { Victim } from "./crash-process.ts";
import { Traffic } from "./crash-traffic.ts";

const KILLS = 21;
const SEED = 20_261_122;
const KILL_AFTER_MS = { min: 60, max: 900 };
const WRITE_MAX_MS = 1_200;
const CARRIED_MAX_MS = 60_000;
const TEST_MAX_MS = 300_000;
/** Local queues live in memory, so the shard comes first; short intervals make kills meet flushes. */
const VARS = { ...TEST_SECRETS, FLUSH_INTERVAL_MS: "200", ARCHIVE_INTERVAL_MS: "1000" };
const SHARD_FIRST = { ...VARS, ENQUEUE_CHAIN: "shard,queue,spool" };
const QUEUE_FIRST = { ...VARS, ENQUEUE_CHAIN: "queue,shard,spool" };

let folder: string;
let scriptFile: string;
const victims: Victim[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "clickledger-crash-"));
  scriptFile = join(folder, "worker.js");
  await writeFile(scriptFile, await bundleWorker());
}, TEST_MAX_MS);

afterAll(async () => {
  for (const victim of victims) await victim.kill();
  await rm(folder, { recursive: true, force: true });
});

it(`G3, G4: loses no acknowledged click and counts none twice in ${KILLS} crashes`, {
  timeout: TEST_MAX_MS,
}, async () => {
  const statePath = join(folder, "shard-first");
  const random = new Random(SEED);
  const traffic = new Traffic(random);
  const struck = new Map(WINDOWS.map((window) => [window, 0]));
  let next = prepare(statePath, SHARD_FIRST);
  for (let round = 0; round < KILLS; round++) {
    const victim = next;
    const url = await victim.start();
    // What the watermark says right after a restart is true: before it, nothing acknowledged is missing.
    expect(missingBeforeWatermark(await readReport(url), traffic.acknowledged)).toEqual([]);
    const driven = traffic.drive(url, round);
    next = prepare(statePath, SHARD_FIRST);
    await sleep(random.between(KILL_AFTER_MS.min, KILL_AFTER_MS.max));
    const sink = ([null, "posting", "segment"] as const)[round % 3] ?? null;
    if (sink !== null) await nextWrite(statePath, sink, WRITE_MAX_MS);
    await victim.kill();
    await driven;
    for (const window of await readEvidence(statePath)) struck.set(window, (struck.get(window) ?? 0) + 1);
  }
  await next.kill();

  const lastReceivedAtMs = Math.max(...traffic.acknowledged.map(({ receivedAtMs }) => receivedAtMs));
  await afterCrash(statePath, SHARD_FIRST, async (runtime) => {
    const logged = await readArchive(runtime);
    const counted = logged.reduce((sum, { event }) => sum + event.count, 0);
    const valid = logged.filter(({ verdict }) => verdict === "valid").length;
    console.log(
      `${KILLS} kills: ${traffic.clicks.length} clicks on ${traffic.impressions.length} impressions sent, ` +
        `${traffic.acknowledged.length} acknowledged, ${counted} counted, ${valid} billed; kills that left ` +
        `${Array.from(struck, ([window, count]) => `${window}: ${count}`).join(", ")}; faults logged ` +
        `${JSON.stringify(Object.fromEntries(Victim.faults))}`,
    );
    expect(compareArchive(logged, traffic)).toEqual([]);
    expect(await compareFacts(logged, runtime)).toEqual([]);
    await expect
      .poll(async () => (await readReport(runtime.url)).watermarkMs, { timeout: CARRIED_MAX_MS, interval: 250 })
      .toBeGreaterThan(lastReceivedAtMs);
    expect((await runtime.bindings.ARCHIVE.list({ prefix: "dead/" })).objects).toEqual([]);
  });
  expect(traffic.acknowledged.length).toBeGreaterThan(KILLS * 20);
  expect(struck.get("an unposted log")).toBeGreaterThan(0);
});

it("loses with the local queue only what no shard had yet", { timeout: TEST_MAX_MS }, async () => {
  const statePath = join(folder, "queue-first");
  const traffic = new Traffic(new Random(SEED), { isDurable: false });
  const victim = prepare(statePath, QUEUE_FIRST);
  const url = await victim.start();
  const driven = traffic.drive(url, 0);
  await expect.poll(() => totalGross(url), { timeout: CARRIED_MAX_MS, interval: 20 }).toBeGreaterThan(200);
  const before = await readReport(url);
  await victim.kill();
  await driven;

  await afterCrash(statePath, QUEUE_FIRST, async (runtime) => {
    const logged = await readArchive(runtime);
    const counted = logged.reduce((sum, { event }) => sum + event.count, 0);
    console.log(`1 kill under load through the queue: ${traffic.clicks.length} clicks sent, ${counted} counted`);
    expect(compareArchive(logged, traffic)).toEqual([]);
    expect(await compareFacts(logged, runtime)).toEqual([]);
    const after = await readReport(runtime.url);
    for (const [ad, { gross }] of before.byAd) expect(after.byAd.get(ad)?.gross).toBeGreaterThanOrEqual(gross);
  });
});

function prepare(statePath: string, vars: Readonly<Record<string, string>>): Victim {
  const victim = new Victim({ statePath, scriptFile, vars, cachePath: join(folder, "cache") });
  victims.push(victim);
  return victim;
}

/** A last start on the state, here and without load, until everything is posted and archived. */
async function afterCrash(
  statePath: string,
  vars: Readonly<Record<string, string>>,
  check: (runtime: LocalRuntime) => Promise<void>,
): Promise<void> {
  const runtime = await startRuntime({ statePath, vars });
  try {
    await runtime.runCron();
    expect(await runtime.waitUntilCarried(CARRIED_MAX_MS)).toBe(true);
    expect(await waitUntilArchived(runtime, CARRIED_MAX_MS)).toBe(true);
    await check(runtime);
  } finally {
    await runtime.stop();
  }
}

async function totalGross(url: string): Promise<number> {
  const { byAd } = await readReport(url);
  return Array.from(byAd.values()).reduce((sum, { gross }) => sum + gross, 0);
}
