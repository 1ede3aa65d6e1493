/**
 * The part of an audit that concerns one shard: its segments are scanned once, its claims checked over all that was
 * logged of the impressions that the day touched, and what it logged since is looked through for what belongs to days
 * that are over.
 *
 *   inventory ─▶ scan, some segments a step ─▶ tail ─▶ claims, some hours a step ─▶ shard=<name>.json
 *
 * Keeps: steps are idempotent: each writes objects under names of its own. Memory: one segment with its records, or a
 * part of one hour's records, whatever the day holds.
 * Relies on: every copy of an impression meets the same shard, so shards need not be compared with one another.
 */
import { objectsBelow, type StoredSegment } from "../archive/segments.ts";
import { type AuditRecord, RECORD_BYTES, RecordWriter, sortedRecords } from "../core/audit-record.ts";
import { checkImpression } from "../core/claim-check.ts";
import { DAY_MS, MINUTE_MS } from "../core/limits.ts";
import { advertiserBucketOf } from "../core/routing.ts";
import { isoDay } from "../core/time.ts";
import type { Decision } from "../core/verdict.ts";
import { type Cost, CountedSteps, Meter } from "./cost.ts";
import { Figures, toStored } from "./figures.ts";
import type { SourceDay } from "./inventory.ts";
import {
  claimsPrefix,
  foldKey,
  getJson,
  getLines,
  keysBelow,
  numbered,
  ofAttempts,
  putJson,
  putLines,
  putRows,
  revisionsPrefix,
  truthPrefix,
  workPrefix,
} from "./objects.ts";
import { type Finding, type Judges, type Scanned, scanSegment } from "./scan.ts";
import type { Steps } from "./steps.ts";
import { type RevisedEvent, type TailRow, tailKey, tailOf } from "./tail.ts";

/** What the inventory hands to the part of one shard. */
export type ShardWork = {
  readonly shard: string;
  readonly sources: readonly SourceDay[];
  /** Incarnations of the shard in their order; a record names one by its place. */
  readonly lives: readonly string[];
  readonly segments: readonly StoredSegment[];
  /** Segments of days that were not scanned yet. */
  readonly tail: readonly StoredSegment[];
};

/** What became of it. */
export type ShardDone = {
  readonly shard: string;
  readonly events: number;
  readonly segments: number;
  /** Service days and buckets with figures of this log day: `2026-11-27/05`. */
  readonly touched: readonly string[];
  /** Of its steps up to here. */
  readonly cost: Cost;
};

export type ShardAuditOf = {
  readonly day: string;
  readonly attempt: number;
  readonly shard: string;
  /** Of each log day that was scanned, the attempt that counts; this one's of this day. */
  readonly attempts: ReadonlyMap<string, number>;
};

/** Compressed bytes of segments that one step reads, about; a step has five minutes of processor time at most. */
const STEP_BYTES = 16_000_000;
/** Hours whose claims one step checks. */
const HOURS_PER_STEP = 24;
/** Records that are in memory at once. */
const RECORDS_AT_ONCE = 200_000;

type PartOf = Pick<ShardAuditOf, "day" | "attempt" | "shard">;

export function workKey({ day, attempt, shard }: PartOf): string {
  return `${workPrefix(day, attempt)}work/${shard}.json`;
}

export function doneKey({ day, attempt, shard }: PartOf): string {
  return `${workPrefix(day, attempt)}shard=${shard}.json`;
}

export const foundPrefix = (day: string, attempt: number) => `${workPrefix(day, attempt)}found/`;

/** Audits one shard's part of a day; durable in R2 when it resolves. */
export async function auditShard(of: ShardAuditOf, archive: R2Bucket, judges: Judges, every: Steps): Promise<void> {
  const { day, attempt, shard } = of;
  const meter = new Meter(archive);
  const { bucket } = meter;
  const steps = new CountedSteps(every, meter);
  const work = await getJson<ShardWork>(bucket, workKey(of));
  if (work === null) throw new Error(`the inventory of ${shard} is missing`);
  const scans: ScanStep[] = [];
  for (const [number, segments] of inSteps(work.segments).entries()) {
    const scan = () => scanStep(of, { bucket, judges, work, segments, number });
    scans.push(await steps.do(`scan ${shard} ${number}`, scan));
  }
  await steps.do(`tail ${shard}`, () => tailStep(of, { bucket, work }));
  const hours = [...new Set(scans.flatMap((scan) => scan.hours))].sort((a, b) => a - b);
  for (let at = 0; at < hours.length; at += HOURS_PER_STEP) {
    const some = hours.slice(at, at + HOURS_PER_STEP);
    await steps.do(`claims ${shard} ${at}`, () => claimsStep(of, { bucket, work, hours: some, number: at }));
  }
  await steps.do(`done ${shard}`, async () => {
    const done: ShardDone = {
      shard,
      events: scans.reduce((sum, { events }) => sum + events, 0),
      segments: work.segments.length,
      touched: [...new Set(scans.flatMap(({ touched }) => touched))],
      cost: steps.cost,
    };
    await putJson(bucket, doneKey({ day, attempt, shard }), done);
    return null;
  });
}

