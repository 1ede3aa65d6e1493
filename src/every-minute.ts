/**
 * Composition root of cron: what each minute does, and what only some minutes do. Wiring only.
 *
 * Keeps: each duty has its turn whatever happens to the others. What lists R2 and has seldom anything to do has its
 * turn seldom, so that a Worker that nobody clicks on costs little (`npm run cost`, cron alone). Applications and what
 * writes Parquet are loaded when their turn comes.
 */
import { duty, runCron, runTiers } from "./batch/cron.ts";
import { readConfig } from "./config.ts";
import { drainSubmissions } from "./conversions/drain.ts";
import { MINUTE_MS } from "./core/limits.ts";
import type { Topology } from "./core/routing.ts";
import { boundDatabases, Directory } from "./facts/directory.ts";
import { logInfo } from "./log.ts";
import { Meter } from "./metering.ts";
import { lookIntoFolders } from "./queue/folders.ts";
import { SUBMISSION_SPOOL_PREFIX } from "./queue/submission-spool.ts";
import { makeWatermarkCache, readWatermark } from "./report/answer/watermark.ts";
import { platformSources } from "./report/answer/watermark-sources.ts";
import { dropKeptRows } from "./report/page/page-store.ts";
import { topologyInForce } from "./shard/topology-keeper.ts";
import { wakeEvidenceLog } from "./tlog/evidence-log.ts";
import { destroyOldSalts } from "./track/address-hash.ts";
import { edgeOf, sealerOf } from "./track/edge.ts";

/** What crons of this isolate spend. */
const meter = new Meter("worker");

type Turn = { readonly everyMinutes: number; readonly at: number };

/** Pages that nobody asks for any more, an hour after they were made. */
const PAGES: Turn = { everyMinutes: 10, at: 4 };
/** Statements whose issuer died before it told of them. */
const TOLD: Turn = { everyMinutes: 5, at: 2 };
/** Days that are over: their grace mostly ends with such a minute. */
const AUDITS: Turn = { everyMinutes: 5, at: 0 };
/** Salts of the day before yesterday. */
const SALTS: Turn = { everyMinutes: 60, at: 7 };

/** Orders to erase, of which there are seldom any. */
const ERASURES: Turn = { everyMinutes: 2, at: 1 };

function isTurn({ everyMinutes, at }: Turn, nowMs: number): boolean {
  return Math.floor(nowMs / MINUTE_MS) % everyMinutes === at;
}

/** Runs the duties of the minute of `nowMs`; resolves when everything was tried. */
export async function everyMinute(given: Env, nowMs: number): Promise<void> {
  const env = meter.of(given);
  const ports = {
    databases: boundDatabases(env),
    shards: env.EVENT_SHARD,
    orders: env.ORDER_SHARD,
    counts: env.COUNTS_SHARD,
    archive: env.ARCHIVE,
    isSpooled: lookIntoFolders(env.ARCHIVE, "spool"),
    seal: sealerOf(env),
    topology: () => topologyInForce(env, readConfig(env)),
  };
  await Promise.all([
    runCron(ports, nowMs),
    runTiers(ports, nowMs, readConfig(env)),
    duty("drain submissions", async () => {
      if (await ports.isSpooled(SUBMISSION_SPOOL_PREFIX)) await drainSubmissions(ports, nowMs);
    }),
    ...days(env, nowMs),
    ...telling(env, nowMs),
    duty("canary", () => runCanaryIn(env, nowMs)),
    duty("erasures", async () => {
      if (isTurn(ERASURES, nowMs)) await eraseIn(env, ports.topology);
    }),
    duty("report pages", async () => {
      if (isTurn(PAGES, nowMs)) await dropKeptRows(env.ARCHIVE, nowMs);
    }),
    duty("salts", async () => {
      if (isTurn(SALTS, nowMs)) await destroyOldSalts(env.ARCHIVE, nowMs);
    }),
  ]);
}

