/**
 * Composition root: which handler gets what. Wiring only.
 *
 * Keeps: the click path statically imports neither Hono nor zod; the report side is evaluated at its first request.
 */
import { duty, runCron } from "./batch/cron.ts";
import { readConfig } from "./config.ts";
import { problemResponse } from "./problem.ts";
import { consumeClicks, consumeDeadLetters } from "./queue/consumer.ts";
import { topologyInForce } from "./shard/topology-keeper.ts";
import { destroyOldSalts } from "./track/address-hash.ts";
import { handleClick } from "./track/click.ts";
import { sealerOf } from "./track/edge.ts";
import { handleTrack, pathOf, tokenIn } from "./track/router.ts";

export { EventShard } from "./shard/object.ts";

const DEAD_LETTER_SUFFIX = "-dead";
const DESK_PATHS = ["/v1/late-clicks", "/v1/admin/dead-letters"];

export default {
  async fetch(request, env, ctx) {
    const path = pathOf(request.url);
    const token = tokenIn(path);
    if (token !== null) return handleClick(request, token, env, ctx);
    const tracked = await handleTrack(request, env, ctx);
    if (tracked !== undefined) return tracked;
    if (DESK_PATHS.some((prefix) => path.startsWith(prefix))) {
      return (await import("./desk/app.ts")).handleDesk(request, env, ctx);
    }
    if (path.startsWith("/v1/")) return (await import("./report/app.ts")).handleReport(request, env, ctx);
    if (env.LOCAL_DEMO === "1") {
      const page = await (await import("./demo/pages.ts")).handleDemo(request, path, env);
      if (page !== undefined) return page;
    }
    return problemResponse({ reason: "not_found", status: 404, title: "There is nothing at this address." });
  },

  async queue(batch, env) {
    const letters = { archive: env.ARCHIVE, seal: sealerOf(env) };
    if (batch.queue.endsWith(DEAD_LETTER_SUFFIX)) return consumeDeadLetters(batch, letters);
    const topology = await topologyInForce(env, readConfig(env));
    return consumeClicks(batch, { shards: env.EVENT_SHARD, topology, ...letters });
  },

  async scheduled(controller, env) {
    const nowMs = controller.scheduledTime;
    const ports = {
      database: env.REPORT_DB,
      shards: env.EVENT_SHARD,
      archive: env.ARCHIVE,
      seal: sealerOf(env),
      topology: () => topologyInForce(env, readConfig(env)),
    };
    await Promise.all([runCron(ports, nowMs), duty("salts", () => destroyOldSalts(env.ARCHIVE, nowMs))]);
  },
} satisfies ExportedHandler<Env>;
