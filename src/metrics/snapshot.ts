/**
 * What cron measured last, and what it adds up over time: one object.
 *
 *   metrics/v1/now.json    {"atMs":…,"samples":[…],"clicks":{"valid":…},…}        replaced each minute, by its etag
 *
 * Keeps: bounded: an hour of minutes, a hundred reasons, one entry a shard. Two crons at once add nothing twice: the
 * second finds another etag, and leaves it to the next minute.
 */
import type { MetSince } from "../core/alarms.ts";
import { parseJson } from "../core/base64url.ts";
import type { Sample } from "../core/metrics.ts";
import type { Units } from "../core/spending.ts";
import type { SessionCounts } from "../shard/session-tally.ts";

const SNAPSHOT_KEY = "metrics/v1/now.json";

type Tally = Readonly<Record<string, number>>;

/** What one minute added. */
export type MinuteSums = {
  readonly minute: number;
  readonly clicks: number;
  readonly duplicates: number;
  readonly lost: number;
  /** Micros of a dollar. */
  readonly micros: number;
};

/** What a shard's session says; `spent` is absent of the version before. */
export type Said = SessionCounts & { readonly spent?: Units };

export type Snapshot = {
  readonly atMs: number;
  readonly samples: readonly Sample[];
  readonly clicks: Tally;
  readonly tokens: Tally;
  readonly refused: Tally;
  readonly lost: number;
  /** By shard, as it said last. */
  readonly sessions: Readonly<Record<string, Said>>;
  /** What was counted of the bill. */
  readonly spent: Units;
  readonly lastHour: readonly MinuteSums[];
  /** Tallies of isolates that are in here, and may still be there. */
  readonly told: readonly string[];
  readonly metSince: MetSince;
};

export const NOTHING_MEASURED: Snapshot = {
  ...{ atMs: 0, samples: [], clicks: {}, tokens: {}, refused: {}, lost: 0, sessions: {}, lastHour: [], told: [] },
  ...{ metSince: {}, spent: {} },
};

export async function readSnapshot(
  bucket: Pick<R2Bucket, "get">,
): Promise<{ readonly snapshot: Snapshot; readonly etag: string | null }> {
  const object = await bucket.get(SNAPSHOT_KEY);
  if (object === null) return { snapshot: NOTHING_MEASURED, etag: null };
  return { snapshot: parseJson(await object.text()) as Snapshot, etag: object.etag };
}

/** Whether it was written: false where another was meanwhile. */
export async function writeSnapshot(
  bucket: Pick<R2Bucket, "put">,
  snapshot: Snapshot,
  etag: string | null,
): Promise<boolean> {
  const written = await bucket.put(SNAPSHOT_KEY, JSON.stringify(snapshot), {
    onlyIf: etag === null ? { etagDoesNotMatch: "*" } : { etagMatches: etag },
    httpMetadata: { contentType: "application/json" },
  });
  return written !== null;
}
