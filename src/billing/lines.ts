/**
 * Lines of a statement: sums by local day, campaign and ad, and what one set of them has more than another.
 */
import { compareCauses, hasCounts, NO_COUNTS, plusCounts, SUM_COUNTS, type SumCounts } from "../core/evidence.ts";
import { MINUTE_MS } from "../core/limits.ts";
import { type EvidencePart, putPart } from "../evidence/manifest.ts";
import { countColumns, int64Of, textOf, toParquet } from "../evidence/parquet.ts";
import { dateMinute, datesOf, type Zone } from "../report/query/zone.ts";
import type { LineCounts } from "./statement.ts";

/** One ad's clicks of a local day; of an adjustment those that one cause has moved. */
export type AdLine = SumCounts & {
  readonly day: string;
  readonly campaignId: string;
  readonly adId: string;
  /** Null of first decisions, and where lines are not told apart by cause. */
  readonly cause: string | null;
};

export type LocalDay = { readonly day: string; readonly fromMs: number; readonly toMs: number };

/** The local days that [fromMs, toMs) touches, cut at its ends. */
export function localDays({ fromMs, toMs }: { fromMs: number; toMs: number }, zone: Zone): LocalDay[] {
  return datesOf(fromMs / MINUTE_MS, toMs / MINUTE_MS, zone).map((day) => ({
    day,
    fromMs: Math.max(fromMs, (dateMinute(day, zone) ?? 0) * MINUTE_MS),
    toMs: Math.min(toMs, (dateMinute(day, zone, 1) ?? 0) * MINUTE_MS),
  }));
}

/** Sums by local day, campaign and ad, and by cause if asked. */
export class AdLines {
  readonly #lines = new Map<string, AdLine>();
  readonly #isByCause: boolean;

  constructor({ isByCause }: { readonly isByCause: boolean }) {
    this.#isByCause = isByCause;
  }

  add(day: string, sums: Iterable<Omit<AdLine, "day">>, sign: 1 | -1 = 1): void {
    for (const sum of sums) {
      const { campaignId, adId } = sum;
      const cause = this.#isByCause ? sum.cause : null;
      const key = [day, campaignId, adId, cause ?? ""].join("\u001f");
      const known = this.#lines.get(key) ?? NO_COUNTS;
      this.#lines.set(key, { ...plusCounts(known, sum, sign), day, campaignId, adId, cause });
    }
  }

  /** In order of day, campaign, ad and cause, without those in which nothing is left. */
  all(): AdLine[] {
    const names = ["day", "campaignId", "adId"] as const;
    return Array.from(this.#lines.values())
      .filter(hasCounts)
      .sort((a, b) => {
        const name = names.find((one) => a[one] !== b[one]);
        return name === undefined ? compareCauses(a.cause, b.cause) : a[name] < b[name] ? -1 : 1;
      });
  }
}

/** Ads' lines by day and campaign, and by cause as far as they are. */
export function byCampaign(lines: readonly AdLine[]): AdLine[] {
  const sums = new AdLines({ isByCause: true });
  for (const line of lines) sums.add(line.day, [{ ...line, adId: "" }]);
  return sums.all();
}

export function spelledCounts(counts: SumCounts): LineCounts {
  const own = Object.fromEntries(SUM_COUNTS.map((name) => [name, counts[name]]));
  return { ...(own as Omit<LineCounts, "spend_micros">), spend_micros: String(counts.spendMicros) };
}

/** What lines add up to. */
export function totalOf(lines: readonly AdLine[]): SumCounts {
  return lines.reduce((sum: SumCounts, line) => plusCounts(sum, line), NO_COUNTS);
}

/** Puts lines by ad as Parquet under their hash; `statement` and cause are columns where lines are of several. */
export async function putLines(
  bucket: R2Bucket,
  { folder, name }: { folder: string; name: string },
  lines: readonly (AdLine & { readonly statement?: number })[],
): Promise<EvidencePart> {
  const [text, int64] = [textOf(lines), int64Of(lines)];
  const isOfSeveral = lines.some(({ statement }) => statement !== undefined);
  const bytes = toParquet([
    ...(isOfSeveral ? [int64("statement", ({ statement = 0 }) => statement)] : []),
    text("day", ({ day }) => day),
    text("campaign_id", ({ campaignId }) => campaignId),
    text("ad_id", ({ adId }) => adId),
    ...(isOfSeveral ? [text("cause", ({ cause }) => cause)] : []),
    ...countColumns(lines),
  ]);
  return putPart(bucket, folder, name, bytes, lines.length);
}
