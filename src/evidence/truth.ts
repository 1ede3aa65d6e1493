/**
 * What the evidence of a day must add up to, what stands in it for information, and what was accepted as lost: all as
 * the audits folded the day.
 */
import { getJson, getRows, keysBelow, lossPrefix, ofAttempts, truthPrefix } from "../audit/objects.ts";
import { parseJson } from "../core/base64url.ts";
import {
  type EvidenceSum,
  MINUTES_PER_QUARTER,
  NO_COUNTS,
  plusCounts,
  SUM_COUNTS,
  type SumCounts,
  Sums,
} from "../core/evidence.ts";
import { CELL_DIMENSIONS, HUNDREDS, MEASURES, type Measure } from "../core/fields.ts";
import { MICROS_PER_HUNDRED } from "../core/measures.ts";
import type { CleanDays, DueDay } from "./due.ts";
import { type NamedLoss, type Totals, totalsOf } from "./manifest.ts";

type StoredRow = NonNullable<Awaited<ReturnType<typeof getRows>>>[number];
const AT = Object.fromEntries(MEASURES.map((measure, at) => [measure, at])) as Record<Measure, number>;
const PUBLISHER_AT = CELL_DIMENSIONS.indexOf("publisher_id");
/** Of these no line of a click says anything. */
const SEEN = ["impressions", "conversions"] as const;

/** What the audits folded an advertiser's day to: all of it, and by quarter what no click's row says. */
export type Truth = {
  readonly totals: Totals;
  readonly seen: readonly EvidenceSum[];
  /** Whom audits that count no more had among the day's publishers. */
  readonly publishersBefore: ReadonlySet<string>;
};

type OfBucket = { readonly day: string; readonly at: number; readonly clean: CleanDays };

/** Whether the audits folded anything of a bucket's day; without naming those that count, whether any audit did. */
export async function hasTruth(
  bucket: R2Bucket,
  { day, at, clean }: Pick<OfBucket, "day" | "at"> & Partial<OfBucket>,
): Promise<boolean> {
  const prefix = truthPrefix(day, at);
  const keys = await keysBelow(bucket, prefix);
  return (clean === undefined ? keys : ofAttempts(keys, prefix, clean)).length > 0;
}

/** What the audits folded the day to, by advertiser of the slice: also of whom nothing is left that was there. */
export async function truthOf(
  bucket: R2Bucket,
  { day, at, clean, isOf }: OfBucket & { isOf: (advertiserId: string) => boolean },
): Promise<ReadonlyMap<string, Truth>> {
  const prefix = truthPrefix(day, at);
  const found = new Map<string, { total: SumCounts; seen: Sums; publishersBefore: Set<string> }>();
  const keys = await keysBelow(bucket, prefix);
  const counting = new Set(ofAttempts(keys, prefix, clean));
  for (const key of keys) {
    for (const row of (await getRows(bucket, key)) ?? []) {
      if (!isOf(row.advertiserId)) continue;
      const none = { total: NO_COUNTS, seen: new Sums(), publishersBefore: new Set<string>() };
      const known = found.get(row.advertiserId) ?? none;
      found.set(row.advertiserId, known);
      if (!counting.has(key)) {
        for (const [publisherId] of cellsOf(row)) known.publishersBefore.add(publisherId);
        continue;
      }
      known.total = plusCounts(known.total, countsOfRow(row));
      for (const sum of seenIn(row)) known.seen.add(sum);
    }
  }
  return new Map(
    Array.from(found, ([id, { total, seen, publishersBefore }]) => {
      return [id, { totals: totalsOf([total]), seen: seen.all(), publishersBefore }];
    }),
  );
}

function countsOfRow({ counts }: StoredRow): SumCounts {
  const of = (measure: Measure) => counts[AT[measure]] ?? 0;
  const spendMicros = BigInt(of(HUNDREDS.spend_micros)) * BigInt(MICROS_PER_HUNDRED) + BigInt(of("spend_micros"));
  const own = Object.fromEntries(SUM_COUNTS.map((name) => [name, Number(of(name))]));
  return { ...(own as Omit<SumCounts, "spendMicros">), spendMicros };
}

/** Impressions and conversions of a row, by publisher. */
function seenIn(row: StoredRow): EvidenceSum[] {
  const { minute, campaignId, adId, counts } = row;
  if (SEEN.every((name) => (counts[AT[name]] ?? 0) === 0)) return [];
  const quarter = Math.floor(minute / MINUTES_PER_QUARTER);
  return cellsOf(row).map(([publisherId, own]) => ({
    ...{ quarter, campaignId, adId, publisherId, cause: null },
    ...{ ...NO_COUNTS, impressions: own[AT.impressions] ?? 0, conversions: own[AT.conversions] ?? 0 },
  }));
}

/** A row's publishers, each with its counts. */
function cellsOf({ cells }: StoredRow): [string, number[]][] {
  const all = parseJson(cells) as [string[], number[]][];
  return all.map(([dimensions, own]) => [dimensions[PUBLISHER_AT] ?? "", own]);
}

/** What was accepted as lost of the log days that the evidence is made from. */
export async function lossesOf(bucket: R2Bucket, { logDays }: Pick<DueDay, "logDays">): Promise<NamedLoss[]> {
  const losses: NamedLoss[] = [];
  for (const logDay of logDays) {
    for (const key of await keysBelow(bucket, lossPrefix(logDay))) {
      const loss = await getJson<NamedLoss>(bucket, key);
      if (loss !== null) losses.push({ object: loss.object, reason: loss.reason });
    }
  }
  return losses;
}
