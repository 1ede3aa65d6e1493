/**
 * What the doctor finds, each in one sentence with what to do: pure functions from what is wanted and what was seen.
 *
 * Keeps: what could not be looked at is no finding, and never counts as fine (doctor.ts). A sentence names no secret.
 */
import { parseJson } from "../../src/core/base64url.ts";
import { parseTopology } from "../../src/core/routing.ts";
import { adoptTopology } from "../../src/core/topology.ts";
import type { Found } from "./found.ts";
import type { KeptState } from "./keep.ts";
import { mixedBindings, placementFaults } from "./placement.ts";
import { databaseIdOf, isClickledger, isSameRule, pendingOf, unknownOf } from "./plan.ts";
import { DELETED_PREFIXES, KEPT_PREFIXES, QUEUE_RETENTION_S, SECRET_NAMES, type Wanted } from "./wanted.ts";

/** `check` is a stable name for scripts; `sentence` says what is wrong and what to do. */
export type Finding = { readonly check: string; readonly sentence: string };

const find = (check: string, sentence: string): Finding => ({ check, sentence });

const DAY_MS = 86_400_000;
/** Older than this a key has outlived its rotation (docs/OPERATIONS.md). */
export const KEY_DAYS_MAX = 400;
/** Cron runs every minute; changes of its schedule take 15. */
const BEAT_MAX_MS = 5 * 60_000;
/** As docs/OPERATIONS.md says under What to watch. */
const LAG_MAX_S = 60;

export function ofWorker(wanted: Wanted, { worker }: Found): Finding[] {
  if (worker === null) return [find("worker_missing", `No Worker ${wanted.worker} is deployed: npm run deploy.`)];
  const findings: Finding[] = [];
  if (!isClickledger(worker)) {
    findings.push(
      find("worker_other", `The Worker ${wanted.worker} has no EventShard, so it is another: choose a name.`),
    );
  }
  if (worker.onWorkersDev !== wanted.onWorkersDev) {
    const [is, be] = worker.onWorkersDev ? ["answers", "not "] : ["does not answer", ""];
    findings.push(find("workers_dev", `It ${is} at workers.dev and is ${be}to: set workers_dev, or deploy again.`));
  }
  for (const cron of wanted.crons.filter((one) => !worker.crons.includes(one))) {
    findings.push(
      find("cron_missing", `Cron ${cron} is not set, so nothing is rolled, sealed or repaired: deploy again.`),
    );
  }
  for (const [name, text] of Object.entries(wanted.vars)) {
    const there = worker.bindings.find((binding) => binding.name === name);
    if (there?.text === text) continue;
    // The deployment's own address stands in its place.
    if (name === "CANARY_ORIGIN" && text === "" && there !== undefined) continue;
    // To deploy it again would be to count elsewhere (ofPlaces).
    if (name === "JURISDICTION") continue;
    const how = there === undefined ? "is not set" : "is not what wrangler.toml says";
    findings.push(find("setting_differs", `${name} ${how}: deploy again, and change settings in wrangler.toml alone.`));
  }
  return findings;
}

export function ofPlaces(wanted: Wanted, found: Found, state: KeptState): Finding[] {
  const mixed = mixedBindings(wanted).map((detail) => ({ reason: "jurisdiction_mixed", detail }));
  return [...mixed, ...placementFaults(wanted, found, state)].map(({ reason, detail }) => find(reason, `${detail}.`));
}

export function ofSecrets({ worker }: Found, state: KeptState, kept: readonly string[], nowMs: number): Finding[] {
  const findings: Finding[] = [];
  const there = worker?.secrets ?? [];
  for (const name of SECRET_NAMES) {
    if (!there.includes(name))
      findings.push(find("secret_missing", `The secret ${name} is not set: npm run deploy sends it.`));
    else if (!kept.includes(name)) {
      findings.push(
        find("secret_not_kept", `${name} is not kept on this machine: bring secrets.json back from a copy.`),
      );
    }
    const madeAtMs = state.secretsMadeAtMs[name];
    const days = madeAtMs === undefined ? 0 : Math.floor((nowMs - madeAtMs) / DAY_MS);
    if (days <= KEY_DAYS_MAX) continue;
    findings.push(find("secret_old", `${name} was made ${days} days ago, more than ${KEY_DAYS_MAX}: npm run rotate.`));
  }
  for (const name of there.filter((one) => !(SECRET_NAMES as readonly string[]).includes(one))) {
    findings.push(
      find("secret_unknown", `Nothing reads the secret ${name}: correct its name, or npx wrangler secret delete it.`),
    );
  }
  return findings;
}

