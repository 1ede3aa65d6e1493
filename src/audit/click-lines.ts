/**
 * The lines that decide on clicks, as an audit leaves them for the evidence: by service day, advertisers' bucket and
 * hour, so that whoever makes evidence reads what belongs together and nothing else.
 *
 *   clicks/v1/dt=<service day>/bucket=BB/hour=HH/<log day>/NNNN/<shard>-<part>.gz
 *   object = (uint32, big-endian: bytes of the piece · gzip of lines as NDJSON)*
 *
 * Keeps: a function of the archive; every line of a click is under the same day, bucket and hour. Memory: lines are
 * packed piece by piece as they come, since a step's lines as text would be many times its segments.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { decodeUtf8, parseJson } from "../core/base64url.ts";
import type { EvidenceLine } from "../core/evidence.ts";
import { HOUR_MS, MINUTE_MS } from "../core/limits.ts";
import { advertiserBucketOf } from "../core/routing.ts";
import { concat } from "../core/tiles.ts";
import { hourOf, isoDay } from "../core/time.ts";

export const CLICK_LINES_PREFIX = "clicks/v1/";

export const clickLinesPrefix = (serviceDay: string, bucket: number) =>
  `${CLICK_LINES_PREFIX}dt=${serviceDay}/bucket=${String(bucket).padStart(2, "0")}/`;

/** The quickest: lines are half tokens, which no level packs. */
const LEVEL = 1;

/** Characters of lines that are packed together. */
const PIECE_CHARS = 256_000;

/** Lines of one step, by the folder that they belong into. */
export class ClickLines {
  /** By hour since 1970, then by bucket. */
  readonly #byHour = new Map<number, Map<number, PackedLines>>();
  readonly #buckets = new Map<string, number>();

  add(line: EvidenceLine): void {
    const bucket = this.#buckets.get(line.advertiserId) ?? advertiserBucketOf(line.advertiserId);
    this.#buckets.set(line.advertiserId, bucket);
    const hour = hourOf(line.minute * MINUTE_MS);
    const byBucket = this.#byHour.get(hour) ?? new Map<number, PackedLines>();
    this.#byHour.set(hour, byBucket);
    const lines = byBucket.get(bucket) ?? new PackedLines();
    byBucket.set(bucket, lines);
    lines.add(JSON.stringify(line));
  }

  /** Writes each folder's lines as one object, under a name of this log day, attempt and part. */
  async put(bucket: R2Bucket, name: string): Promise<void> {
    for (const [hour, byBucket] of this.#byHour) {
      const at = new Date(hour * HOUR_MS);
      const folder = `hour=${String(at.getUTCHours()).padStart(2, "0")}/`;
      for (const [of, lines] of byBucket) {
        await bucket.put(`${clickLinesPrefix(isoDay(at.getTime()), of)}${folder}${name}.gz`, lines.packed());
      }
    }
  }
}

class PackedLines {
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  #open: string[] = [];
  #chars = 0;

  add(line: string): void {
    this.#open.push(line);
    this.#chars += line.length;
    if (this.#chars > PIECE_CHARS) this.#pack();
  }

  packed(): Blob {
    return new Blob([...this.pieces()]);
  }

  pieces(): readonly Uint8Array<ArrayBuffer>[] {
    if (this.#open.length > 0) this.#pack();
    return this.#pieces;
  }

  #pack(): void {
    const piece = gzipSync(this.#open.join("\n"), { level: LEVEL });
    const length = new Uint8Array(LENGTH_BYTES);
    new DataView(length.buffer).setUint32(0, piece.length);
    this.#pieces.push(length, piece);
    [this.#open, this.#chars] = [[], 0];
  }
}

const LENGTH_BYTES = 4;

/** Lines as one object of theirs. */
export function packClickLines(lines: readonly EvidenceLine[]): Uint8Array<ArrayBuffer> {
  const packed = new PackedLines();
  for (const line of lines) packed.add(JSON.stringify(line));
  return concat(packed.pieces());
}

export async function readClickLines(bucket: R2Bucket, key: string): Promise<EvidenceLine[]> {
  const object = await bucket.get(key);
  if (object === null) throw new Error(`the lines ${key} are gone`);
  const bytes = await object.arrayBuffer();
  const view = new DataView(bytes);
  const lines: EvidenceLine[] = [];
  for (let at = 0; at < bytes.byteLength; ) {
    const from = at + LENGTH_BYTES;
    at = from + view.getUint32(at);
    const text = decodeUtf8(gunzipSync(new Uint8Array(bytes, from, at - from)));
    if (text === null) throw new Error(`the lines ${key} are no text`);
    for (const line of text.split("\n")) lines.push(parseJson(line) as EvidenceLine);
  }
  return lines;
}
