/**
 * What is measured, by the bindings.
 */
import type { Config } from "../config.ts";
import { eventShardNames } from "../core/routing.ts";
import { boundDatabases } from "../facts/directory.ts";
import type { Meter } from "../metering.ts";
import { topologyInForce } from "../shard/topology-keeper.ts";
import { EVIDENCE_LOG_NAME } from "../tlog/evidence-log.ts";
import type { MeasurePorts } from "./measure.ts";

const QUEUE_BINDING = /^(?:CLICK|IMPRESSION)_QUEUE_|^DEAD_(?:CLICK|IMPRESSION)_QUEUE$/;

export function watchPorts(env: Env, config: Config, nowMs: number, meter: Meter): MeasurePorts {
  const queues = Object.entries(env).filter(([binding]) => QUEUE_BINDING.test(binding)) as [string, Queue][];
  return {
    ...{ nowMs, graceMs: config.closeGraceMs, bucket: env.ARCHIVE, primary: env.REPORT_DB },
    ...{ databases: boundDatabases(env), hasCanary: config.canaryOrigin !== null },
    spent: () => meter.take(),
    queues: new Map(queues),
    shards: async () => {
      const names = eventShardNames(await topologyInForce(env, config));
      const said = await Promise.all(
        names.map(async (name) => [name, await env.EVENT_SHARD.getByName(name).measure()] as const),
      );
      return new Map(said);
    },
    isLogStopped: async () => {
      if (config.evidenceLog === null) return null;
      const last = await env.EVIDENCE_LOG.getByName(EVIDENCE_LOG_NAME).lastRun();
      return last === null ? null : !last.outcome.ok && last.outcome.error !== "off";
    },
  };
}