export function ofDatabases(wanted: Wanted, { worker, databases }: Found): Finding[] {
  const findings: Finding[] = [];
  for (const { binding, name } of wanted.databases) {
    const database = databases.get(name);
    if (database === undefined) {
      findings.push(
        find("database_missing", `There is no D1 database ${name}: npm run deploy, then rebuild ${binding}.`),
      );
      continue;
    }
    const pending = pendingOf(wanted, database.applied);
    if (pending.length > 0) {
      findings.push(find("migrations_pending", `${name} lacks ${pending.join(", ")}: npm run deploy applies them.`));
    }
    const unknown = unknownOf(wanted, database.applied);
    if (unknown.length > 0) {
      const sentence = `${name} has ${unknown.join(", ")}, which this clone does not: pull the version that is deployed.`;
      findings.push(find("database_newer", sentence));
    }
    const bound = worker?.bindings.find((one) => one.name === binding);
    if (worker !== null && (bound === undefined || databaseIdOf(bound) !== database.id)) {
      findings.push(find("database_other", `${binding} is not bound to ${name}: put back what was, and deploy again.`));
    }
    for (const assigned of database.assigned) {
      if (wanted.databases.some((one) => one.binding === assigned)) continue;
      const sentence = `${assigned} has advertisers, and wrangler.toml does not name it: put it back, and deploy again.`;
      findings.push(find("database_removed", sentence));
    }
  }
  return findings;
}

export function ofQueues(wanted: Wanted, { queues }: Found): Finding[] {
  const findings: Finding[] = [];
  for (const name of wanted.queues) {
    const queue = queues.get(name);
    if (queue === undefined) {
      findings.push(find("queue_missing", `There is no queue ${name}: npm run deploy makes it.`));
    } else if (queue.retentionS !== QUEUE_RETENTION_S) {
      const sentence = `Queue ${name} keeps messages ${queue.retentionS} s and not ${QUEUE_RETENTION_S}: npm run deploy sets it.`;
      findings.push(find("queue_retention", sentence));
    }
  }
  for (const { queue: name, deadLetterQueue, settings } of wanted.consumers) {
    const queue = queues.get(name);
    if (queue === undefined) continue;
    const mine = queue.consumers.find((one) => (one.script ?? one.script_name) === wanted.worker);
    if (mine === undefined) {
      findings.push(find("consumer_missing", `Nothing reads queue ${name}, so its clicks wait and end: deploy again.`));
      continue;
    }
    if (mine.dead_letter_queue !== deadLetterQueue) {
      const sentence = `What queue ${name} gives up goes to ${mine.dead_letter_queue ?? "nowhere"} and not to ${deadLetterQueue ?? "nowhere"}: deploy again.`;
      findings.push(find("dead_letter_queue", sentence));
    }
    const other = Object.entries(settings).filter(([of, value]) => Reflect.get(mine.settings, of) !== value);
    if (other.length === 0) continue;
    const names = other.map(([of, value]) => `${of} (${value})`).join(", ");
    findings.push(find("consumer_settings", `The consumer of queue ${name} is to have ${names}: deploy again.`));
  }
  return findings;
}

