/**
 * What a shard logged of one impression, from the records that the audits of all scanned days keep of it.
 *
 * Keeps: only attempts that count are read, in the order of the shard's log. Memory: one hour's records, part by part.
 */
import { type AuditRecord, compareLogged, sortedRecords } from "../core/audit-record.ts";
import type { ImpressionKey } from "../core/impression-key.ts";
import { claimsPrefix, keysBelow, ofAttempts } from "./objects.ts";

export type RecordsOf = {
  readonly shard: string;
  readonly key: ImpressionKey;
  /** Of the impression's issue, since 1970. */
  readonly hour: number;
  /** Of each scanned log day the attempt that counts. */
  readonly attempts: ReadonlyMap<string, number>;
};

export async function recordsOfKey(
  bucket: R2Bucket,
  { shard, key, hour, attempts }: RecordsOf,
): Promise<AuditRecord[]> {
  const prefix = claimsPrefix(shard, hour);
  const found: AuditRecord[] = [];
  for (const name of ofAttempts(await keysBelow(bucket, prefix), prefix, attempts)) {
    const object = await bucket.get(name);
    if (object === null) continue;
    const records = sortedRecords([new Uint8Array(await object.arrayBuffer())], { part: 0, parts: 1 });
    found.push(...records.filter((record) => record.key === key));
  }
  return found.sort(compareLogged);
}
