/** A shard's flush on real storage, D1 and R2, with ports that a test may replace. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { ARCHIVE_PREFIX } from "../../src/archive/archive.ts";
import { R2Archive } from "../../src/archive/r2-archive.ts";
import { HOUR_MS } from "../../src/core/limits.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import { buryPosting } from "../../src/facts/dead-posting.ts";
import { flush, forgetEvents } from "../../src/shard/flush.ts";
import { type FlushPorts, FlushSession, type FlushSettings } from "../../src/shard/flush-ports.ts";
import { ingest, openArrivals } from "../../src/shard/ingest.ts";
import type { PackedKeyIndex } from "../../src/shard/packed-key-index.ts";
import { rememberEntries } from "../../src/shard/remember.ts";
import { noteRules } from "../../src/shard/rules-record.ts";
import { NOON_MS } from "./builders.ts";
import { oneStore } from "./one-store.ts";
import { RULES } from "./rules.ts";
import { shardOn } from "./shard-memory.ts";

export const FLUSH_SETTINGS: FlushSettings = { archiveIntervalMs: 60_000, postIntervalMs: 0 };
export const DEDUP_HORIZON_MS = 10 * 24 * HOUR_MS;
const POLICY = { mode: "review", allowedLatenessS: 30 } as const;

export type Harness = FlushPorts & {
  index: PackedKeyIndex;
  take(events: string[], nowMs?: number): void;
  points: unknown[];
};

/** Runs `use` on a real object's storage with real D1 and R2, and ports that a test may replace. */
export function withShard(shard: string, use: (harness: Harness) => Promise<void>): Promise<void> {
  return runInDurableObject(env.EVENT_SHARD.getByName(shard), async (_, { storage }) => {
    const { log, ...memory } = shardOn(storage);
    const { index, lateStore } = memory;
    noteRules(log, RULES);
    const points: unknown[] = [];
    await use({
      log,
      index,
      forget: forgetEvents(memory, DEDUP_HORIZON_MS),
      remember: (entries) => void rememberEntries(entries, memory),
      rules: RULES,
      shard,
      makeIncarnation: () => "test",
      heldSeq: log.last().seq,
      bury: (dead) => buryPosting(env.ARCHIVE, dead, NOON_MS),
      reports: oneStore(new D1Facts(env.REPORT_DB, () => NOON_MS)),
      archive: new R2Archive(env.ARCHIVE),
      operations: { writeDataPoint: (point?: AnalyticsEngineDataPoint) => void points.push(point) },
      keys: index,
      transaction: (closure) => index.transaction(closure),
      points,
      take: (events, nowMs = NOON_MS) =>
        void index.transaction(() => ingest(openArrivals(events), { log, index, lateStore, policy: POLICY, nowMs })),
    });
  });
}

/** One flush of a session of its own. */
export function flushOnce(ports: FlushPorts, settings: FlushSettings, nowMs: number): Promise<void> {
  return flush(ports, settings, nowMs, new FlushSession());
}

export async function totalsOf(ad: string) {
  return env.REPORT_DB.prepare(
    "SELECT sum(gross) AS gross, sum(valid) AS valid, sum(duplicate) AS duplicate, sum(invalid) AS invalid, sum(spend_micros) AS spend FROM facts_minute WHERE ad_id = ?1",
  )
    .bind(ad)
    .first();
}

export async function archivedLines(shard: string): Promise<string[]> {
  const { objects } = await env.ARCHIVE.list({ prefix: ARCHIVE_PREFIX });
  const lines: string[] = [];
  for (const { key } of objects.filter(({ key }) => key.includes(`shard=${shard}/`))) {
    const object = await env.ARCHIVE.get(key);
    const text = await new Response(object?.body.pipeThrough(new DecompressionStream("gzip"))).text();
    lines.push(...text.trimEnd().split("\n"));
  }
  return lines;
}
