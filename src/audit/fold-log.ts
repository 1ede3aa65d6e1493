/**
 * The folds of the archive as a database is filled from them, each checked against the report of its audit.
 *
 *   seal ─▶ last report, if it is clean ─▶ index ─▶ list of a shard ─▶ fold      each names the next by its SHA-256
 *
 * Keeps: the contract of facts/folded-log.ts. Reads no database: seals and reports in R2 are the authority.
 */
import { sourceOf } from "../archive/archive.ts";
import { objectsBelow, segmentsOfDay } from "../archive/segments.ts";
import { parseJson } from "../core/base64url.ts";
import type { Facts } from "../core/facts.ts";
import { DAY_MS } from "../core/limits.ts";
import { isoDay } from "../core/time.ts";
import { type FoldedDay, type FoldedLog, LogMissingError, type StoredFold } from "../facts/folded-log.ts";
import { type AuditReport, auditPrefix } from "./audit-report.ts";
import {
  type FoldIndex,
  type FoldList,
  factsOfRows,
  foldIndexKey,
  foldListKey,
  foldsPrefix,
  type ListedFold,
} from "./folds.ts";
import { markAudited, markSealed } from "./log-days.ts";
import { decodeStored, getJson, hexOf, keysBelow, SEALS_PREFIX, type Seal, sealKey, sha256Of } from "./objects.ts";

const SEAL_KEY = /dt=(\d{4}-\d{2}-\d{2})\.json$/;

export class R2FoldedLog implements FoldedLog {
  readonly #bucket: R2Bucket;
  readonly #primary: D1Database | null;

  /** `primary` gets the rows of `log_days` again that it lacks, day by day as they are opened. */
  constructor(bucket: R2Bucket, primary: D1Database | null) {
    this.#bucket = bucket;
    this.#primary = primary;
  }

  async days(): Promise<string[]> {
    const keys = await keysBelow(this.#bucket, SEALS_PREFIX);
    const days = keys.flatMap((key) => SEAL_KEY.exec(key)?.[1] ?? []).sort();
    // Days are sealed one after the other.
    for (const [at, day] of days.entries()) {
      const next = isoDay(Date.parse(day) + DAY_MS);
      if (at < days.length - 1 && days[at + 1] !== next) throw new LogMissingError(`${sealKey(next)} is gone.`);
    }
    return days;
  }

  async open(day: string): Promise<FoldedDay> {
    const seal = await getJson<Seal>(this.#bucket, sealKey(day));
    if (seal === null) throw new LogMissingError(`${sealKey(day)} is gone.`);
    const report = await lastReport(this.#bucket, day);
    if (this.#primary !== null) {
      await markSealed(this.#primary, day, seal.sealedAtMs);
      if (report !== null) await markAudited(this.#primary, report);
    }
    const isClean = report?.outcome === "clean";
    const lists = new Map<string, Promise<FoldList | null>>();
    return {
      ...{ day, isClean, ends: new Map(Object.entries(seal.sources)) },
      source: async (source) => {
        if (!isClean) return null;
        const shard = source.slice(0, source.lastIndexOf("/"));
        const list = lists.get(shard) ?? foldListOf(this.#bucket, report, shard);
        lists.set(shard, list);
        return (await list)?.sources[source] ?? null;
      },
    };
  }

  async read(fold: StoredFold): Promise<Facts> {
    const { key, sha256 } = fold as ListedFold;
    return factsOfRows(await decodeStored(await bytesOf(this.#bucket, key, sha256)));
  }
}

/** The report of a day's last finished audit; null before the first. */
export async function lastReport(bucket: R2Bucket, day: string): Promise<AuditReport | null> {
  const { objects } = await bucket.list({ prefix: auditPrefix(day), delimiter: "/" });
  const last = objects.at(-1);
  return last === undefined ? null : getJson<AuditReport>(bucket, last.key);
}

/** The folds of a shard by its day's report; null where the audit had no work for the shard. Throws LogMissingError. */
export async function foldListOf(
  bucket: R2Bucket,
  { day, attempt, folds }: AuditReport,
  shard: string,
): Promise<FoldList | null> {
  const index = parse<FoldIndex>(await bytesOf(bucket, foldIndexKey(day, attempt), folds));
  const sha256 = index.shards[shard];
  if (sha256 === undefined) return null;
  return parse<FoldList>(await bytesOf(bucket, foldListKey(day, attempt, shard), sha256));
}

/** The bytes of an object that have that SHA-256. Throws LogMissingError on any other. */
async function bytesOf(bucket: R2Bucket, key: string, sha256: string): Promise<ArrayBuffer> {
  const object = await bucket.get(key);
  if (object === null) throw new LogMissingError(`${key} is gone.`);
  const bytes = await object.arrayBuffer();
  if ((await sha256Of(new Uint8Array(bytes))) !== sha256) {
    throw new LogMissingError(`${key} is not what the audit of its day wrote.`);
  }
  return bytes;
}

function parse<T>(bytes: ArrayBuffer): T {
  return parseJson(new TextDecoder().decode(bytes)) as T;
}
/**
 * What keeps the lines of a clean day from being told by its folds: folds that are not as its audit wrote them, and
 * segments with rows that are in none of them, which came later. Memory: the keys of a day.
 */
export async function unfoldedOf(bucket: R2Bucket, report: AuditReport): Promise<string[]> {
  const { day, attempt } = report;
  const index = parse<FoldIndex>(await bytesOf(bucket, foldIndexKey(day, attempt), report.folds));
  const stored = new Map<string, R2Object>();
  for await (const object of objectsBelow(bucket, foldsPrefix(day, attempt))) stored.set(object.key, object);
  const unfolded: string[] = [];
  const bySource = new Map<string, readonly ListedFold[]>();
  for (const shard of Object.keys(index.shards)) {
    const list = await foldListOf(bucket, report, shard);
    for (const [source, { folds }] of Object.entries(list?.sources ?? {})) {
      bySource.set(source, folds);
      for (const { key, sha256 } of folds) {
        if (!(await isStored(bucket, stored.get(key), sha256))) unfolded.push(key);
      }
    }
  }
  for (const { key, owner, from, to, isClosed } of await segmentsOfDay(bucket, day)) {
    let seq = from.seq;
    for (const fold of bySource.get(sourceOf(owner)) ?? []) if (fold.from.seq <= seq) seq = Math.max(seq, fold.to.seq);
    if (!isClosed && seq < to.seq) unfolded.push(key);
  }
  return unfolded;
}

/** R2 has compared an object's bytes with the SHA-256 that it tells; where it tells none, they are read. */
async function isStored(bucket: R2Bucket, object: R2Object | undefined, sha256: string): Promise<boolean> {
  if (object === undefined) return false;
  const { sha256: known } = object.checksums;
  if (known !== undefined) return hexOf(new Uint8Array(known)) === sha256;
  try {
    await bytesOf(bucket, object.key, sha256);
    return true;
  } catch (fault) {
    if (fault instanceof LogMissingError) return false;
    throw fault;
  }
}
