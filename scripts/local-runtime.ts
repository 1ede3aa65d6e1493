/**
 * The whole Worker on this machine: the deployed bundle in workerd, with the bindings that wrangler.toml describes.
 *
 *   startRuntime({ port, statePath, vars }) → url, database, runCron(), waitUntilCarried(), stop()
 *
 * Requests reach the Worker's own socket, not through `wrangler dev`'s proxy, which passes about 560 of them a second.
 * So nothing adds headers: `CF-Connecting-IP` is there only if the client sends it, and `request.cf` only if the client
 * sends it as JSON in `MF-CF-Blob`. Load tests use both; a plain browser has neither address nor country.
 *
 * Keeps: no binding is written twice: all come from wrangler.toml, `vars` only replaces texts. With `statePath`, the
 * database, archive and shards outlive the process, laid out as wrangler lays them out (`--persist-to`); queues never do.
 * The port is opened last: while the Worker is being built, its databases run alone, are migrated and prepared. So what
 * connects at all meets a Worker that can answer.
 * Relies on: one process per state folder.
 */
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { D1Database, Queue, R2Bucket } from "@cloudflare/workers-types";
import type { Miniflare, V4MiniflareOptions } from "miniflare";
import { boundDatabases } from "../src/facts/directory.ts";
import { bundleWorker } from "./bundle.ts";
import { type PipelineBindings, waitUntilCarried } from "./carried.ts";
import { applyMigrations } from "./migrate.ts";
import { HERE, MIGRATIONS_DIR, PROJECT_ROOT, quietTools, WRANGLER_CONFIG } from "./project.ts";

export const LOOPBACK = "127.0.0.1";
const CRON = "* * * * *";
/** The Worker with the demonstration in front. */
export const DEMO_ENTRY = "src/demo/worker.ts";

export type RuntimeLog = { readonly level: string; readonly message: string };

export type RuntimeOptions = {
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Absent: a temporary folder that is removed at the end. */
  readonly statePath?: string;
  /** Secrets, and variables that replace those of wrangler.toml. */
  readonly vars: Readonly<Record<string, string>>;
  /** Called with the migrated primary database before the port is opened. */
  readonly prepare?: (database: D1Database) => Promise<Prepared | undefined>;
  /** The source whose bundle runs where it is not that of wrangler.toml. */
  readonly entry?: string;
  /** The bundle to run where one is at hand, for benchmarks. */
  readonly script?: string;
  /** Whether queues deliver what they get (the default); without consumers the local queue drops it. */
  readonly hasConsumers?: boolean;
  /** The clone that the Worker, its configuration and its migrations are of. */
  readonly root?: string;
  /** Modules that run beside it in the same workerd, by name, with bindings of their own or none. */
  readonly neighbours?: Readonly<Record<string, string | Neighbour>>;
  /** What the Worker writes to its console. */
  readonly onLog?: (log: RuntimeLog) => void;
};

export type Neighbour = { readonly script: string; readonly bindings: Partial<WorkerOptions> };

/** A bundle, and the clone that it was made from. */
export type Version = { readonly script: string; readonly root: string };

/** What was learned by preparing a state. */
export type Prepared = {
  /** Variables that replace those given. */
  readonly vars?: Readonly<Record<string, string>>;
  /** Called with the whole Worker, still before the port is opened. */
  readonly furnish?: (runtime: LocalRuntime) => Promise<void>;
};

/** The Worker's bindings, for what looks behind its HTTP interface. */
export type RuntimeBindings = PipelineBindings & {
  readonly ARCHIVE: R2Bucket;
  readonly CLICK_QUEUE_0: Queue;
  readonly DEAD_CLICK_QUEUE: Queue;
  readonly ORDER_SHARD: PipelineBindings["EVENT_SHARD"];
  readonly COUNTS_SHARD: PipelineBindings["EVENT_SHARD"];
};

