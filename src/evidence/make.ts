/**
 * Making evidence: of each service day that is reconciled, one row a click for its advertiser, in objects that nobody
 * changes, under a manifest (docs/STORAGE.md, evidence).
 *
 *   lines of the audits ─▶ an hour of a bucket: rows and tokens ─▶ a slice of its advertisers: sums, manifests, leaves
 *   ─▶ sums of publishers (earnings.ts)
 *
 * An advertiser's day without a click has evidence too where it has impressions or conversions: sums alone; and where
 * earlier evidence of it had clicks, which are gone: then no sums either, by which statements give them back.
 *
 * Keeps: what is put is a function of the lines, named by its hash, so a step that runs again writes the same. Before a
 * manifest is put, the rows are compared with what the same lines fold to: a day whose rows add up to something else
 * has no evidence, and is a fault. Memory: an hour of a bucket, or a part of it.
 */
import { clickLinesPrefix, readClickLines } from "../audit/click-lines.ts";
import { EVIDENCE_WORK_PREFIX, getLines, putLines } from "../audit/objects.ts";
import type { Steps } from "../audit/steps.ts";
import {
  type EarnedSum,
  type EvidenceLine,
  type EvidenceSum,
  earnedFrom,
  Sums,
  settledLines,
  sumsOfRows,
} from "../core/evidence.ts";
import { hash32 } from "../core/hash.ts";
import { ADVERTISER_BUCKETS } from "../core/limits.ts";
import { assert } from "../core/result.ts";
import { type CleanDays, cleanDays, type DueDay, dueDays, linesOf, markMade, markThrough } from "./due.ts";
import { earnedBuckets, leaveEarned, makeEarnings, nothingOf, type StoredEarnings } from "./earnings.ts";
import { makeHours, type StoredHour } from "./hours.ts";
import {
  type EvidencePart,
  evidenceFolder,
  isSameTotals,
  putManifest,
  putPart,
  readManifest,
  type StoredManifest,
  totalsOf,
} from "./manifest.ts";
import { encodeRows, encodeSums, encodeTokens } from "./parquet.ts";
import { hasTruth, lossesOf, truthOf } from "./truth.ts";

export type EvidencePorts = {
  readonly bucket: R2Bucket;
  readonly primary: D1Database;
  readonly graceMs: number;
  /** Takes notice of a manifest that stands, perhaps again: a leaf of the evidence log. */
  readonly onManifest: (stored: StoredManifest) => Promise<void>;
  /** The same of what a publisher earned. */
  readonly onEarnings: (stored: StoredEarnings) => Promise<void>;
  /** The same of a log hour's manifest. */
  readonly onHour: (stored: StoredHour) => Promise<void>;
};

/** Compressed bytes of lines that are in memory at once, about 100 000 of them. */
const BYTES_AT_ONCE = 16_000_000;
/** Compressed bytes of a bucket's day for each slice of its advertisers, and manifests that one step puts. */
const SLICE_BYTES = 64_000_000;
const MANIFESTS_AT_ONCE = 1_000;

/** Makes the trees of log hours, and the evidence of every day that needs it. Resolves to those days. */
export async function makeEvidence(ports: EvidencePorts, steps: Steps): Promise<string[]> {
  const { bucket, primary, graceMs } = ports;
  const known = await cleanDays(primary, graceMs);
  await makeHours(ports, known.clean, steps);
  const due = await steps.do("evidence", () => dueDays(bucket, known));
  for (const day of due) await makeDay(ports, day, steps, known.clean);
  await steps.do("evidence made", async () => {
    await markThrough(bucket, known.clean);
    return null;
  });
  return due.map(({ day }) => day);
}

