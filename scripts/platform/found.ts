/**
 * What is on the platform of what this repository wants, as the API says it. Reading changes nothing.
 */
import { isReportDatabase } from "../../src/core/routing.ts";
import { JURISDICTIONS } from "../../src/placement.ts";
import type { PlatformApi } from "./api.ts";
import type { ConsumerSettings, LifecycleRule, LockRule, Wanted } from "./wanted.ts";

export type FoundBinding = {
  readonly type: string;
  readonly name: string;
  readonly id?: string;
  readonly database_id?: string;
  readonly text?: string;
  readonly class_name?: string;
  readonly bucket_name?: string;
  readonly jurisdiction?: string;
  readonly queue_name?: string;
};
export type FoundConsumer = {
  readonly script?: string;
  readonly script_name?: string;
  readonly dead_letter_queue?: string;
  readonly settings: Partial<ConsumerSettings>;
};
/** Where a thing is kept: null is no jurisdiction, undefined what the platform does not say. */
type Place = string | null | undefined;
export type FoundQueue = {
  readonly id: string;
  readonly jurisdiction: Place;
  readonly retentionS: number | null;
  readonly consumers: readonly FoundConsumer[];
};
export type FoundDatabase = {
  readonly id: string;
  readonly jurisdiction: Place;
  /** Names of applied migrations, in order. */
  readonly applied: readonly string[];
  /** Bindings to which advertisers were assigned; of the primary. */
  readonly assigned: readonly string[];
};
export type FoundWorker = {
  readonly bindings: readonly FoundBinding[];
  readonly secrets: readonly string[];
  readonly crons: readonly string[];
  readonly onWorkersDev: boolean;
  /** The stamp of the version that is deployed (wanted.ts). */
  readonly stamp: string | null;
};

/** A Workflow and the Worker that has it. */
export type FoundWorkflow = { readonly script: string; readonly jurisdiction: string | null };

export type Found = {
  readonly worker: FoundWorker | null;
  readonly databases: ReadonlyMap<string, FoundDatabase>;
  /** The bucket in the jurisdiction that is wanted. */
  readonly bucket: { readonly lifecycle: readonly LifecycleRule[]; readonly locks: readonly LockRule[] } | null;
  /** The jurisdictions in which there is a bucket of its name, where there is none in the one that is wanted. */
  readonly buckets: readonly (string | null)[];
  readonly queues: ReadonlyMap<string, FoundQueue>;
  readonly workflows: ReadonlyMap<string, FoundWorkflow>;
  readonly subdomain: string | null;
};

export async function readFound(api: PlatformApi, wanted: Wanted): Promise<Found> {
  const subdomain = await api.find<{ subdomain: string }>("/workers/subdomain");
  const worker = await readWorker(api, wanted.worker);
  const databases = await readDatabases(api, wanted);
  const bucket = await readBucket(api.within(wanted.jurisdiction), wanted.bucket);
  return {
    ...{ worker, databases, bucket, queues: await readQueues(api, wanted) },
    buckets: bucket === null ? await bucketsElsewhere(api, wanted) : [],
    workflows: await readWorkflows(api, wanted),
    subdomain: subdomain?.subdomain ?? null,
  };
}

async function readWorker(api: PlatformApi, name: string): Promise<FoundWorker | null> {
  const path = `/workers/scripts/${name}`;
  const settings = await api.find<{ bindings?: FoundBinding[] }>(`${path}/settings`);
  if (settings === null) return null;
  const secrets = await api.get<{ name: string }[]>(`${path}/secrets`);
  const { schedules } = await api.get<{ schedules: { cron: string }[] }>(`${path}/schedules`);
  const { enabled } = await api.get<{ enabled: boolean }>(`${path}/subdomain`);
  return {
    ...{ bindings: settings.bindings ?? [], secrets: secrets.map((secret) => secret.name), onWorkersDev: enabled },
    ...{ crons: schedules.map(({ cron }) => cron), stamp: await readStamp(api, path) },
  };
}

