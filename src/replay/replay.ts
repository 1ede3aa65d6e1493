/**
 * A replay: one second look at a period of the archive, what it would change, and whether that was applied.
 *
 *   replays/v1/<id>/state.json                   what was asked, by whom, and how far it is
 *   replays/v1/<id>/changes/<day>/<shard>.ndjson what would change, event by event
 *   replays/v1/<id>/parts/<day>/<shard>.json     the sums of a part
 *   replays/v1/<id>/report.json                  the sums of all
 *   replays/v1/<id>/applied/<day>/<shard>.ndjson the revisions that were made
 *
 *   looking → looked → applying → applied → undoing → undone
 *
 * Keeps: a phase follows the one before by compare-and-set, so that of two who act at once one is refused; everything
 * else is a function of the archive and of what the shards answered, and may be written again.
 */
import { parseJson } from "../core/base64url.ts";
import type { EventId } from "../core/event-id.ts";
import { SECOND_LOOKS, type SecondLookRule } from "../core/second-look.ts";
import type { Decision } from "../core/verdict.ts";
import type { Promotion } from "../shard/revise.ts";

export const REPLAYS_PREFIX = "replays/v1/";

export const REPLAY_PHASES = ["looking", "looked", "applying", "applied", "undoing", "undone"] as const;
export type ReplayPhase = (typeof REPLAY_PHASES)[number];

export type Replay = {
  readonly id: string;
  /** UTC days of the log, `YYYY-MM-DD`, half-open. */
  readonly from: string;
  readonly to: string;
  readonly rules: readonly SecondLookRule[];
  /** The key of whoever asked, and of whoever acted last. */
  readonly by: string;
  readonly phase: ReplayPhase;
  readonly startedAtMs: number;
  readonly changedAtMs: number;
};

/** A click that would be revised. */
export type PlannedChange = {
  readonly event: EventId;
  readonly encoded: string;
  readonly from: Decision;
  readonly to: Decision;
  readonly advertiserId: string;
  readonly publisherId: string;
  readonly micros: number;
  /** The duplicate that would take the impression over. */
  readonly promote: (Promotion & { readonly event: EventId; readonly micros: number }) | null;
};

/** What was made of a planned change: the number of its revision, and of the promoted event's. */
export type AppliedChange = PlannedChange & { readonly n: number };

/** Clicks and money that rules would move; micros are whole numbers, as text in JSON. */
export type ReplaySum = {
  readonly reason: string;
  readonly advertiserId: string;
  readonly publisherId: string;
  readonly clicks: number;
  readonly micros: string;
};

export type ReplayExample = {
  readonly eventId: EventId;
  readonly reason: string | null;
  readonly advertiserId: string;
};

export type ReplayReport = {
  readonly clicks: number;
  readonly micros: string;
  /** Duplicates that would take over what others give up. */
  readonly promoted: { readonly clicks: number; readonly micros: string };
  readonly sums: readonly ReplaySum[];
  readonly examples: readonly ReplayExample[];
};

/** What applying or undoing did. */
export type ReplayTally = { readonly revised: number; readonly skipped: number };

const folderOf = (id: string) => `${REPLAYS_PREFIX}${id}/`;
export const stateKey = (id: string) => `${folderOf(id)}state.json`;
export const planKey = (id: string) => `${folderOf(id)}plan.json`;
export const reportKey = (id: string) => `${folderOf(id)}report.json`;
export const tallyKey = (id: string, act: "apply" | "undo") => `${folderOf(id)}${act}.json`;
export const partKey = (id: string, { day, shard }: ReplayPart) => `${folderOf(id)}parts/${day}/${shard}.json`;
export const changesKey = (id: string, { day, shard }: ReplayPart) => `${folderOf(id)}changes/${day}/${shard}.ndjson`;
export const appliedKey = (id: string, { day, shard }: ReplayPart) => `${folderOf(id)}applied/${day}/${shard}.ndjson`;

/** A shard's log of one day. */
export type ReplayPart = { readonly day: string; readonly shard: string };

/** The rules of a replay that may never be applied. */
export function dryOnlyRules({ rules }: Pick<Replay, "rules">): SecondLookRule[] {
  return rules.filter((rule) => SECOND_LOOKS[rule].isDryOnly);
}

export type StoredReplay = { readonly replay: Replay; readonly etag: string };

export async function readReplay(bucket: R2Bucket, id: string): Promise<StoredReplay | null> {
  const object = await bucket.get(stateKey(id));
  return object === null ? null : { replay: parseJson(await object.text()) as Replay, etag: object.etag };
}

/** Writes the state over the one of that etag (null: there is none); false when another stands there. */
export async function writeReplay(bucket: R2Bucket, replay: Replay, etag: string | null): Promise<boolean> {
  const stored = await bucket.put(stateKey(replay.id), JSON.stringify(replay), {
    onlyIf: etag === null ? { etagDoesNotMatch: "*" } : { etagMatches: etag },
    httpMetadata: { contentType: "application/json" },
  });
  return stored !== null;
}

/** Moves a replay from one phase to the next; null when it is in another. */
export async function moveReplay(
  bucket: R2Bucket,
  id: string,
  { from, to, by, nowMs }: { from: ReplayPhase; to: ReplayPhase; by?: string; nowMs: number },
): Promise<Replay | null> {
  const stored = await readReplay(bucket, id);
  if (stored === null || stored.replay.phase !== from) return null;
  const moved = { ...stored.replay, phase: to, changedAtMs: nowMs, by: by ?? stored.replay.by };
  return (await writeReplay(bucket, moved, stored.etag)) ? moved : null;
}
