/**
 * The hashes of a click shard's lines, as an audit leaves them for the trees of log hours (core/hour-tree.ts): what one
 * step read of an hour is one object, and each segment knows where in it its own are.
 *
 *   hour-lines/v1/dt=<day>/hour=HH/shard=<name>/<incarnation>-<first row>-<hash>.bin      32 bytes a line
 *   audits/v1/dt=<day>/NNNN/hours/<name>-<part>.ndjson                                    the segments of a part
 *   keys/v1/hour-lines             32 random bytes in R2, put if absent, never changed: the secret of all nonces
 *
 * Keeps: a function of the archive and the secret; an object is named by its content. Memory: 32 bytes a line of a
 * step. Only shards of clicks have trees: impressions are a hundred times as many, and nobody is billed by them.
 */
import { sourceOf } from "../archive/archive.ts";
import type { LogText } from "../archive/log-text.ts";
import type { StoredSegment } from "../archive/segments.ts";
import { type HourSegment, hashLines, lineNonces } from "../core/hour-tree.ts";
import { HOUR_MS } from "../core/limits.ts";
import { rootOf } from "../core/merkle.ts";
import { concat, splitHashes } from "../core/tiles.ts";
import { hexOf, putLines, secretAt, sha256Of, workPrefix } from "./objects.ts";

export const HOUR_LINES_PREFIX = "hour-lines/v1/";
const SECRET_KEY = "keys/v1/hour-lines";
const HASH_DIGITS = 16;

/** A segment as it stands in its hour, with the way to its lines and their hashes. */
export type SegmentLines = HourSegment & {
  readonly source: string;
  /** `2026-11-27T13`, UTC, of when its rows were logged. */
  readonly hour: string;
  /** Behind its last row (core/position.ts). */
  readonly chain: string;
  /** The segment of the archive. */
  readonly raw: string;
  /** The object that has the hashes of its lines, and the first byte of them. */
  readonly hashes: string;
  readonly at: number;
};

type Open = { segment: Omit<SegmentLines, "hashes" | "at">; bytes: Uint8Array<ArrayBuffer> };

export const nonceSecretOf = (bucket: R2Bucket) => secretAt(bucket, SECRET_KEY);

export const hourFolder = (hour: string, shard: string) =>
  `dt=${hour.slice(0, "YYYY-MM-DD".length)}/hour=${hour.slice(-2)}/shard=${shard}/`;

export const hourName = (ms: number) => new Date(Math.floor(ms / HOUR_MS) * HOUR_MS).toISOString().slice(0, 13);

/** Where the parts of a shard's audit leave their segments. */
export const hoursPrefix = (day: string, attempt: number, shard: string) =>
  `${workPrefix(day, attempt)}hours/${shard}-`;

const isOfClicks = (shard: string) => shard.startsWith("clicks-");

/** The segments of one step. */
export class HourLines {
  readonly #bucket: R2Bucket;
  #secret: Uint8Array | null = null;
  readonly #open: Open[] = [];

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  /** Hashes the lines of a whole segment; nothing where it is no click shard's, or damaged. */
  async add({ key: raw, owner, to }: StoredSegment, rows: readonly LogText[]): Promise<void> {
    const [first, last] = [rows[0], rows.at(-1)];
    if (first === undefined || last === undefined || !isOfClicks(owner.shard)) return;
    const source = sourceOf(owner);
    const lines = linesOf(rows);
    this.#secret ??= await nonceSecretOf(this.#bucket);
    const nonces = await lineNonces(this.#secret, { source, firstRow: first.seq, lines: lines.length });
    const bytes = await hashLines(lines, nonces);
    const root = hexOf(rootOf(splitHashes(bytes)));
    const range = { first_row: first.seq, last_row: last.seq, lines: lines.length };
    const segment = { source, hour: hourName(first.loggedAtMs), ...range, root, chain: to.chain, raw };
    this.#open.push({ segment, bytes });
  }

  /** Writes the hashes of each hour, and under that key the segments. */
  async put(key: string): Promise<void> {
    const written: SegmentLines[] = [];
    const hours = Map.groupBy(this.#open, ({ segment: { source, hour } }) => `${source} ${hour}`);
    for (const parts of hours.values()) {
      const bytes = concat(parts.map((part) => part.bytes));
      const hashes = keyOf(parts[0] as Open, await sha256Of(bytes));
      await this.#bucket.put(hashes, bytes);
      let at = 0;
      for (const { segment, bytes: own } of parts) {
        written.push({ ...segment, hashes, at });
        at += own.length;
      }
    }
    if (written.length > 0) await putLines(this.#bucket, key, written);
  }
}

/** The lines of rows in the order of the log. */
export function linesOf(rows: readonly LogText[]): string[] {
  return rows.flatMap((row) => row.lines().split("\n"));
}

function keyOf({ segment: { source, hour, first_row } }: Open, sha256: string): string {
  const [shard = "", incarnation = ""] = source.split("/");
  const name = `${incarnation}-${String(first_row).padStart(12, "0")}-${sha256.slice(0, HASH_DIGITS)}`;
  return `${HOUR_LINES_PREFIX}${hourFolder(hour, shard)}${name}.bin`;
}
