/**
 * The doctor: looks at what is deployed, one thing after the other, and says what is not as it should be.
 *
 * Keeps: reads only. What cannot be looked at is named with its reason, and the rest is looked at all the same.
 */
import { findAccess, type PlatformApi, PlatformError, platformApi } from "./api.ts";
import * as findings from "./findings.ts";
import { type Found, readFound, rows } from "./found.ts";
import { keepFor } from "./keep.ts";
import { untoldPlaces } from "./placement.ts";
import { readWanted, type Wanted } from "./wanted.ts";
import { tokenOf, wranglerIn } from "./wrangler.ts";

export type DoctorOptions = { readonly config: string | undefined; readonly url: string | undefined };
export type Diagnosis = {
  readonly findings: readonly findings.Finding[];
  readonly notLooked: readonly { readonly at: string; readonly why: string }[];
  readonly looked: readonly string[];
};

const BEAT = "SELECT beaten_at_s FROM heartbeat WHERE id = 1";
const API_KEYS = `
SELECT key_id AS keyId, label, created_at_ms AS createdAtMs
FROM api_keys
WHERE revoked_at_ms IS NULL
ORDER BY created_at_ms`;

/** Throws PlatformError where the platform cannot be asked at all. */
export async function diagnose(options: DoctorOptions, env: NodeJS.ProcessEnv, now = Date.now): Promise<Diagnosis> {
  const wanted = await readWanted(options.config);
  const access = await findAccess(env, await tokenOf(env, wranglerIn(env, wanted.config)));
  const api = platformApi(access);
  const keep = keepFor(env, { accountId: access.accountId, worker: wanted.worker });
  const [state, kept] = [await keep.readState(), await keep.readSecrets()];
  const found = await readFound(api, wanted);
  const seen: findings.Finding[] = [];
  const [looked, notLooked] = [[] as string[], [] as { at: string; why: string }[]];
  const look = async (at: string, find: () => findings.Finding[] | Promise<findings.Finding[]>) => {
    try {
      seen.push(...(await find()));
      looked.push(at);
    } catch (cause) {
      if (!(cause instanceof PlatformError || cause instanceof NotLookedError)) throw cause;
      notLooked.push({ at, why: cause.message });
    }
  };

  await look("Worker and settings", () => findings.ofWorker(wanted, found));
  if (found.worker !== null) {
    await look("secrets", () => findings.ofSecrets(found, state, Object.keys(kept), now()));
    await look("queues", () => findings.ofQueues(wanted, found));
    await look("bucket", () => findings.ofBucket(wanted, found));
    await look("jurisdiction", () => {
      const untold = untoldPlaces(wanted, found);
      if (untold.length > 0) throw new NotLookedError(`the platform does not say where it is: ${untold.join(", ")}`);
      return findings.ofPlaces(wanted, found, state);
    });
    await look("databases", () => findings.ofDatabases(wanted, found));
    await look("cron", async () => findings.ofCron({ beatsAtMs: await beatsIn(api, wanted, found), nowMs: now() }));
    await look("API keys", async () => findings.ofApiKeys({ apiKeys: await keysIn(api, wanted, found), nowMs: now() }));
    await look("topology", async () => {
      const bytes = await api
        .within(wanted.jurisdiction)
        .bytes(`/r2/buckets/${wanted.bucket}/objects/topology/v1.json`);
      return findings.ofTopology(wanted, { topology: bytes?.toString("utf8") ?? null, nowMs: now() });
    });
    const url = options.url ?? state.url;
    await look("watermark", async () => findings.ofLag(await readLag(url, env["ADMIN_API_KEY"] || kept.ADMIN_API_KEY)));
  }
  return { findings: seen, looked, notLooked };
}

/** What was to be looked at cannot be. */
class NotLookedError extends Error {}

/** A database that is not there, or has no such table yet, is another finding. */
async function ofTable<T>(api: PlatformApi, id: string | undefined, sql: string): Promise<T[]> {
  if (id === undefined) return [];
  return rows<T>(api, id, sql).catch((refused: unknown) => {
    if (refused instanceof PlatformError && refused.message.includes("no such table")) return [];
    throw refused;
  });
}

async function beatsIn(api: PlatformApi, { databases }: Wanted, found: Found): Promise<Map<string, number | null>> {
  const beats = new Map<string, number | null>();
  for (const { binding, name } of databases) {
    const [row] = await ofTable<{ beaten_at_s: number }>(api, found.databases.get(name)?.id, BEAT);
    if (found.databases.has(name)) beats.set(binding, row === undefined ? null : row.beaten_at_s * 1_000);
  }
  return beats;
}

async function keysIn(api: PlatformApi, { databases }: Wanted, found: Found): Promise<findings.Seen["apiKeys"]> {
  const primary = databases.find(({ binding }) => binding === "REPORT_DB")?.name ?? "";
  return ofTable(api, found.databases.get(primary)?.id, API_KEYS);
}

async function readLag(url: string | undefined, adminKey: string | undefined): Promise<number | null> {
  if (url === undefined) throw new NotLookedError("the address is not known here: --url");
  if (adminKey === undefined) throw new NotLookedError("the operator's key is not kept here: export ADMIN_API_KEY");
  const day = new Date().toISOString().slice(0, 10);
  const query = new URLSearchParams({ from: day, to: day, granularity: "day", metrics: "clicks" });
  const response = await fetch(`${url}/v1/reports/clicks?${query}`, {
    headers: { Authorization: `Bearer ${adminKey}` },
    signal: AbortSignal.timeout(30_000),
  }).catch((cause: Error) => {
    throw new NotLookedError(`${url} does not answer: ${cause.message}`, { cause });
  });
  if (!response.ok)
    throw new NotLookedError(`${url} answers ${response.status}: ${(await response.text()).slice(0, 200)}`);
  const { meta } = (await response.json()) as { meta: { lagSeconds: number | null } };
  return meta.lagSeconds;
}
