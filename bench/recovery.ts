/**
 * `npm run bench:recovery`: how long a shard takes to know again what it has forgotten when its storage was set back, and how
 * fast an empty report database is filled from the archive (`npm run ops -- rebuild`).
 *
 *   npm run bench:recovery -- [--small] [--save FILE]
 *
 *   fill shards, post, archive ─▶ lose the storage of each, deliver some events again ─▶ empty D1, rebuild
 *
 * Keeps: an answer counts only if it is right: no event that is delivered again is counted, and the rebuilt totals are those
 * from before. Relies on: R2 and D1 on the local disk, so what is measured is the work and not the way to them.
 */
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { bundleWorker } from "../scripts/bundle.ts";
import { type LocalRuntime, startRuntime } from "../scripts/local-runtime.ts";
import { BENCH_SECRETS } from "./clicks.ts";
import { describeMachine } from "./machine.ts";

/** Keys of each shard, and all events in the archive; a last shard has what the others lack. */
export const RECOVERY_SIZES = {
  full: { keys: [1_000, 10_000, 100_000], events: 200_000 },
  small: { keys: [50, 400], events: 600 },
} as const;
export type RecoverySize = { readonly keys: readonly number[]; readonly events: number };

export type RecoveryResult = {
  readonly recoveries: readonly { readonly keys: number; readonly seconds: number }[];
  readonly rebuild: { readonly events: number; readonly seconds: number; readonly calls: number };
};

const CARRIED_MAX_MS = 300_000;
const POLL_MS = 200;
const FACTS = ["ledger", "open_postings", "advertisers", "late_clicks", "facts_minute", "facts_hour", "facts_day"];

export async function measureRecovery({ keys, events }: RecoverySize): Promise<RecoveryResult> {
  const script = await bundleWorker("bench/workers/recovery-worker.ts");
  const vars = { ...BENCH_SECRETS, FLUSH_INTERVAL_MS: "100", POST_INTERVAL_MS: "0", ARCHIVE_INTERVAL_MS: "100" };
  const runtime = await startRuntime({ vars, script });
  try {
    const rest = events - keys.reduce((sum, count) => sum + count, 0);
    const counts = [...keys, rest];
    for (const [at, count] of counts.entries()) {
      await post(runtime, `/bench/fill?shard=clicks-${at}&events=${count}`);
      await waitUntilArchived(runtime, `clicks-${at}`);
    }
    const before = await totalsOf(runtime);
    const recoveries = [];
    for (const [at, count] of keys.entries()) {
      await post(runtime, `/bench/lose?shard=clicks-${at}`);
      const startMs = performance.now();
      const { counted } = (await post(runtime, `/bench/again?shard=clicks-${at}`)) as { counted: number };
      if (counted !== 0) throw new Error(`${counted} events were counted again`);
      recoveries.push({ keys: count, seconds: (performance.now() - startMs) / 1_000 });
    }
    await runtime.database.batch(FACTS.map((table) => runtime.database.prepare(`DELETE FROM ${table}`)));
    const rebuild = await rebuildAll(runtime);
    const after = await totalsOf(runtime);
    if (after !== before || rebuild.events < events) throw new Error(`rebuilt ${after}, before it was ${before}`);
    return { recoveries, rebuild };
  } finally {
    await runtime.stop();
  }
}

async function rebuildAll(runtime: LocalRuntime): Promise<RecoveryResult["rebuild"]> {
  const startMs = performance.now();
  let [events, calls] = [0, 0];
  for (let after: string | null = ""; after !== null; ) {
    const step = (await post(runtime, "/v1/admin/rebuild", { after })) as { events: number; next: string | null };
    events += step.events;
    calls++;
    after = step.next;
  }
  return { events, calls, seconds: (performance.now() - startMs) / 1_000 };
}

async function post({ url }: LocalRuntime, path: string, body?: unknown): Promise<unknown> {
  const headers = { Authorization: `Bearer ${BENCH_SECRETS.ADMIN_API_KEY}` };
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await fetch(`${url}${path}`, { method: "POST", headers, ...init });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? null : answer.json();
}

async function waitUntilArchived({ bindings }: LocalRuntime, shard: string): Promise<void> {
  const endsAtMs = Date.now() + CARRIED_MAX_MS;
  for (;;) {
    const { lastSeq, postedSeq, archivedSeq } = await bindings.EVENT_SHARD.getByName(shard).status();
    if (lastSeq > 0 && postedSeq === lastSeq && archivedSeq === lastSeq) return;
    if (Date.now() > endsAtMs) throw new Error(`${shard} is not carried after ${CARRIED_MAX_MS} ms`);
    await sleep(POLL_MS);
  }
}

async function totalsOf({ database }: LocalRuntime): Promise<string> {
  const sums = "SELECT sum(gross) AS gross, sum(valid) AS valid, sum(duplicate) AS duplicate FROM facts_minute";
  return JSON.stringify(await database.prepare(sums).first());
}

export function toRecoveryPage({ recoveries, rebuild }: RecoveryResult, machine: readonly string[]): string {
  const { events, seconds, calls } = rebuild;
  return [
    "# Recovery of a shard, and rebuilding a report database",
    "",
    ...machine.map((line) => `- ${line}`),
    "",
    "Until the first answer of a shard whose storage was lost, with all keys known again:",
    "",
    "| keys forgotten | seconds | keys a second |",
    "|---|---|---|",
    ...recoveries.map(({ keys, seconds: s }) => `| ${keys} | ${s.toFixed(2)} | ${Math.round(keys / s)} |`),
    "",
    `Rebuild of an empty report database: ${events} events in ${seconds.toFixed(1)} s and ${calls} calls, ` +
      `${Math.round(events / seconds)} events/s.`,
    "",
  ].join("\n");
}

async function main(): Promise<void> {
  const options = { small: { type: "boolean" }, save: { type: "string" } } as const;
  const { values } = parseArgs({ options, strict: true });
  const result = await measureRecovery(values.small ? RECOVERY_SIZES.small : RECOVERY_SIZES.full);
  const page = toRecoveryPage(result, describeMachine(`npm run bench:recovery${values.small ? " -- --small" : ""}`));
  console.log(page);
  if (values.save !== undefined) await writeFile(values.save, page);
}

if (import.meta.main) {
  main().catch((cause: unknown) => {
    console.error(cause);
    process.exit(1);
  });
}
