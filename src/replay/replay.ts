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
import { hexAt } from "../core/hex.ts";
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

/** Clicks and money that rules would move; micros are whole numbers of the advertiser's currency, as text in JSON. */
export type ReplaySum = {
  readonly reason: string;
  readonly advertiserId: string;
  readonly publisherId: string;
  readonly clicks: number;
  readonly micros: string;
  /** Duplicates that would take over what these give up. */
  readonly promotedClicks: number;
  readonly promotedMicros: string;
};

export type ReplayExample = {
  readonly eventId: EventId;
  readonly reason: string | null;
  readonly advertiserId: string;
};

export type ReplayReport = {
  readonly clicks: number;
  readonly promotedClicks: number;
  /** No sum over advertisers: their currencies differ. */
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

/**
 * A new id: a UUID of version 8 (RFC 9562) whose first 48 bits count down, so that the newest replay is listed first.
 * `random` has 10 bytes.
 */
export function makeReplayId(nowMs: number, random: Uint8Array): string {
  const time = (2 ** 48 - 1 - nowMs).toString(16).padStart(12, "0");
  const digits = hexAt(random, 0, random.length);
  const groups = [time.slice(0, 8), time.slice(8), `8${digits.slice(0, 3)}`, `8${digits.slice(3, 6)}`];
  return [...groups, digits.slice(6, 18)].join("-");
}

/** Replays by id, which is the newest first, behind one; and whether there are more. */
export async function listedReplays(
  bucket: R2Bucket,
  { after, limit }: { after: string; limit: number },
): Promise<{ replays: Replay[]; isMore: boolean }> {
  const prefix = REPLAYS_PREFIX;
  const startAfter = after === "" ? {} : { startAfter: `${prefix}${after}/~` };
  const { delimitedPrefixes, truncated } = await bucket.list({ prefix, delimiter: "/", limit, ...startAfter });
  const ids = delimitedPrefixes.map((folder) => folder.slice(prefix.length, -1));
  const stored = await Promise.all(ids.map((id) => readReplay(bucket, id)));
  return { replays: stored.flatMap((one) => (one === null ? [] : [one.replay])), isMore: truncated };
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
