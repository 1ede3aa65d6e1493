/**
 * Evidence as sums, day by day, at one revision each, and cut at instants: an advertiser's own, or what a publisher
 * earned in one currency.
 *
 * Keeps: what is read is compared with its hash: a changed object is a fault, never a figure.
 */
import { type EvidenceSum, MINUTES_PER_QUARTER } from "../core/evidence.ts";
import { MINUTE_MS } from "../core/limits.ts";
import { EVIDENCE_PREFIX, type Manifest, readManifestIn, type Stored, sha256Hex } from "../evidence/manifest.ts";
import { decodeEarned, decodeSums } from "../evidence/parquet.ts";
import type { Owner } from "./owner.ts";

export const QUARTER_MS = MINUTES_PER_QUARTER * MINUTE_MS;

/** What manifests of advertisers and of publishers have alike. */
export type SumsManifest = Pick<Manifest, "day" | "revision" | "sums" | "losses">;

/** The currencies of advertisers' profiles; null where one names none. */
export type CurrenciesOf = (advertiserIds: readonly string[]) => Promise<ReadonlyMap<string, string | null>>;

/** Where an owner's evidence of all days is. */
export const daysPrefix = (owner: Owner) =>
  `${EVIDENCE_PREFIX}${"advertiserId" in owner ? `adv=${owner.advertiserId}` : `pub=${owner.publisherId}`}/dt=`;

export class EvidenceSums {
  readonly #bucket: R2Bucket;
  readonly #owner: Owner;
  readonly #currenciesOf: CurrenciesOf;
  readonly #currencies = new Map<string, string | null>();
  /** The last days that were read, by object. */
  readonly #read = new Map<string, readonly EvidenceSum[]>();

  constructor(bucket: R2Bucket, owner: Owner, currenciesOf: CurrenciesOf) {
    this.#bucket = bucket;
    this.#owner = owner;
    this.#currenciesOf = currenciesOf;
  }

  /** Advertisers that were met and whose profile names no currency. */
  get withoutCurrency(): string[] {
    return Array.from(this.#currencies).flatMap(([id, currency]) => (currency === null ? [id] : []));
  }

  /** Of a publisher: the advertisers that were met and pay in its currency, in order. */
  get advertisers(): string[] {
    const currency = "publisherId" in this.#owner ? this.#owner.currency : null;
    return Array.from(this.#currencies)
      .flatMap(([id, own]) => (own === currency ? [id] : []))
      .sort();
  }

  /** The last revision of each UTC day from `day` on that has evidence, in order. */
  async revisionsFrom(day: string): Promise<ReadonlyMap<string, number>> {
    const prefix = daysPrefix(this.#owner);
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

  async manifest(day: string, revision: number): Promise<Stored<SumsManifest>> {
    const folder = `${daysPrefix(this.#owner)}${day}/`;
    const stored = await readManifestIn<SumsManifest>(this.#bucket, folder, revision);
    if (stored === null) throw new Error(`manifest ${revision} in ${folder} is gone`);
    return stored;
  }

  async sums({ day, sums: { name, sha256 } }: SumsManifest): Promise<readonly EvidenceSum[]> {
    const key = `${daysPrefix(this.#owner)}${day}/${name}`;
    const known = this.#read.get(key);
    if (known !== undefined) return known;
    const object = await this.#bucket.get(key);
    if (object === null) throw new Error(`the evidence ${key} is gone`);
    const bytes = await object.arrayBuffer();
    if ((await sha256Hex(bytes)) !== sha256) throw new Error(`the evidence ${key} is not what its manifest says`);
    const sums = await this.#decode(bytes);
    // A local day lies in two UTC days, or three where a zone's day is longer.
    const [oldest] = this.#read.keys();
    if (this.#read.size >= 3 && oldest !== undefined) this.#read.delete(oldest);
    this.#read.set(key, sums);
    return sums;
  }

  /** The sums of an object; of a publisher those with advertisers who pay in the owner's currency. */
  async #decode(bytes: ArrayBuffer): Promise<readonly EvidenceSum[]> {
    if ("advertiserId" in this.#owner) return decodeSums(bytes);
    const { publisherId, currency } = this.#owner;
    const all = await decodeEarned(bytes, publisherId);
    const unknown = new Set(all.map(({ advertiserId }) => advertiserId).filter((id) => !this.#currencies.has(id)));
    if (unknown.size > 0) {
      const found = await this.#currenciesOf([...unknown]);
      for (const id of unknown) this.#currencies.set(id, found.get(id) ?? null);
    }
    return all.filter(({ advertiserId }) => this.#currencies.get(advertiserId) === currency);
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
