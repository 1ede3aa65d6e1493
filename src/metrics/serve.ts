/**
 * GET /metrics: what cron measured last, in OpenMetrics.
 *
 * Keeps: an isolate reads the snapshot at most once in ten seconds, however often it is scraped. What is told is of the
 * deployment: no tenant, no person, no request.
 */
import type { Keyed } from "../access/asked.ts";
import { SECOND_MS } from "../core/limits.ts";
import { OPENMETRICS_TYPE, renderMetrics, type Sample } from "../core/metrics.ts";
import { readSnapshot } from "./snapshot.ts";

const KEPT_MS = 10 * SECOND_MS;

type Cached = { readonly readMs: number; readonly atMs: number; readonly samples: readonly Sample[] };

/** Reads for one isolate. */
export class MetricsReader {
  #cached: Cached | null = null;

  async read(bucket: Pick<R2Bucket, "get">, nowMs: number): Promise<string> {
    const known = this.#cached;
    const isFresh = known !== null && nowMs >= known.readMs && nowMs - known.readMs < KEPT_MS;
    const { atMs, samples } = isFresh ? known : await this.#readAnew(bucket, nowMs);
    const ageS = Math.max(nowMs - atMs, 0) / SECOND_MS;
    return renderMetrics([{ name: "clickledger_measured_age_seconds", value: ageS }, ...samples]);
  }

  async #readAnew(bucket: Pick<R2Bucket, "get">, nowMs: number): Promise<Cached> {
    const { snapshot } = await readSnapshot(bucket);
    const { atMs, samples } = snapshot;
    this.#cached = { readMs: nowMs, atMs, samples };
    return this.#cached;
  }
}

const reader = new MetricsReader();

export async function handleMetrics({ env, nowMs }: Keyed): Promise<Response> {
  return new Response(await reader.read(env.ARCHIVE, nowMs), {
    headers: {
      "Content-Type": OPENMETRICS_TYPE,
      "Cache-Control": "private, no-store",
      "X-Content-Type-Options": "nosniff",
    },
  });
}