/** Of the version that all requests get; null while two are deployed side by side. */
async function readStamp(api: PlatformApi, path: string): Promise<string | null> {
  const { deployments } = await api.get<{ deployments: { versions: { version_id: string }[] }[] }>(
    `${path}/deployments`,
  );
  const [only, other] = deployments[0]?.versions ?? [];
  if (only === undefined || other !== undefined) return null;
  const version = await api.get<{ annotations?: Record<string, string> }>(`${path}/versions/${only.version_id}`);
  return version.annotations?.["workers/tag"] ?? null;
}

async function readDatabases(api: PlatformApi, { databases }: Wanted): Promise<Map<string, FoundDatabase>> {
  const all = await api.all<{ uuid: string; name: string; jurisdiction?: string | null }>("/d1/database");
  const found = new Map<string, FoundDatabase>();
  for (const { name } of databases) {
    const there = all.find((database) => database.name === name);
    if (there === undefined) continue;
    const tables = new Set((await rows<{ name: string }>(api, there.uuid, TABLES)).map((table) => table.name));
    const read = async (table: string, sql: string) =>
      tables.has(table) ? (await rows<{ name: string }>(api, there.uuid, sql)).map((row) => row.name) : [];
    found.set(name, {
      ...{ id: there.uuid, jurisdiction: there.jurisdiction },
      applied: await read("d1_migrations", APPLIED),
      assigned: (await read("report_databases", ASSIGNED)).filter(isReportDatabase),
    });
  }
  return found;
}

const TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'";
const APPLIED = "SELECT name FROM d1_migrations ORDER BY id";
const ASSIGNED = "SELECT database AS name FROM report_databases ORDER BY database";

/** The rows of one statement that only looks. */
export async function rows<T>(api: PlatformApi, databaseId: string, sql: string): Promise<T[]> {
  const [answer] = await api.post<{ results: T[] }[]>(`/d1/database/${databaseId}/query`, { sql, params: [] });
  return answer?.results ?? [];
}

async function readBucket(api: PlatformApi, name: string): Promise<Found["bucket"]> {
  if ((await api.find(`/r2/buckets/${name}`)) === null) return null;
  const lifecycle = await api.get<{ rules?: LifecycleRule[] }>(`/r2/buckets/${name}/lifecycle`);
  const locks = await api.get<{ rules?: LockRule[] }>(`/r2/buckets/${name}/lock`);
  return { lifecycle: lifecycle.rules ?? [], locks: locks.rules ?? [] };
}

async function bucketsElsewhere(api: PlatformApi, { bucket, jurisdiction }: Wanted): Promise<(string | null)[]> {
  const others = [null, ...JURISDICTIONS].filter((one) => one !== jurisdiction);
  const found: (string | null)[] = [];
  for (const one of others) if ((await api.within(one).find(`/r2/buckets/${bucket}`)) !== null) found.push(one);
  return found;
}

async function readQueues(api: PlatformApi, { queues }: Wanted): Promise<Map<string, FoundQueue>> {
  type Shown = {
    readonly queue_id: string;
    readonly queue_name: string;
    readonly jurisdiction?: string | null;
    readonly settings?: { readonly message_retention_period?: number };
  };
  const all = await api.all<Shown>("/queues");
  const found = new Map<string, FoundQueue>();
  for (const { queue_id: id, queue_name: name, jurisdiction, settings } of all) {
    if (!queues.includes(name)) continue;
    const consumers = await api.get<FoundConsumer[]>(`/queues/${id}/consumers`);
    found.set(name, { id, jurisdiction, retentionS: settings?.message_retention_period ?? null, consumers });
  }
  return found;
}

async function readWorkflows(api: PlatformApi, { workflows }: Wanted): Promise<Map<string, FoundWorkflow>> {
  const found = new Map<string, FoundWorkflow>();
  for (const name of workflows) {
    const there = await api.find<{ script_name: string; jurisdiction?: string | null }>(`/workflows/${name}`);
    if (there !== null) found.set(name, { script: there.script_name, jurisdiction: there.jurisdiction ?? null });
  }
  return found;
}