/** From a day that is over to its bill, and to where its lines leave. */
function days(env: Env, nowMs: number): Promise<void>[] {
  return [
    duty("audit", async () => {
      if (!isTurn(AUDITS, nowMs)) return;
      const { startDue } = await import("./audit/start.ts");
      await startDue(env, { nowMs, graceMs: readConfig(env).closeGraceMs });
    }),
    duty("evidence", async () => {
      const { startEvidence } = await import("./evidence/workflow.ts");
      await startEvidence(env, nowMs);
    }),
    duty("statements", async () => {
      const config = readConfig(env);
      if (!config.monthlyStatements) return;
      const { issueByCron } = await import("./billing/cron.ts");
      await issueByCron(env, config, nowMs);
    }),
    duty("retire days", async () => {
      const { isRetireTurn, retireDays } = await import("./batch/retire-days.ts");
      if (!isRetireTurn(nowMs)) return;
      const { isEvidencedIn } = await import("./evidence/due.ts");
      const { rawKeptDays, closeGraceMs } = readConfig(env);
      const isEvidenced = (day: string) => isEvidencedIn(env, day, closeGraceMs);
      await retireDays({ archive: env.ARCHIVE, nowMs, rawKeptDays, isEvidenced });
    }),
    duty("retire work", async () => {
      const { isRetireWorkTurn, retireWork } = await import("./batch/retire-work.ts");
      if (!isRetireWorkTurn(nowMs)) return;
      const { rawKeptDays, dedupHorizonMs: spanMs } = readConfig(env);
      await retireWork({ archive: env.ARCHIVE, nowMs, rawKeptDays, spanMs });
    }),
  ];
}

/** What others are told: leaves of the evidence log, statements, webhooks. */
function telling(env: Env, nowMs: number): Promise<void>[] {
  return [
    duty("evidence log", () => wakeEvidenceLog(env, readConfig(env), nowMs)),
    duty("tell statements", async () => {
      if (!isTurn(TOLD, nowMs)) return;
      const [{ finishIssued }, { billingPorts }] = await Promise.all([
        import("./billing/issued.ts"),
        import("./billing/ports.ts"),
      ]);
      const finished = await finishIssued(billingPorts(env, { config: readConfig(env), nowMs }));
      if (finished > 0) logInfo("statements_told", { finished });
    }),
    duty("metrics", async () => {
      const [{ watch }, { watchPorts }] = await Promise.all([
        import("./metrics/watch.ts"),
        import("./metrics/ports.ts"),
      ]);
      await watch(watchPorts(env, readConfig(env), nowMs, meter));
    }),
    duty("webhooks", async () => {
      const { wakeWebhooks } = await import("./webhooks/wake.ts");
      await wakeWebhooks(env);
    }),
  ];
}

/** Clicks as a browser does, where a deployment says at which address (src/canary/run.ts). */
async function runCanaryIn(env: Env, nowMs: number): Promise<void> {
  const { canaryOrigin: origin, clickIdParam, token: policy } = readConfig(env);
  if (origin === null) return;
  const { canaryPorts, runCanary } = await import("./canary/run.ts");
  const { ring } = await edgeOf(env);
  const places = new Directory(env);
  await runCanary(canaryPorts({ origin, clickIdParam, bucket: env.ARCHIVE, places, ring, policy }), nowMs);
}

/** Goes on with what is to be erased (src/erasure/run.ts). */
async function eraseIn(env: Env, topology: () => Promise<Topology>): Promise<void> {
  const { eraseByCron } = await import("./erasure/cron.ts");
  const { ring } = await edgeOf(env);
  const ports = { bucket: env.ARCHIVE, ring, clock: () => Date.now(), arrivedUntilMs: () => arrivedUntilMs(env) };
  await eraseByCron(ports, { shards: env.EVENT_SHARD, topology });
}

/** The watermark of clicks and impressions, which waits for queues and spools; null where one did not tell. */
async function arrivedUntilMs(env: Env): Promise<number | null> {
  const stations = { conversions: false, counts: false };
  const sources = platformSources(env, readConfig(env), stations, { advertiserId: null, publisherId: null });
  return (await readWatermark({ nowMs: Date.now(), ...sources }, makeWatermarkCache())).watermarkMs;
}
