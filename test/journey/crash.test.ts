/**
 * Real crashes: the real Worker in workerd, on disk and under load, is killed with SIGKILL again and again, and started
 * on the same state. Every acknowledged click, impression and conversion is in report and archive, none is there twice,
 * no impression is billed twice and no order credited twice.
 *
 * A third of the kills come at a random moment; the others at the first write of a posting, or of an archive segment,
 * after a random moment. Six kills; `CLICKLEDGER_KILLS=21` kills more often. Moments and clicks are drawn from a seed;
 * the machine's timing does the rest.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bundleWorker } from "../../scripts/bundle.ts";
import { type LocalRuntime, startRuntime } from "../../scripts/local-runtime.ts";
import { isConversionEntry, isTokenEntry, type LogEntry } from "../../src/core/log-line.ts";
import { Random } from "../../src/demo/random.ts";
import { SUBMISSION_ROUTING_KEY } from "../../src/shard/submission-routing.ts";
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
import { ROUTING_KEY } from "./crash-orders.ts";
import { Victim } from "./crash-process.ts";
import { Traffic } from "./crash-traffic.ts";

const KILLS = Number(process.env["CLICKLEDGER_KILLS"] ?? 6);
const SEED = 20_261_122;
const KILL_AFTER_MS = { min: 60, max: 900 };
const WRITE_MAX_MS = 1_200;
const CARRIED_MAX_MS = 60_000;
const TEST_MAX_MS = 900_000;
/** Local queues live in memory, so the shard comes first; short intervals make kills meet flushes. */
const VARS = {
  ...TEST_SECRETS,
  FLUSH_INTERVAL_MS: "200",
  SUBMISSION_FLUSH_INTERVAL_MS: "300",
  POST_INTERVAL_MS: "700",
  ARCHIVE_INTERVAL_MS: "1000",
};
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

it(`G3, G4: loses nothing acknowledged and counts nothing twice in ${KILLS} crashes`, {
  timeout: TEST_MAX_MS,
}, async () => {
  const statePath = join(folder, "shard-first");
  const random = new Random(SEED);
  const traffic = new Traffic(random);
  const struck = new Map(WINDOWS.map((window) => [window, 0]));
  await layRoutingKey(statePath);
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
  await afterCrash(statePath, { vars: SHARD_FIRST, traffic }, async (runtime) => {
    const logged = await readArchive(runtime);
    console.log(
      `${KILLS} kills: ${summaryOf(traffic, logged)}; kills that left ` +
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
  // How many get through before a kill depends on the machine; there must be some at every kill.
  expect(traffic.acknowledged.length).toBeGreaterThan(KILLS * 5);
  expect(traffic.pixels.filter(({ isAcknowledged }) => isAcknowledged).length).toBeGreaterThan(KILLS);
  expect(traffic.orders.acknowledged.length).toBeGreaterThan(KILLS / 2);
  expect(struck.get("an unposted log")).toBeGreaterThan(0);
});

it("loses with the local queue only what no shard had yet", { timeout: TEST_MAX_MS }, async () => {
  const statePath = join(folder, "queue-first");
  const traffic = new Traffic(new Random(SEED), { isDurable: false });
  await layRoutingKey(statePath);
  const victim = prepare(statePath, QUEUE_FIRST);
  const url = await victim.start();
  const driven = traffic.drive(url, 0);
  await expect.poll(() => totalGross(url), { timeout: CARRIED_MAX_MS, interval: 20 }).toBeGreaterThan(200);
  const before = await readReport(url);
  await victim.kill();
  await driven;

  await afterCrash(statePath, { vars: QUEUE_FIRST, traffic }, async (runtime) => {
    const logged = await readArchive(runtime);
    console.log(`1 kill under load through the queue: ${summaryOf(traffic, logged)}`);
    expect(compareArchive(logged, traffic)).toEqual([]);
    expect(await compareFacts(logged, runtime)).toEqual([]);
    const after = await readReport(runtime.url);
    for (const [ad, { gross }] of before.byAd) expect(after.byAd.get(ad)?.gross).toBeGreaterThanOrEqual(gross);
  });
});

/** What was sent, acknowledged and counted, as a sentence. */
function summaryOf(
  { clicks, pixels, orders, impressions, acknowledged }: Traffic,
  logged: readonly LogEntry[],
): string {
  const events = logged.filter(isTokenEntry);
  const counted = (type: string, isValid: boolean) =>
    events
      .filter(({ event, verdict }) => event.type === type && (!isValid || verdict === "valid"))
      .reduce((sum, { event }) => sum + (isValid ? 1 : event.count), 0);
  const shown = pixels.filter(({ isAcknowledged }) => isAcknowledged).length;
  return (
    `${clicks.length} clicks on ${impressions.length} impressions sent, ${acknowledged.length} acknowledged, ` +
    `${counted("click", false)} counted, ${counted("click", true)} billed; ${pixels.length} pixels sent, ${shown} ` +
    `acknowledged, ${counted("impression", false)} counted, ${counted("impression", true)} valid; ` +
    `${orders.placed.length} orders placed, ${orders.acknowledged.length} acknowledged, ` +
    `${logged.filter(isConversionEntry).length} credited`
  );
}

/** Lays the key by which orders find their objects into the bucket, as the first isolate would. */
async function layRoutingKey(statePath: string): Promise<void> {
  const runtime = await startRuntime({ statePath, vars: VARS });
  await runtime.bindings.ARCHIVE.put(SUBMISSION_ROUTING_KEY, ROUTING_KEY);
  await runtime.stop();
}

function prepare(statePath: string, vars: Readonly<Record<string, string>>): Victim {
  const victim = new Victim({ statePath, scriptFile, vars, cachePath: join(folder, "cache") });
  victims.push(victim);
  return victim;
}

/** A last start on the state, here and without load, until everything is posted and archived. */
async function afterCrash(
  statePath: string,
  { vars, traffic }: { vars: Readonly<Record<string, string>>; traffic: Traffic },
  check: (runtime: LocalRuntime) => Promise<void>,
): Promise<void> {
  const runtime = await startRuntime({ statePath, vars });
  try {
    await runtime.runCron();
    expect(await runtime.waitUntilCarried(CARRIED_MAX_MS)).toBe(true);
    expect(await waitUntilArchived(runtime, traffic.orders.objects, CARRIED_MAX_MS)).toBe(true);
    await check(runtime);
  } finally {
    await runtime.stop();
  }
}

async function totalGross(url: string): Promise<number> {
  const { byAd } = await readReport(url);
  return Array.from(byAd.values()).reduce((sum, { gross }) => sum + gross, 0);
}
