/**
 * An advertiser's evidence as sums, day by day, at one revision each, and cut at instants.
 *
 * Keeps: what is read is compared with its hash: a changed object is a fault, never a figure.
 */
import { type EvidenceSum, MINUTES_PER_QUARTER } from "../core/evidence.ts";
import { MINUTE_MS } from "../core/limits.ts";
import {
  EVIDENCE_PREFIX,
  evidenceFolder,
  type Manifest,
  readManifest,
  type StoredManifest,
  sha256Hex,
} from "../evidence/manifest.ts";
import { decodeSums } from "../evidence/parquet.ts";

export const QUARTER_MS = MINUTES_PER_QUARTER * MINUTE_MS;

export class EvidenceSums {
  readonly #bucket: R2Bucket;
  readonly #advertiserId: string;
  /** The last days that were read, by object. */
  readonly #read = new Map<string, readonly EvidenceSum[]>();

  constructor(bucket: R2Bucket, advertiserId: string) {
    this.#bucket = bucket;
    this.#advertiserId = advertiserId;
  }

  /** The last revision of each UTC day from `day` on that has evidence, in order. */
  async revisionsFrom(day: string): Promise<ReadonlyMap<string, number>> {
    const prefix = `${EVIDENCE_PREFIX}adv=${this.#advertiserId}/dt=`;
    const revisions = new Map<string, number>();
    let page: R2Objects | null = null;
    do {
      const from = page?.truncated ? { cursor: page.cursor } : { startAfter: `${prefix}${day}` };
      page = await this.#bucket.list({ prefix, ...from });
      for (const { key } of page.objects) {
        const [of = "", name = ""] = key.slice(prefix.length).split("/");
        const number = /^manifest-(\d+)\.json$/.exec(name)?.[1];
        if (number !== undefined) revisions.set(of, Number(number));
      }
    } while (page.truncated);
    return revisions;
  }

  async manifest(day: string, revision: number): Promise<StoredManifest> {
    const stored = await readManifest(this.#bucket, { advertiserId: this.#advertiserId, day, revision });
    if (stored === null) throw new Error(`manifest ${revision} of ${this.#advertiserId} on ${day} is gone`);
    return stored;
  }

  async sums({ day, sums: { name, sha256 } }: Manifest): Promise<readonly EvidenceSum[]> {
    const key = `${evidenceFolder(this.#advertiserId, day)}${name}`;
    const known = this.#read.get(key);
    if (known !== undefined) return known;
    const object = await this.#bucket.get(key);
    if (object === null) throw new Error(`the evidence ${key} is gone`);
    const bytes = await object.arrayBuffer();
    if ((await sha256Hex(bytes)) !== sha256) throw new Error(`the evidence ${key} is not what its manifest says`);
    const sums = await decodeSums(bytes);
    // A local day lies in two UTC days, or three where a zone's day is longer.
    const [oldest] = this.#read.keys();
    if (this.#read.size >= 3 && oldest !== undefined) this.#read.delete(oldest);
    this.#read.set(key, sums);
    return sums;
  }
}

/** The sums of [fromMs, toMs), which begin and end with a quarter of an hour. */
export function cutSums(
  sums: Iterable<EvidenceSum>,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): EvidenceSum[] {
  const [from, to] = [fromMs / QUARTER_MS, toMs / QUARTER_MS];
  return Array.from(sums).filter(({ quarter }) => quarter >= from && quarter < to);
}
