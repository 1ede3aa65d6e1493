/**
 * An audit's ports on the platform: the Worker's bindings, its key ring, its topology and the rules in force.
 */
import { readConfig } from "../config.ts";
import { parseJson } from "../core/base64url.ts";
import { importKeyRing } from "../core/key-ring.ts";
import { countsShardNames, eventShardNames, orderShardNames } from "../core/routing.ts";
import { judgeUnder, type RuleSet, readRuleSet, ruleSetKey } from "../core/rules.ts";
import { Directory } from "../facts/directory.ts";
import { topologyInForce } from "../shard/topology-keeper.ts";
import { type AuditOf, type AuditPorts, attemptsOf } from "./context.ts";
import { Meter } from "./cost.ts";
import type { MendPorts } from "./mend.ts";
import type { Judges } from "./scan.ts";
import { auditShard } from "./shard-audit.ts";
import type { Steps } from "./steps.ts";

/** What an audit needs; shards' parts run here, one after the other. */
export function auditPorts(env: Env): AuditPorts {
  const config = readConfig(env);
  const meter = new Meter(env.ARCHIVE);
  const directory = new Directory(env);
  const clock = () => Date.now();
  const shardOf = (name: string) => {
    if (orders.has(name)) return env.ORDER_SHARD.getByName(name);
    return counts.has(name) ? env.COUNTS_SHARD.getByName(name) : env.EVENT_SHARD.getByName(name);
  };
  return {
    ...{ meter, primary: env.REPORT_DB, databases: directory.databases, clock, kept: config.tiers },
    closeGraceMs: config.closeGraceMs,
    shardNames: async () => [...eventShardNames(await topologyInForce(env, config)), ...orders, ...counts],
    seal: async (shard, untilMs) => await shardOf(shard).seal(untilMs),
    archiveNow: async (shard) => void (await shardOf(shard).archiveNow()),
    assign: (ids) => directory.assign(ids, { newTo: config.newAdvertisersTo, nowMs: clock() }),
    runShards: async (of, { shards }, steps) => {
      for (const shard of shards) await runShard(env, { ...of, shard }, steps);
    },
  };
}

const orders = new Set(orderShardNames());
const counts = new Set(countsShardNames());

/** One shard's part of an audit. */
export async function runShard(env: Env, of: AuditOf & { readonly shard: string }, steps: Steps): Promise<void> {
  const attempts = await attemptsOf({ primary: env.REPORT_DB }, of);
  await auditShard({ ...of, attempts }, env.ARCHIVE, await judgesOf(env), steps);
}

async function judgesOf(env: Env): Promise<Judges> {
  const config = readConfig(env);
  const ring = await importKeyRing(parseJson(config.tokenKeys), config.tokenSigningKid);
  if (!ring.ok) throw new Error(ring.error);
  return {
    ring: ring.value,
    topology: await topologyInForce(env, config),
    judge: judgeByName(env.ARCHIVE),
  };
}

/** Judges by the rules that a line names, as they are recorded; each is read once. */
function judgeByName(bucket: R2Bucket): Judges["judge"] {
  const read = new Map<string, Promise<RuleSet | null>>();
  return async (entry) => {
    const asked = read.get(entry.rules) ?? ruleSetIn(bucket, entry.rules);
    read.set(entry.rules, asked);
    const rules = await asked;
    return rules === null ? null : judgeUnder(rules, entry);
  };
}

async function ruleSetIn(bucket: R2Bucket, id: string): Promise<RuleSet | null> {
  const object = await bucket.get(ruleSetKey(id));
  const rules = object === null ? null : readRuleSet(await object.text());
  // What stands there under another's name is nobody's rules.
  return rules?.id === id ? rules : null;
}

/** What mending needs: the shards that hold the events, and the databases. */
export async function mendPorts(env: Env): Promise<MendPorts> {
  const { databases } = new Directory(env);
  return {
    ...{
      archive: env.ARCHIVE,
      primary: env.REPORT_DB,
      databases,
      judges: await judgesOf(env),
      clock: () => Date.now(),
    },
    archiveNow: async (shard) => void (await env.EVENT_SHARD.getByName(shard).archiveNow()),
    revise: async (shard, requests, by) => await env.EVENT_SHARD.getByName(shard).revise(requests, by),
    changes: async (shard, event) => await env.EVENT_SHARD.getByName(shard).changes(event),
    ingest: async (shard, encoded) => await env.EVENT_SHARD.getByName(shard).ingest([encoded]),
    review: async (shard, request, by) => await env.EVENT_SHARD.getByName(shard).review([request], by),
  };
}