export type LocalRuntime = {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
  readonly neighbourUrls: Readonly<Record<string, string>>;
  readonly database: D1Database;
  readonly bindings: RuntimeBindings;
  /** Calls the cron handler once, as the platform does every minute. */
  runCron(): Promise<void>;
  /** True when every accepted click has reached the report database; false when that takes longer than `timeoutMs`. */
  waitUntilCarried(timeoutMs: number): Promise<boolean>;
  stop(): Promise<void>;
};

/** The port is taken by another program. */
export class PortBusyError extends Error {}

/** Builds, migrates and starts the Worker; resolves when it answers. Throws PortBusyError. */
export async function startRuntime(options: RuntimeOptions): Promise<LocalRuntime> {
  const { port = 0, script, entry, vars } = options;
  quietTools();
  await assertPortFree(port);
  const { convertV4MiniflareOptions: convert, Miniflare } = await import("miniflare");
  const deployment = await readDeployment(options);
  shieldFromInterrupt();
  const databasesAlone = convert(databasesOf(deployment));
  const miniflare = withoutSignalHandlers(() => new Miniflare(databasesAlone));
  try {
    const [contents, prepared] = await Promise.all([
      script ?? bundleWorker(entry),
      prepareDatabases(miniflare, options),
    ]);
    const whole = { ...options, vars: { ...vars, ...prepared?.vars }, script: contents };
    const open = (at: number) => miniflare.setOptions(convert(wholeOf(deployment, { ...whole, port: at })));
    if (prepared?.furnish !== undefined) {
      await open(0);
      await prepared.furnish(await runtimeOf(miniflare, options));
    }
    await assertPortFree(port);
    await open(port);
    return await runtimeOf(miniflare, options);
  } catch (cause) {
    await miniflare.dispose();
    throw cause;
  }
}

/** Migrates every report database, and hands the primary one to the caller. */
async function prepareDatabases(
  miniflare: Miniflare,
  { prepare, root = PROJECT_ROOT }: RuntimeOptions,
): Promise<Prepared | undefined> {
  const bindings = await miniflare.getBindings<RuntimeBindings>();
  for (const database of boundDatabases(bindings as never).values()) {
    await applyMigrations(database as never, join(root, basename(MIGRATIONS_DIR)));
  }
  return prepare?.(bindings.REPORT_DB);
}

async function runtimeOf(miniflare: Miniflare, { neighbours = {} }: RuntimeOptions): Promise<LocalRuntime> {
  const bindings = await miniflare.getBindings<RuntimeBindings>();
  const neighbourUrls: Record<string, string> = {};
  for (const name of Object.keys(neighbours)) {
    neighbourUrls[name] = (await miniflare.unsafeGetDirectURL(name)).origin;
  }
  return {
    url: (await miniflare.unsafeGetDirectURL()).origin,
    neighbourUrls,
    database: bindings.REPORT_DB,
    bindings,
    runCron: async () => {
      const worker = await miniflare.getWorker();
      await worker.scheduled({ cron: CRON, scheduledTime: new Date() });
    },
    waitUntilCarried: (timeoutMs) => waitUntilCarried(bindings, timeoutMs),
    stop: () => miniflare.dispose(),
  };
}

/** What wrangler.toml describes, and what holds for every local run. */
type Deployment = {
  readonly name: string;
  readonly compatibilityDate: string;
  readonly worker: Omit<WorkerOptions, "modules">;
  readonly shared: Omit<V4MiniflareOptions, "workers">;
};
type Assets = NonNullable<WorkerOptions["assets"]>;
type WorkerOptions = Extract<V4MiniflareOptions, { workers: unknown }>["workers"][number];

