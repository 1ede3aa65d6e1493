/**
 * Lines of a statement: sums by local day, campaign and ad, and what one set of them has more than another.
 */
import { addSums, type EvidenceSum, NO_CLICKS } from "../core/evidence.ts";
import { MINUTE_MS } from "../core/limits.ts";
import { type EvidencePart, sha256Hex } from "../evidence/manifest.ts";
import { int64Of, textOf, toParquet } from "../evidence/parquet.ts";
import { dateMinute, datesOf, type Zone } from "../report/query/zone.ts";
import type { LineCounts } from "./statement.ts";

/** One ad's clicks of a local day. */
export type AdLine = Pick<EvidenceSum, "gross" | "valid" | "duplicate" | "invalid" | "late" | "spendMicros"> & {
  readonly day: string;
  readonly campaignId: string;
  readonly adId: string;
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

/** Sums of one local day by campaign and ad. */
export class AdLines {
  readonly #lines = new Map<string, AdLine>();

  add(day: string, sums: Iterable<EvidenceSum>, sign: 1 | -1 = 1): void {
    for (const sum of sums) {
      const { campaignId, adId } = sum;
      const key = [day, campaignId, adId].join("\u001f");
      const line = this.#lines.get(key) ?? { day, campaignId, adId, ...NO_CLICKS };
      const { gross, valid, duplicate, invalid, late, spendMicros } = sum;
      const added =
        sign === 1
          ? sum
          : {
              ...{ gross: -gross, valid: -valid, duplicate: -duplicate, invalid: -invalid, late: -late },
              spendMicros: -spendMicros,
            };
      const total = addSums({ ...line, quarter: 0, publisherId: "" }, added);
      this.#lines.set(key, { ...pick(total), day, campaignId, adId });
    }
  }

  /** In order of day, campaign and ad, without those in which nothing is left. */
  all(): AdLine[] {
    const names = ["day", "campaignId", "adId"] as const;
    return Array.from(this.#lines.values())
      .filter(isAnything)
      .sort((a, b) => {
        const name = names.find((one) => a[one] !== b[one]);
        return name === undefined ? 0 : a[name] < b[name] ? -1 : 1;
      });
  }
}

function pick({ gross, valid, duplicate, invalid, late, spendMicros }: EvidenceSum) {
  return { gross, valid, duplicate, invalid, late, spendMicros };
}

function isAnything({ gross, valid, duplicate, invalid, late, spendMicros }: AdLine): boolean {
  return spendMicros !== 0n || [gross, valid, duplicate, invalid, late].some((count) => count !== 0);
}

/** Ads' lines by day and campaign. */
export function byCampaign(lines: readonly AdLine[]): AdLine[] {
  const sums = new AdLines();
  for (const line of lines) sums.add(line.day, [{ ...line, adId: "", quarter: 0, publisherId: "" }]);
  return sums.all();
}

export function spelledCounts({ spendMicros, ...line }: Omit<AdLine, "day" | "campaignId" | "adId">): LineCounts {
  const { gross, valid, duplicate, invalid, late } = line;
  return { gross, valid, duplicate, invalid, late, spend_micros: String(spendMicros) };
}

/** What lines add up to. */
export function totalOf(lines: readonly AdLine[]): Omit<AdLine, "day" | "campaignId" | "adId"> {
  const place = { quarter: 0, campaignId: "", adId: "", publisherId: "" };
  return pick(lines.reduce((sum, line) => addSums(sum, line), { ...place, ...NO_CLICKS } as EvidenceSum));
}

/** Puts lines by ad as Parquet under their hash; `statement` is a column where lines are of several. */
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
    int64("gross", ({ gross }) => gross),
    int64("valid", ({ valid }) => valid),
    int64("duplicate", ({ duplicate }) => duplicate),
    int64("invalid", ({ invalid }) => invalid),
    int64("late", ({ late }) => late),
    int64("spend_micros", ({ spendMicros }) => spendMicros),
  ]);
  const sha256 = await sha256Hex(bytes);
  const part = { name: `${name}-${sha256.slice(0, 16)}.parquet`, sha256, rows: lines.length };
  await bucket.put(`${folder}${part.name}`, bytes);
  return part;
}
