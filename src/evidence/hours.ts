/**
 * The trees of log hours: of each source of clicks and hour of a clean log day, a manifest whose root is over all
 * lines of it (core/hour-tree.ts), and a leaf for it in the evidence log.
 *
 *   hours/v1/dt=<day>/hour=HH/shard=<name>/<incarnation>/manifest-0001.json      RFC 8785, put once
 *   hour-lines/v1/dt=<day>/hour=HH/shard=<name>/<incarnation>-segments-<hash>.json   its segments, as its root has them
 *   hours/v1/made.json                                             of each log day the audit that its trees are of
 *
 *   leaf = SHA-256("hour/<source>/<hour>/<revision>") ‖ SHA-256(manifest)
 *
 * So one name has one manifest, which everybody can see who was given it, and who was not sees no more than that a
 * shard logged something in some hour.
 * Keeps: a function of the audit's segments; a manifest names its predecessor, and the same tree has no second one.
 * A lost segment that was accepted and came back makes the next revision.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes } from "@noble/hashes/utils.js";
import { HOUR_LINES_PREFIX, hourFolder, hoursPrefix, type SegmentLines } from "../audit/hour-lines.ts";
import { getJson, getLines, keysBelow, putJson, workPrefix } from "../audit/objects.ts";
import type { Steps } from "../audit/steps.ts";
import { encodeUtf8 } from "../core/base64url.ts";
import { segmentLeaf } from "../core/hour-tree.ts";
import { rootOf } from "../core/merkle.ts";
import { assert } from "../core/result.ts";
import { putRevision, readManifestIn, type Stored } from "./manifest.ts";

export type HourManifest = {
  readonly v: 1;
  /** `clicks-0/<incarnation>` */
  readonly source: string;
  /** `2026-11-27T13` */
  readonly hour: string;
  readonly revision: number;
  /** SHA-256 of the manifest before, in hexadecimal. */
  readonly previous: string | null;
  /** Of the tree over its segments. */
  readonly root: string;
  readonly segments: number;
  readonly lines: number;
  readonly first_row: number;
  readonly last_row: number;
  /** Behind the last row: a hash over all that the source ever logged, with what no receipt shows. */
  readonly chain: string;
};

export type StoredHour = Stored<HourManifest>;

const HOURS_PREFIX = "hours/v1/";
const MADE_KEY = `${HOURS_PREFIX}made.json`;
const NAME_DIGITS = 16;

type HourOf = Pick<HourManifest, "source" | "hour">;

const shardOf = (source: string) => source.slice(0, source.indexOf("/"));
const lifeOf = (source: string) => source.slice(source.indexOf("/") + 1);

/** Where the manifests of an hour of a shard stand, of all its lives. */
const manifestFolder = (hour: string, shard: string) => `${HOURS_PREFIX}${hourFolder(hour, shard)}`;

const folderOf = ({ source, hour }: HourOf) => `${manifestFolder(hour, shardOf(source))}${lifeOf(source)}/`;

/** The name under which an hour's manifest stands in the evidence log. */
export const hourLeafName = ({ source, hour, revision }: HourOf & { readonly revision: number }) =>
  `hour/${source}/${hour}/${revision}`;

/** The leaf of the evidence log that stands for a manifest. */
export function hourLeaf({ manifest, sha256: hash }: StoredHour): Uint8Array {
  return concatBytes(sha256(encodeUtf8(hourLeafName(manifest))), hexToBytes(hash));
}

type Made = Readonly<Record<string, number>>;

/** Whether the trees of a log day's hours are there. */
export async function areHoursMade(bucket: R2Bucket, day: string): Promise<boolean> {
  return (await getJson<Made>(bucket, MADE_KEY))?.[day] !== undefined;
}

type HourPorts = {
  readonly bucket: R2Bucket;
  /** Takes notice of a manifest that stands, perhaps again: a leaf of the evidence log. */
  readonly onHour: (stored: StoredHour) => Promise<void>;
};

