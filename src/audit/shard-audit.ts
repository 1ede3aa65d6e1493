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
import type { StoredSegment } from "../archive/segments.ts";
import { RecordWriter } from "../core/audit-record.ts";
import { DAY_MS } from "../core/limits.ts";
import { claimsStep } from "./claims-step.ts";
import { ClickLines } from "./click-lines.ts";
import { touchedBy } from "./context.ts";
import { type Cost, CountedSteps, Meter } from "./cost.ts";
import { Figures, toStored } from "./figures.ts";
import { FoldWriter, listFolds } from "./folds.ts";
import { HourLines, hoursPrefix } from "./hour-lines.ts";
import type { SourceDay } from "./inventory.ts";
import {
  acceptedIn,
  claimsPrefix,
  foundPrefix,
  getJson,
  numbered,
  putJson,
  putLines,
  putRows,
  revisionsPrefix,
  truthPrefix,
  workPrefix,
} from "./objects.ts";
import { type Finding, type Judges, type ScanSink, scanSegment } from "./scan.ts";
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
  /** SHA-256 of the list of its folds (audit/folds.ts). */
  readonly folds: string;
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
type PartOf = Pick<ShardAuditOf, "day" | "attempt" | "shard">;

export function workKey({ day, attempt, shard }: PartOf): string {
  return `${workPrefix(day, attempt)}work/${shard}.json`;
}

export function doneKey({ day, attempt, shard }: PartOf): string {
  return `${workPrefix(day, attempt)}shard=${shard}.json`;
}

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
      folds: await listFolds(bucket, of, work.sources),
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
  const clicks = new ClickLines();
  const hours = new HourLines(bucket);
  const found: Finding[] = [];
  const revised: RevisedEvent[] = [];
  const accepted = await acceptedIn(bucket, day);
  const folds = new FoldWriter(bucket, { day, attempt, shard }, (fold) => addTo(truth, fold));
  const sink: ScanSink = {
    onClick: (line) => clicks.add(line),
    onRecord: (record) => {
      const writer = claims.get(record.hour) ?? new RecordWriter();
      claims.set(record.hour, writer);
      writer.add(record);
      if (record.form === "revision") revised.push(record);
    },
  };
  let events = 0;
  for (const segment of segments) {
    const { incarnation } = segment.owner;
    const scanned = await scanSegment(bucket, segment, {
      ...{ judges, accepted, life: work.lives.indexOf(incarnation) },
      ...sink,
    });
    events += scanned.events;
    found.push(...scanned.found);
    for (const piece of scanned.pieces) await folds.add(incarnation, piece);
    // A database has what moves nothing, so its figures are looked at there too.
    for (const row of scanned.voided.values()) {
      truth.set(touchedBy(row), truth.get(touchedBy(row)) ?? new Figures());
    }
    await hours.add(segment, scanned.rows);
  }
  await folds.close();
  const own = `${day}/${numbered(attempt)}`;
  for (const [name, figures] of truth) {
    const [serviceDay = "", of = ""] = name.split("/");
    await putRows(bucket, `${truthPrefix(serviceDay, Number(of))}${own}/${shard}-${number}.parquet`, stored(figures));
  }
  for (const [hour, writer] of claims) {
    await bucket.put(`${claimsPrefix(shard, hour)}${own}/${number}.bin`, writer.encoded());
  }
  await clicks.put(bucket, `${own}/${shard}-${number}`);
  await hours.put(`${hoursPrefix(day, attempt, shard)}${number}.ndjson`);
  if (revised.length > 0) await putLines(bucket, `${revisionsPrefix(shard)}${own}/${number}.ndjson`, revised);
  await putLines(bucket, `${foundPrefix(day, attempt)}scan-${shard}-${number}.ndjson`, found);
  return { events, hours: [...claims.keys()], touched: [...truth.keys()] };
}

function addTo(truth: Map<string, Figures>, fold: Figures): void {
  for (const row of fold.rows.values()) {
    const name = touchedBy(row);
    const figures = truth.get(name) ?? new Figures();
    truth.set(name, figures);
    figures.add(row);
  }
}

const stored = (figures: Figures) => Array.from(figures.rows.values(), toStored);

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