async function makeDay(ports: EvidencePorts, due: DueDay, steps: Steps, clean: CleanDays): Promise<void> {
  const { bucket } = ports;
  const { day } = due;
  for (let at = 0; at < ADVERTISER_BUCKETS; at++) {
    const stock = await steps.do(`evidence ${day} ${at}`, () => stockOf(bucket, { day, at, clean }));
    const { hours, slices, isEmpty } = stock;
    const of = { day, at, slices, clean };
    for (const hour of hours) await steps.do(`rows ${day} ${at} ${hour}`, () => makeHour(bucket, { ...of, hour }));
    for (let slice = 0; !isEmpty && slice < slices; slice++) {
      let after: string | null = "";
      while (after !== null) {
        const from: string = after;
        const manifests = { ...of, hours, slice, from, due };
        after = await steps.do(`manifests ${day} ${at} ${slice} ${from}`, () => makeManifests(ports, manifests));
      }
    }
  }
  for (const at of await steps.do(`earned ${day}`, () => earnedBuckets(bucket, due))) {
    await steps.do(`earnings ${day} ${at}`, async () => {
      return makeEarnings(bucket, { due, at, losses: await lossesOf(bucket, due) }, ports.onEarnings);
    });
  }
  await steps.do(`evidenced ${day}`, async () => {
    await markMade(bucket, due);
    return null;
  });
}

type BucketDay = { readonly day: string; readonly at: number; readonly clean: CleanDays };

/** The hours of a bucket's day that have lines, in how many slices its advertisers are taken, and if there are any. */
async function stockOf(
  bucket: R2Bucket,
  { day, at, clean }: BucketDay,
): Promise<{ hours: string[]; slices: number; isEmpty: boolean }> {
  const prefix = clickLinesPrefix(day, at);
  const keys = await linesOf(bucket, prefix, clean);
  const hours = new Set(keys.map((key) => hourIn(key, prefix)));
  let bytes = 0;
  for (const key of keys) bytes += (await bucket.head(key))?.size ?? 0;
  const isEmpty = hours.size === 0 && !(await hasTruth(bucket, { day, at }));
  return { hours: [...hours].sort(), slices: Math.max(1, Math.ceil(bytes / SLICE_BYTES)), isEmpty };
}

const hourIn = (key: string, prefix: string) => key.slice(prefix.length + "hour=".length).slice(0, 2);

/** What an hour leaves of one advertiser for its manifest. */
type HourOf = {
  readonly advertiserId: string;
  readonly parts: readonly EvidencePart[];
  readonly tokens: readonly EvidencePart[];
  readonly rules: readonly string[];
  readonly sums: readonly (Omit<EvidenceSum, "spendMicros"> & { readonly spendMicros: string })[];
};

type Sliced = BucketDay & { readonly slices: number };

const hourKey = ({ day, at }: BucketDay, hour: string, slice: number) =>
  `${EVIDENCE_WORK_PREFIX}dt=${day}/bucket=${String(at).padStart(2, "0")}/hour=${hour}/${slice}.ndjson`;

const sliceOf = (advertiserId: string, slices: number) => hash32(`slice ${advertiserId}`) % slices;

/** Writes rows and tokens of one hour, and what the manifests need of it. Resolves to its rows. */
async function makeHour(bucket: R2Bucket, of: Sliced & { readonly hour: string }): Promise<number> {
  const { day, at, hour, clean, slices } = of;
  const prefix = clickLinesPrefix(day, at);
  const keys = (await linesOf(bucket, prefix, clean)).filter((key) => hourIn(key, prefix) === hour);
  let bytes = 0;
  for (const key of keys) bytes += (await bucket.head(key))?.size ?? 0;
  const passes = Math.max(1, Math.ceil(bytes / BYTES_AT_ONCE));
  const made = new Map<string, HourOf>();
  let rows = 0;
  for (let pass = 0; pass < passes; pass++) {
    const lines: EvidenceLine[] = [];
    for (const key of keys) {
      for (const line of await readClickLines(bucket, key)) {
        // A late click is decided with the one that it joined, so both are of one pass.
        if (passes === 1 || hash32(line.joins ?? line.event) % passes === pass) lines.push(line);
      }
    }
    for (const [advertiserId, own] of Map.groupBy(settledLines(lines), (line) => line.advertiserId)) {
      rows += own.length;
      const folder = evidenceFolder(advertiserId, day);
      const name = passes === 1 ? hour : `${hour}.${String(pass).padStart(3, "0")}`;
      const before = made.get(advertiserId);
      made.set(advertiserId, {
        advertiserId,
        parts: [...(before?.parts ?? []), await putPart(bucket, folder, `rows-${name}`, encodeRows(own), own.length)],
        tokens: [
          ...(before?.tokens ?? []),
          await putPart(bucket, folder, `tokens-${name}`, encodeTokens(own), own.length),
        ],
        rules: [...new Set([...(before?.rules ?? []), ...own.map((line) => line.rules)])],
        sums: [...(before?.sums ?? []), ...sumsOfRows(own).map(spelled)],
      });
    }
  }
  const bySlice = Map.groupBy(made.values(), ({ advertiserId }) => sliceOf(advertiserId, slices));
  for (let slice = 0; slice < slices; slice++)
    await putLines(bucket, hourKey(of, hour, slice), bySlice.get(slice) ?? []);
  return rows;
}