/** Makes the trees of all hours of the clean days, by their audits, that lack them. Resolves to those days. */
export async function makeHours(ports: HourPorts, clean: ReadonlyMap<string, number>, steps: Steps): Promise<string[]> {
  const { bucket } = ports;
  const due = await steps.do("hours", async () => {
    const made = (await getJson<Made>(bucket, MADE_KEY)) ?? {};
    return [...clean].filter(([day, attempt]) => made[day] !== attempt).sort();
  });
  for (const [day, attempt] of due) {
    const shards = await steps.do(`hours ${day}`, () => shardsWithHours(bucket, day, attempt));
    for (const shard of shards) {
      await steps.do(`hours ${day} ${shard}`, () => makeShardHours(ports, { day, attempt, shard }));
    }
  }
  await steps.do("hours made", async () => {
    const made = (await getJson<Made>(bucket, MADE_KEY)) ?? {};
    if (due.length > 0) await putJson(bucket, MADE_KEY, { ...made, ...Object.fromEntries(due) });
    return null;
  });
  return due.map(([day]) => day);
}

async function shardsWithHours(bucket: R2Bucket, day: string, attempt: number): Promise<string[]> {
  const prefix = `${workPrefix(day, attempt)}hours/`;
  const names = (await keysBelow(bucket, prefix)).map((key) => key.slice(prefix.length));
  return [...new Set(names.map((name) => name.slice(0, name.lastIndexOf("-"))))];
}

type ShardDay = { readonly day: string; readonly attempt: number; readonly shard: string };

async function makeShardHours({ bucket, onHour }: HourPorts, { day, attempt, shard }: ShardDay): Promise<number> {
  const segments: SegmentLines[] = [];
  for (const key of await keysBelow(bucket, hoursPrefix(day, attempt, shard))) {
    segments.push(...(await getLines<SegmentLines>(bucket, key)));
  }
  const hours = Map.groupBy(segments, ({ source, hour }) => `${source} ${hour}`);
  for (const own of hours.values()) {
    own.sort((a, b) => a.first_row - b.first_row);
    await onHour(await putHour(bucket, own));
  }
  return hours.size;
}

/** Puts the manifest of an hour's segments, unless the last one says the same; resolves to what stands. */
async function putHour(bucket: R2Bucket, segments: readonly SegmentLines[]): Promise<StoredHour> {
  const [first, last] = [segments[0], segments.at(-1)];
  assert(first !== undefined && last !== undefined, "an hour has a segment");
  const { source, hour } = first;
  const content = {
    ...{ source, hour, segments: segments.length, lines: segments.reduce((sum, { lines }) => sum + lines, 0) },
    ...{ first_row: first.first_row, last_row: last.last_row, chain: last.chain },
    root: bytesToHex(rootOf(segments.map(segmentLeaf))),
  };
  await putJson(bucket, segmentsKey(content), segments);
  return putRevision(bucket, folderOf(content), content, ({ root, chain }) => ({ root, chain }));
}

/** By the root that they have: who finds a manifest finds its segments. */
function segmentsKey({ source, hour, root }: HourOf & { readonly root: string }): string {
  const folder = `${HOUR_LINES_PREFIX}${hourFolder(hour, shardOf(source))}`;
  return `${folder}${lifeOf(source)}-segments-${root.slice(0, NAME_DIGITS)}.json`;
}

/** The last manifest of an hour of a shard, of each of its lives. */
export async function hoursOf(bucket: R2Bucket, hour: string, shard: string): Promise<StoredHour[]> {
  const keys = await keysBelow(bucket, manifestFolder(hour, shard));
  const folders = new Set(keys.map((key) => key.slice(0, key.lastIndexOf("/") + 1)));
  const found = await Promise.all(Array.from(folders, (folder) => readManifestIn<HourManifest>(bucket, folder)));
  return found.filter((stored) => stored !== null);
}

/** The segments that a manifest's root is over; null where they went with the lines of their day. */
export function segmentsOf(bucket: R2Bucket, manifest: HourManifest): Promise<SegmentLines[] | null> {
  return getJson<SegmentLines[]>(bucket, segmentsKey(manifest));
}