export function ofBucket({ bucket: name, lifecycle, locks }: Wanted, { bucket, buckets }: Found): Finding[] {
  // It is there, and elsewhere: what ofPlaces says.
  if (buckets.length > 0) return [];
  if (bucket === null)
    return [find("bucket_missing", `There is no R2 bucket ${name}: bring it back; it holds what is billed.`)];
  const findings: Finding[] = [];
  for (const rule of lifecycle.filter((one) => !bucket.lifecycle.some((there) => isSameRule(one, there)))) {
    findings.push(find("lifecycle_missing", `${name} lacks the lifecycle rule ${rule.id}: npm run deploy sets it.`));
  }
  for (const rule of locks.filter((one) => !bucket.locks.some((there) => isSameRule(one, there)))) {
    findings.push(find("lock_missing", `${name} lacks the lock ${rule.id} on ${rule.prefix}: npm run deploy sets it.`));
  }
  for (const rule of bucket.lifecycle.filter((one) => one.enabled && one.deleteObjectsTransition !== undefined)) {
    const prefix = rule.conditions?.prefix ?? "";
    const hit = meeting(prefix, [...KEPT_PREFIXES, "cold/"]);
    if (hit === undefined) continue;
    findings.push(
      find("lifecycle_deletes", `The lifecycle rule ${rule.id} deletes ${hit}, which is kept: remove the rule.`),
    );
  }
  for (const rule of bucket.locks.filter((one) => one.enabled)) {
    const hit = meeting(rule.prefix ?? "", DELETED_PREFIXES);
    if (hit === undefined) continue;
    findings.push(
      find("lock_holds", `The lock ${rule.id} holds ${hit}, which has to be deleted in time: remove the lock.`),
    );
  }
  return findings;
}

/** The first of these prefixes that has objects in common with a rule's. */
const meeting = (prefix: string, others: readonly string[]): string | undefined =>
  others.find((other) => other.startsWith(prefix) || prefix.startsWith(other));

export type Seen = {
  readonly nowMs: number;
  /** Binding → when cron last ran on it; null: never. */
  readonly beatsAtMs: ReadonlyMap<string, number | null>;
  readonly apiKeys: readonly { readonly keyId: string; readonly label: string; readonly createdAtMs: number }[];
  /** JSON of the topology in R2, where one is recorded. */
  readonly topology: string | null;
  /** How far the report is behind; null where that is unknown. */
  readonly lagSeconds: number | null;
};

export function ofCron({ beatsAtMs, nowMs }: Pick<Seen, "beatsAtMs" | "nowMs">): Finding[] {
  return Array.from(beatsAtMs).flatMap(([binding, atMs]) => {
    if (atMs !== null && nowMs - atMs <= BEAT_MAX_MS) return [];
    const since = atMs === null ? "never" : `last ${Math.floor((nowMs - atMs) / 60_000)} minutes ago`;
    return [find("cron_stopped", `Cron ran on ${binding} ${since}: look for cron_duty_failed, and at the triggers.`)];
  });
}

export function ofApiKeys({ apiKeys, nowMs }: Pick<Seen, "apiKeys" | "nowMs">): Finding[] {
  return apiKeys.flatMap(({ keyId, label, createdAtMs }) => {
    const days = Math.floor((nowMs - createdAtMs) / DAY_MS);
    const sentence = `The API key ${keyId} (${label}) is ${days} days old: POST /v1/admin/keys/${keyId}/rotate.`;
    return days <= KEY_DAYS_MAX ? [] : [find("api_key_old", sentence)];
  });
}

export function ofTopology({ vars }: Wanted, { topology, nowMs }: Pick<Seen, "topology" | "nowMs">): Finding[] {
  if (topology === null) return [];
  const recorded = parseTopology(parseJson(topology));
  if (!recorded.ok) {
    return [find("topology_broken", `topology/v1.json cannot be read (${recorded.error}): bring it back from a copy.`)];
  }
  const configured = parseTopology(parseJson(vars["TOPOLOGY"] ?? ""));
  if (!configured.ok) return [find("topology_refused", `TOPOLOGY is wrong: ${configured.error}.`)];
  const { refusals } = adoptTopology(recorded.value, configured.value, nowMs);
  const sentence = `TOPOLOGY is not in force (${refusals.join(", ")}): repeat what is recorded, and add epochs behind it.`;
  return refusals.length === 0 ? [] : [find("topology_refused", sentence)];
}

export function ofLag(lagSeconds: number | null): Finding[] {
  if (lagSeconds === null)
    return [find("watermark_unknown", "The report does not know its watermark: look at its warnings.")];
  const sentence = `The report is ${Math.round(lagSeconds)} s behind, more than ${LAG_MAX_S}: something is stuck in a queue, the spool or a shard.`;
  return lagSeconds <= LAG_MAX_S ? [] : [find("watermark_behind", sentence)];
}
