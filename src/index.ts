/**
 * Composition root: which handler gets what. Wiring only.
 *
 * Keeps: the click path statically imports neither Hono nor zod; the API is evaluated at its first request.
 * With settings that are refused nothing is done, and every answer says which they are. Whatever a route throws is a
 * problem.
 */
import { withCors } from "./access/cors.ts";
import { duty, runCron, runTiers } from "./batch/cron.ts";
import { ConfigError, readConfig } from "./config.ts";
import { drainSubmissions } from "./conversions/drain.ts";
import { boundDatabases, Directory } from "./facts/directory.ts";
import { logFault, logInfo } from "./log.ts";
import { problemResponse } from "./problem.ts";
import { consumeDeadLetters, consumeEvents } from "./queue/consumer.ts";
import { dropKeptRows } from "./report/page/page-store.ts";
import { topologyInForce } from "./shard/topology-keeper.ts";
import { wakeEvidenceLog } from "./tlog/evidence-log.ts";
import { destroyOldSalts } from "./track/address-hash.ts";
import { handleClick } from "./track/click.ts";
import { edgeOf, sealerOf } from "./track/edge.ts";
import { handleImpression } from "./track/impression.ts";
import { handleTrack, pathOf, tokenIn } from "./track/router.ts";

export { ReadGate } from "./access/read-gate.ts";
export { AuditWorkflow } from "./audit/workflow.ts";
export { EvidenceWorkflow } from "./evidence/workflow.ts";
export { ReplayWorkflow } from "./replay/workflow.ts";
export { CountsShard } from "./shard/counts-shard.ts";
export { EventShard } from "./shard/event-shard.ts";
export { OrderShard } from "./shard/order-shard.ts";
export { EvidenceLog } from "./tlog/evidence-log.ts";
export { WebhookEndpoint } from "./webhooks/endpoint.ts";

const DEAD_LETTER_SUFFIX = "-dead";
/** The bindings whose settings were found to be right, and those that were found to be wrong and reported. */
let sound: Env | null = null;
let reported: Env | null = null;

/** Null, or the answer of a deployment with settings that are refused. */
function refuseSettings(env: Env): Response | null {
  try {
    readConfig(env);
    sound = env;
    return null;
  } catch (refused) {
    if (!(refused instanceof ConfigError)) throw refused;
    if (env !== reported) logFault("settings_refused", refused);
    reported = env;
    const detail = `Refused: ${refused.settings.join(", ")}. The operator finds in the Worker's log what each must be.`;
    return problemResponse({ reason: "settings_refused", detail });
  }
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

export default {
  async fetch(request, env, ctx) {
    try {
      const refused = env === sound ? null : refuseSettings(env);
      if (refused !== null) return refused;
      const path = pathOf(request.url);
      const clicked = tokenIn("click", path);
      if (clicked !== null) return await handleClick(request, clicked, env, ctx);
      const shown = tokenIn("impression", path);
      if (shown !== null) return await handleImpression(request, shown, env, ctx);
      const tracked = await handleTrack(request, path, env, ctx);
      if (tracked !== undefined) return tracked;
      const { handleApi } = await import("./api/app.ts");
      const { apiOrigins: origins } = readConfig(env);
      return await withCors(request, { path, origins }, () => handleApi(request, env, ctx));
    } catch (fault) {
      logFault("request_failed", fault);
      return problemResponse({ reason: "internal_error" });
    }
  },

  async queue(batch, env) {
    const letters = { archive: env.ARCHIVE, seal: sealerOf(env) };
    if (batch.queue.endsWith(DEAD_LETTER_SUFFIX)) return consumeDeadLetters(batch, letters);
    const topology = await topologyInForce(env, readConfig(env));
    return consumeEvents(batch, { shards: env.EVENT_SHARD, topology, ...letters });
  },

  async scheduled(controller, env) {
    const nowMs = controller.scheduledTime;
    const ports = {
      databases: boundDatabases(env),
      shards: env.EVENT_SHARD,
      orders: env.ORDER_SHARD,
      counts: env.COUNTS_SHARD,
      archive: env.ARCHIVE,
      seal: sealerOf(env),
      topology: () => topologyInForce(env, readConfig(env)),
    };
    await Promise.all([
      runCron(ports, nowMs),
      runTiers(ports, nowMs, readConfig(env)),
      duty("drain submissions", async () => void (await drainSubmissions(ports, nowMs))),
      duty("audit", async () => {
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
      duty("canary", () => runCanaryIn(env, nowMs)),
      duty("retire days", async () => {
        const { isRetireTurn, retireDays } = await import("./batch/retire-days.ts");
        if (!isRetireTurn(nowMs)) return;
        const { isEvidencedIn } = await import("./evidence/due.ts");
        const { rawKeptDays, closeGraceMs } = readConfig(env);
        const isEvidenced = (day: string) => isEvidencedIn(env, day, closeGraceMs);
        await retireDays({ archive: env.ARCHIVE, nowMs, rawKeptDays, isEvidenced });
      }),
      duty("tell statements", async () => {
        const [{ finishIssued }, { billingPorts }] = await Promise.all([
          import("./billing/issued.ts"),
          import("./billing/ports.ts"),
        ]);
        const finished = await finishIssued(billingPorts(env, { config: readConfig(env), nowMs }));
        if (finished > 0) logInfo("statements_told", { finished });
      }),
      duty("webhooks", async () => {
        const { wakeWebhooks } = await import("./webhooks/wake.ts");
        await wakeWebhooks(env);
      }),
      duty("evidence log", () => wakeEvidenceLog(env, readConfig(env), nowMs)),
      duty("report pages", async () => void (await dropKeptRows(env.ARCHIVE, nowMs))),
      duty("salts", () => destroyOldSalts(env.ARCHIVE, nowMs)),
    ]);
  },
} satisfies ExportedHandler<Env>;