type ScanStep = { events: number; hours: number[]; touched: string[] };

function inSteps(segments: readonly StoredSegment[]): StoredSegment[][] {
  const steps: StoredSegment[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const segment of segments) {
    if (bytes + segment.bytes > STEP_BYTES) {
      steps.push([]);
      bytes = 0;
    }
    steps.at(-1)?.push(segment);
    bytes += segment.bytes;
  }
  return steps;
}

type StepOf = { readonly bucket: R2Bucket; readonly judges: Judges; readonly work: ShardWork };

async function scanStep(
  { day, attempt, shard }: ShardAuditOf,
  { bucket, judges, work, segments, number }: StepOf & { segments: readonly StoredSegment[]; number: number },
): Promise<ScanStep> {
  const truth = new Map<string, Figures>();
  const claims = new Map<number, RecordWriter>();
  const found: Finding[] = [];
  const revised: RevisedEvent[] = [];
  let events = 0;
  for (const segment of segments) {
    const { owner, from } = segment;
    const scanned = await scanSegment(bucket, segment, { judges, life: work.lives.indexOf(owner.incarnation) });
    events += scanned.events;
    found.push(...scanned.found);
    takeRecords(scanned, { claims, revised });
    const fold = new Figures();
    fold.addFacts(scanned.facts);
    for (const row of fold.rows.values()) {
      const name = touchedBy(row);
      const figures = truth.get(name) ?? new Figures();
      truth.set(name, figures);
      figures.add(row);
    }
    await putRows(bucket, foldKey(day, shard, owner.incarnation, from.seq + 1), stored(fold));
  }
  const own = `${day}/${numbered(attempt)}`;
  for (const [name, figures] of truth) {
    const [serviceDay = "", of = ""] = name.split("/");
    await putRows(bucket, `${truthPrefix(serviceDay, Number(of))}${own}/${shard}-${number}.parquet`, stored(figures));
  }
  for (const [hour, writer] of claims) {
    await bucket.put(`${claimsPrefix(shard, hour)}${own}/${number}.bin`, writer.encoded());
  }
  if (revised.length > 0) await putLines(bucket, `${revisionsPrefix(shard)}${own}/${number}.ndjson`, revised);
  await putLines(bucket, `${foundPrefix(day, attempt)}scan-${shard}-${number}.ndjson`, found);
  return { events, hours: [...claims.keys()], touched: [...truth.keys()] };
}

function takeRecords(
  { records }: Scanned,
  { claims, revised }: { claims: Map<number, RecordWriter>; revised: RevisedEvent[] },
): void {
  for (const record of records) {
    const writer = claims.get(record.hour) ?? new RecordWriter();
    claims.set(record.hour, writer);
    writer.add(record);
    if (record.form === "revision") revised.push(record);
  }
}

const stored = (figures: Figures) => Array.from(figures.rows.values(), toStored);

/** `2026-11-27/05`: the service day and the advertiser's bucket. */
export function touchedBy({ window, advertiserId }: { window: number; advertiserId: string }): string {
  return touchedName(isoDay(window * MINUTE_MS), advertiserBucketOf(advertiserId));
}

export function touchedName(serviceDay: string, bucket: number): string {
  return `${serviceDay}/${String(bucket).padStart(2, "0")}`;
}

/** Looks through what was logged behind the scanned days: figures of days that are over, and revisions. */
async function tailStep(of: ShardAuditOf, { bucket, work }: Omit<StepOf, "judges">): Promise<number> {
  const rows: TailRow[] = [];
  const revised: RevisedEvent[] = [];
  for (const segment of work.tail) {
    const more = await tailOf(bucket, segment, { lives: work.lives, beforeMs: Date.parse(of.day) + DAY_MS });
    rows.push(...more.rows);
    revised.push(...more.revised);
  }
  await putLines(bucket, tailKey(of), rows);
  await putLines(bucket, `${tailKey(of)}.revised`, revised);
  return rows.length;
}

/** Checks the claims of all impressions that were issued in some hours, over every scanned day. */
async function claimsStep(
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
