/**
 * What wrangler.toml and this repository want to be on the platform.
 *
 * Keeps: rules of the bucket are of prefixes of src/batch/retention-table.ts, by their ids: a rule of another id is
 * somebody else's and stays. A lock holds only what is put once and deleted by nobody (docs/decisions/0043).
 */
import { readdir, readFile } from "node:fs/promises";
import { basename } from "node:path";
import { RETENTION } from "../../src/batch/retention-table.ts";
import { JURISDICTIONS, type Jurisdiction } from "../../src/placement.ts";
import { MIGRATIONS_DIR, quietTools, WRANGLER_CONFIG } from "../project.ts";

export const SECRET_NAMES = [
  ...["TOKEN_KEYS", "TOKEN_SIGNING_KID", "ADMIN_API_KEY", "SESSION_KEYS", "EVIDENCE_LOG_KEYS"],
] as const;
export type SecretName = (typeof SECRET_NAMES)[number];

const DAY_S = 86_400;
/** Part of the dedup horizon (src/config.ts). */
export const QUEUE_RETENTION_S = 4 * DAY_S;
/** A backstop where no cron runs: the longest that lines stay, whoever holds them. */
const RAW_DAYS_MAX = 400;

export type LifecycleRule = {
  readonly id: string;
  readonly enabled: boolean;
  readonly conditions: { readonly prefix: string };
  readonly deleteObjectsTransition?: { readonly condition: { readonly type: string; readonly maxAge?: number } };
};
export type LockRule = {
  readonly id: string;
  readonly enabled: boolean;
  readonly prefix: string;
  readonly condition: { readonly type: "Indefinite" | "Age" | "Date"; readonly maxAgeSeconds?: number };
};
export type ConsumerSettings = {
  readonly batch_size: number;
  readonly max_retries: number;
  readonly max_wait_time_ms: number;
  readonly retry_delay: number;
};
export type WantedConsumer = {
  readonly queue: string;
  readonly deadLetterQueue: string | undefined;
  readonly settings: ConsumerSettings;
};

export type Wanted = {
  readonly config: string;
  readonly worker: string;
  readonly onWorkersDev: boolean;
  readonly databases: readonly { readonly binding: string; readonly name: string }[];
  readonly bucket: string;
  readonly queues: readonly string[];
  readonly consumers: readonly WantedConsumer[];
  readonly crons: readonly string[];
  readonly workflows: readonly string[];
  readonly vars: Readonly<Record<string, string>>;
  /** Where all of it is to be kept; null: anywhere. */
  readonly jurisdiction: Jurisdiction | null;
  /** Bindings of which wrangler.toml says the place itself. */
  readonly placed: readonly { readonly binding: string; readonly is: string }[];
  readonly lifecycle: readonly LifecycleRule[];
  readonly locks: readonly LockRule[];
  /** Names of migrations/, in order. */
  readonly migrations: readonly string[];
};

type Placed = { readonly binding: string; readonly jurisdiction?: string };

/** What is read of wrangler.toml. */
type ConfigRead = {
  readonly name?: string;
  readonly workers_dev?: boolean;
  readonly queues?: {
    readonly producers?: readonly { readonly queue?: string }[];
    readonly consumers?: readonly {
      readonly queue: string;
      readonly dead_letter_queue?: string;
      readonly max_batch_size?: number;
      readonly max_batch_timeout?: number;
      readonly max_retries?: number;
      readonly retry_delay?: number;
    }[];
  };
  readonly r2_buckets: readonly (Placed & { readonly bucket_name?: string | symbol })[];
  readonly d1_databases: readonly { readonly binding: string; readonly database_name?: string }[];
  readonly triggers: { readonly crons?: readonly string[] | undefined };
  readonly workflows: readonly (Placed & { readonly name: string | symbol })[];
  readonly vars: Readonly<Record<string, unknown>>;
};

export async function readWanted(config: string = WRANGLER_CONFIG): Promise<Wanted> {
  quietTools();
  const { unstable_readConfig: readConfig } = await import("wrangler");
  const read = readConfig({ config }) as unknown as ConfigRead;
  const consumers = (read.queues?.consumers ?? []).map((consumer) => ({
    ...{ queue: consumer.queue, deadLetterQueue: consumer.dead_letter_queue },
    settings: {
      ...{ batch_size: consumer.max_batch_size ?? 10, max_retries: consumer.max_retries ?? 3 },
      ...{ max_wait_time_ms: (consumer.max_batch_timeout ?? 5) * 1_000, retry_delay: consumer.retry_delay ?? 0 },
    },
  }));
  const producers = (read.queues?.producers ?? []).map(({ queue }) => queue as string);
  const dead = consumers.flatMap(({ queue, deadLetterQueue = queue }) => [queue, deadLetterQueue]);
  const bucket = read.r2_buckets.find(({ binding }) => binding === "ARCHIVE")?.bucket_name;
  if (read.name === undefined || bucket === undefined) {
    throw new Error(`${config} names no Worker, or no bucket for ARCHIVE`);
  }
  return {
    ...{ config, worker: read.name, onWorkersDev: read.workers_dev === true },
    databases: read.d1_databases.map(({ binding, database_name: name = "" }) => ({ binding, name })),
    ...{ bucket: String(bucket), queues: Array.from(new Set([...producers, ...dead])), consumers },
    crons: read.triggers.crons ?? [],
    workflows: read.workflows.map(({ name }) => String(name)),
    vars: read.vars as Record<string, string>,
    jurisdiction: JURISDICTIONS.find((one) => one === read.vars["JURISDICTION"]) ?? null,
    placed: [...read.r2_buckets, ...read.workflows].flatMap(({ binding, jurisdiction: is }) =>
      is === undefined ? [] : [{ binding, is }],
    ),
    ...{ lifecycle: LIFECYCLE, locks: LOCKS, migrations: await migrationNames() },
  };
}

async function migrationNames(): Promise<string[]> {
  return (await readdir(MIGRATIONS_DIR)).filter((name) => name.endsWith(".sql")).sort();
}

const expire = (id: string, prefix: string, days: number): LifecycleRule => ({
  ...{ id, enabled: true, conditions: { prefix } },
  deleteObjectsTransition: { condition: { type: "Age", maxAge: days * DAY_S } },
});
export const LIFECYCLE: readonly LifecycleRule[] = [
  expire(`raw-${RAW_DAYS_MAX}-days`, "raw/v1/", RAW_DAYS_MAX),
  expire("report-pages", "report-pages/", 1),
];

const hold = (id: string, prefix: string): LockRule => ({
  ...{ id, enabled: true, prefix, condition: { type: "Indefinite" } },
});
/** `seals/v1/through.json` moves on and is not held. */
export const LOCKS: readonly LockRule[] = [
  hold("seals", "seals/v1/dt="),
  hold("statements", "statements/v1/"),
  hold("losses", "losses/v1/"),
];

/** Prefixes that nobody may delete, and those that something has to, of the table of retention. */
export const KEPT_PREFIXES = RETENTION.filter(({ of, by }) => of.endsWith("/") && by === null).map(({ of }) => of);
export const DELETED_PREFIXES = RETENTION.filter(({ of, by }) => of.endsWith("/") && by !== null).map(({ of }) => of);

/** The commit and the configuration, by which a version is known again: `0b519a5c1f2e-1a2b3c4d`. */
export async function stampOf(config: string, commit: string): Promise<string> {
  const { createHash } = await import("node:crypto");
  const digest = createHash("sha256")
    .update(await readFile(config))
    .update(basename(config))
    .digest("hex");
  return `${commit.slice(0, 12)}-${digest.slice(0, 8)}`;
}