const spelled = ({ spendMicros, ...sum }: EvidenceSum) => ({ ...sum, spendMicros: String(spendMicros) });

type Manifests = Sliced & {
  readonly hours: readonly string[];
  readonly slice: number;
  /** The advertiser behind whom the step begins. */
  readonly from: string;
  readonly due: DueDay;
};

/** Puts the manifests of some of a slice's advertisers. Resolves to the last of them; null when none is left. */
async function makeManifests({ bucket, onManifest }: EvidencePorts, of: Manifests): Promise<string | null> {
  const { day, at, hours, slice, from, due } = of;
  const made = new Map<string, HourOf[]>();
  for (const hour of hours) {
    for (const one of await getLines<HourOf>(bucket, hourKey(of, hour, slice))) {
      const known = made.get(one.advertiserId) ?? [];
      made.set(one.advertiserId, known);
      known.push(one);
    }
  }
  const isOf = (advertiserId: string) => sliceOf(advertiserId, of.slices) === slice;
  const truth = await truthOf(bucket, { ...of, isOf });
  const losses = await lossesOf(bucket, due);
  const earned: EarnedSum[] = [];
  const all = new Set([...made.keys(), ...truth.keys()]);
  const waiting = [...all].filter((advertiserId) => advertiserId > from).sort();
  const some = waiting.slice(0, MANIFESTS_AT_ONCE);
  for (const advertiserId of some) {
    const own = made.get(advertiserId) ?? [];
    const known = truth.get(advertiserId) ?? { totals: totalsOf([]), seen: [], publishersBefore: [] };
    const sums = addedUp(own, known.seen);
    for (const publisherId of known.publishersBefore) earned.push({ ...nothingOf(day), advertiserId, publisherId });
    // Of whom nothing is left that was said says so; of whom nothing ever was has no evidence.
    if (sums.length === 0 && (await readManifest(bucket, { advertiserId, day })) === null) continue;
    const totals = totalsOf(sums);
    const isTruth = isSameTotals(totals, known.totals);
    assert(isTruth, `evidence of ${advertiserId} on ${day} adds up to what its lines fold to`);
    const stored = await putManifest(bucket, {
      ...{ advertiser_id: advertiserId, day, totals, losses },
      parts: own.flatMap(({ parts }) => parts),
      tokens: own.flatMap(({ tokens }) => tokens),
      sums: await putPart(bucket, evidenceFolder(advertiserId, day), "sums", encodeSums(sums), sums.length),
      rules: [...new Set(own.flatMap(({ rules }) => rules))].sort(),
    });
    await onManifest(stored);
    for (const sum of earnedFrom(advertiserId, sums)) earned.push(sum);
  }
  await leaveEarned(bucket, { due, part: `${at}-${slice}-${from}` }, earned);
  return waiting.length > some.length ? (some.at(-1) ?? null) : null;
}

function addedUp(hours: readonly HourOf[], seen: readonly EvidenceSum[]): EvidenceSum[] {
  const sums = new Sums();
  for (const { sums: own } of hours) {
    for (const { spendMicros, ...sum } of own) sums.add({ ...sum, spendMicros: BigInt(spendMicros) });
  }
  for (const sum of seen) sums.add(sum);
  return sums.all();
}