async function readDeployment({
  statePath,
  root = PROJECT_ROOT,
  onLog = () => {},
}: RuntimeOptions): Promise<Deployment> {
  const { unstable_getMiniflareWorkerOptions: readWorkerOptions, unstable_readConfig: readConfig } = await import(
    "wrangler"
  );
  const { NoOpLog } = await import("miniflare");
  const config = readConfig({ config: join(root, basename(WRANGLER_CONFIG)) });
  const shared = {
    host: LOOPBACK,
    port: 0,
    cf: false,
    log: new NoOpLog(),
    handleStructuredLogs: onLog,
    telemetry: { enabled: false },
    ...(statePath === undefined ? {} : { resourcePersistencePath: join(statePath, "v3") }),
  } as const;
  return {
    name: config.name ?? "worker",
    compatibilityDate: config.compatibility_date ?? "2026-10-20",
    worker: readWorkerOptions(config).workerOptions,
    shared,
  };
}

/** The databases without a Worker that serves them. */
function databasesOf({ name, compatibilityDate, worker, shared }: Deployment): V4MiniflareOptions {
  const d1Databases = worker["d1Databases"] as Record<string, string>;
  return { ...shared, workers: [{ name, compatibilityDate, ...moduleOf("export default {};"), d1Databases }] };
}

/** Everything, on its port. */
function wholeOf(
  { name, compatibilityDate, worker, shared }: Deployment,
  options: RuntimeOptions & { readonly port: number; readonly script: string },
): V4MiniflareOptions {
  const { port, vars, script, neighbours = {} } = options;
  const { assets, ...withoutAssets } = worker;
  const assetsName = `${name}-assets`;
  return {
    ...shared,
    workers: [
      {
        ...withoutAssets,
        name,
        rootPath: PROJECT_ROOT,
        ...moduleOf(script),
        // A Worker that has assets of its own is reached through two others here, which every click would pay for.
        serviceBindings: { ASSETS: assetsName },
        ...(options.hasConsumers === false ? { queueConsumers: {} } : {}),
        bindings: { ...(worker.bindings as Record<string, never>), ...HERE, ...vars },
        unsafeDirectSockets: [{ host: LOOPBACK, port }],
      },
      {
        ...{ name: assetsName, compatibilityDate, rootPath: PROJECT_ROOT, ...moduleOf("export default {};") },
        assets: { ...(assets as Assets), run_worker_first: false },
      },
      ...Object.entries(neighbours).map(([neighbour, module]) => ({
        ...(typeof module === "string" ? moduleOf(module) : { ...module.bindings, ...moduleOf(module.script) }),
        name: neighbour,
        compatibilityDate,
        unsafeDirectSockets: [{ host: LOOPBACK, port: 0 }],
      })),
    ],
  };
}

function moduleOf(contents: string) {
  return { modules: [{ type: "ESModule" as const, path: "worker.js", contents }] };
}

/** For `onLog`: faults that the Worker handled are worth a line on stderr; its other facts are not. */
export function printFault({ level, message }: RuntimeLog): void {
  if (level === "error" || level === "warn") console.error(message);
}

/** Miniflare ends the process at the first signal; here that is the caller's decision. Its exit handler stays. */
function withoutSignalHandlers<T>(make: () => T): T {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const before = signals.map((signal) => process.listeners(signal));
  const made = make();
  for (const [at, signal] of signals.entries()) {
    for (const listener of process.listeners(signal)) {
      if (!before[at]?.includes(listener)) process.removeListener(signal, listener);
    }
  }
  return made;
}

/** Starts workerd through scripts/workerd.sh, which says why. */
function shieldFromInterrupt(): void {
  if (process.platform === "win32" || process.env["CLICKLEDGER_WORKERD"] !== undefined) return;
  const require = createRequire(import.meta.resolve("miniflare"));
  process.env["CLICKLEDGER_WORKERD"] = (require("workerd") as { default: string }).default;
  process.env["MINIFLARE_WORKERD_PATH"] = fileURLToPath(new URL("workerd.sh", import.meta.url));
}

/** Throws PortBusyError when another program listens on `port`. */
export async function assertPortFree(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (cause) =>
      reject(new PortBusyError(`port ${port} is taken; --port chooses another`, { cause })),
    );
    probe.listen(port, LOOPBACK, () => probe.close(() => resolve()));
  });
}
