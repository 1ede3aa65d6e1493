/**
 * The check of claims, a step of a shard's part of an audit: of all impressions that were issued in some hours, over
 * everything that was logged of them.
 *
 * Keeps: memory: a part of one hour's records, whatever the hour holds. Findings are about records that the day logged.
 */
import { objectsBelow } from "../archive/segments.ts";
import { type AuditRecord, RECORD_BYTES, sortedRecords } from "../core/audit-record.ts";
import { checkImpression } from "../core/claim-check.ts";
import type { Decision } from "../core/verdict.ts";
import { claimsPrefix, foundPrefix, getLines, keysBelow, ofAttempts, putLines } from "./objects.ts";
import type { Finding } from "./scan.ts";
import type { ShardAuditOf, ShardWork } from "./shard-audit.ts";
import { type RevisedEvent, tailKey } from "./tail.ts";

/** Records that are in memory at once. */
const RECORDS_AT_ONCE = 200_000;

/** Checks the claims of all impressions that were issued in some hours, over every scanned day. */
export async function claimsStep(
  of: ShardAuditOf,
  { bucket, work, hours, number }: { bucket: R2Bucket; work: ShardWork; hours: readonly number[]; number: number },
): Promise<number> {
  const { day, attempt, shard, attempts } = of;
  const found: Finding[] = [];
  const later = await getLines<RevisedEvent>(bucket, `${tailKey(of)}.revised`);
  const judged = await deferredJudgements(bucket, of);
  for (const hour of hours) {
    const prefix = claimsPrefix(shard, hour);
    const parts: R2Object[] = [];
    for await (const object of objectsBelow(bucket, prefix)) parts.push(object);
    const counted = new Set(
      ofAttempts(
        parts.map(({ key }) => key),
        prefix,
        attempts,
      ),
    );
    const own = parts.filter(({ key }) => counted.has(key));
    const records = own.reduce((sum, { size }) => sum + size / RECORD_BYTES, 0);
    const passes = Math.max(1, Math.ceil(records / RECORDS_AT_ONCE));
    for (let part = 0; part < passes; part++) {
      const blocks: Uint8Array[] = [];
      for (const { key } of own) {
        const object = await bucket.get(key);
        if (object === null) throw new Error(`the records ${key} are gone`);
        blocks.push(new Uint8Array(await object.arrayBuffer()));
      }
      const sorted = sortedRecords(blocks, { part, parts: passes });
      found.push(...findingsOf([...sorted, ...later.filter((record) => record.hour === hour)], { of, work, judged }));
    }
  }
  await putLines(bucket, `${foundPrefix(day, attempt)}claims-${shard}-${number}.ndjson`, found);
  return found.length;
}

/** What the rules say of deferred events of this day, which its scan has judged, by place. */
async function deferredJudgements(bucket: R2Bucket, { day, attempt, shard }: ShardAuditOf) {
  const judged = new Map<string, Decision>();
  for (const key of await keysBelow(bucket, `${foundPrefix(day, attempt)}scan-${shard}-`)) {
    for (const { kind, place, to } of await getLines<Finding>(bucket, key)) {
      if (kind === "unsettled" && place !== undefined && to)
        judged.set(`${place.incarnation}/${place.seq}/${place.line}`, to);
    }
  }
  return judged;
}

/** The findings about records that this day logged. */
function findingsOf(
  records: readonly AuditRecord[],
  { of, work, judged }: { of: ShardAuditOf; work: ShardWork; judged: ReadonlyMap<string, Decision> },
): Finding[] {
  const found: Finding[] = [];
  const ranges = new Map(work.sources.map(({ source, from, to }) => [source, { from: from.seq, to: to.seq }]));
  for (const group of byKey(records)) {
    for (const { record, kind, detail, to } of checkImpression(group, (at) => {
      return judged.get(`${work.lives[at.life]}/${at.seq}/${at.line}`) ?? null;
    })) {
      const incarnation = work.lives[record.life] ?? "";
      const source = `${of.shard}/${incarnation}`;
      const range = ranges.get(source);
      const isOfDay = range !== undefined && record.seq > range.from && record.seq <= range.to;
      if (!isOfDay) continue;
      const { seq, line, loggedAtMs, event, verdict } = record;
      const place = { shard: of.shard, incarnation, seq, line, loggedAtMs };
      const from: Decision = { verdict, reason: null };
      found.push({ kind, where: `${source}/${seq}/${line}`, detail, event, place, from, to });
    }
  }
  return found;
}

function* byKey(records: readonly AuditRecord[]): Generator<AuditRecord[]> {
  let group: AuditRecord[] = [];
  for (const record of records.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))) {
    if (group.length > 0 && group[0]?.key !== record.key) {
      yield group;
      group = [];
    }
    group.push(record);
  }
  if (group.length > 0) yield group;
}
