/**
 * What the evidence of a day must add up to: what the audits folded the same clicks to, and what was accepted as lost.
 */
import { getJson, getRows, keysBelow, lossPrefix, ofAttempts, truthPrefix } from "../audit/objects.ts";
import type { EvidenceSum } from "../core/evidence.ts";
import { HUNDREDS, MEASURES, type Measure } from "../core/fields.ts";
import { MICROS_PER_HUNDRED } from "../core/measures.ts";
import type { CleanDays } from "./due.ts";
import type { NamedLoss, Totals } from "./manifest.ts";

export function totalsOf(sums: Iterable<EvidenceSum>): Totals {
  let [gross, valid, duplicate, invalid, late, spend] = [0, 0, 0, 0, 0, 0n];
  for (const sum of sums) {
    gross += sum.gross;
    valid += sum.valid;
    duplicate += sum.duplicate;
    invalid += sum.invalid;
    late += sum.late;
    spend += sum.spendMicros;
  }
  return { gross, valid, duplicate, invalid, late, spend_micros: String(spend) };
}

export function isSameTotals(left: Totals, right: Totals): boolean {
  return left.spend_micros === right.spend_micros && TOTALS.every((name) => left[name] === right[name]);
}

const TOTALS = ["gross", "valid", "duplicate", "invalid", "late"] as const;
const AT = Object.fromEntries(MEASURES.map((measure, at) => [measure, at])) as Record<Measure, number>;

/** What the audits folded the day's clicks to, by advertiser of the slice. */
export async function truthOf(
  bucket: R2Bucket,
  { day, at, clean, isOf }: { day: string; at: number; clean: CleanDays; isOf: (advertiserId: string) => boolean },
): Promise<ReadonlyMap<string, Totals>> {
  const prefix = truthPrefix(day, at);
  const sums = new Map<string, bigint[]>();
  for (const key of ofAttempts(await keysBelow(bucket, prefix), prefix, clean)) {
    for (const { advertiserId, counts } of (await getRows(bucket, key)) ?? []) {
      if (!isOf(advertiserId)) continue;
      const sum = sums.get(advertiserId) ?? counts.map(() => 0n);
      sums.set(
        advertiserId,
        sum.map((total, index) => total + BigInt(counts[index] ?? 0)),
      );
    }
  }
  const totals = Array.from(sums, ([advertiserId, sum]): [string, Totals] => {
    const of = (measure: Measure) => sum[AT[measure]] ?? 0n;
    const spend = of(HUNDREDS.spend_micros) * BigInt(MICROS_PER_HUNDRED) + of("spend_micros");
    const clicks = Object.fromEntries(TOTALS.map((name) => [name, Number(of(name))])) as Record<TotalName, number>;
    return [advertiserId, { ...clicks, spend_micros: String(spend) }];
  });
  return new Map(totals);
}
type TotalName = (typeof TOTALS)[number];

/** What was accepted as lost of the log days that the evidence is made from. */
export async function lossesOf(bucket: R2Bucket, audits: readonly string[]): Promise<NamedLoss[]> {
  const losses: NamedLoss[] = [];
  for (const logDay of new Set(audits.map((audit) => audit.slice(0, "YYYY-MM-DD".length)))) {
    for (const key of await keysBelow(bucket, lossPrefix(logDay))) {
      const loss = await getJson<NamedLoss>(bucket, key);
      if (loss !== null) losses.push({ object: loss.object, reason: loss.reason });
    }
  }
  return losses;
}
