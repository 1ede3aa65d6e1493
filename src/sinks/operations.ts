/**
 * Operational metrics in Analytics Engine: for dashboards and alarms, never for money (points are sampled).
 *
 * One description of the columns, used by every writer:
 *
 *   dataset clickledger_operations     index1 = advertiser, or the kind where there is none
 *   blob1 kind      "facts" | "refused" | "lost"
 *   blob2 subject   shard of facts, reason of a refusal, step of a loss
 *   blob3 campaign of facts, field of a refusal        blob4 ad of facts
 *   double1… = the measures in their order (facts), double1 = count (others)
 *
 * Keeps: at most 250 points an invocation: the largest ones, and the rest folded into one. A failure here never fails
 * what it describes.
 */
import { type Facts, totalsOf } from "../core/facts.ts";
import { OPERATIONS_POINTS_MAX } from "../core/limits.ts";
import { addCounts, type Counts, MEASURES, zeroCounts } from "../core/measures.ts";
import { logFault } from "../log.ts";

const GROSS = MEASURES.indexOf("gross");
const INDEX_BYTES_MAX = 96;

export type OperationsDataset = Pick<AnalyticsEngineDataset, "writeDataPoint">;

/** Writes what was posted, by ad. */
export function writeFactsPoints(dataset: OperationsDataset, shard: string, posted: readonly Facts[]): void {
  for (const { advertiserId, campaignId, adId, counts } of foldByAd(posted)) {
    writePoint(dataset, {
      indexes: [(advertiserId || "facts").slice(0, INDEX_BYTES_MAX)],
      blobs: ["facts", shard, campaignId, adId],
      doubles: counts,
    });
  }
}

/** Counts a request that was refused at the edge, by reason and the claim or field at fault. */
export function writeRefusedPoint(
  dataset: OperationsDataset,
  { reason, field = "" }: { readonly reason: string; readonly field?: string | undefined },
): void {
  writePoint(dataset, { indexes: ["refused"], blobs: ["refused", reason, field, ""], doubles: [1] });
}

/** Counts events that no step of the enqueue chain took. */
export function writeLostPoint(dataset: OperationsDataset, step: string, events: number): void {
  writePoint(dataset, { indexes: ["lost"], blobs: ["lost", step, "", ""], doubles: [events] });
}

type AdCounts = { advertiserId: string; campaignId: string; adId: string; counts: Counts };

/** Totals by ad, largest gross first, at most as many as one invocation may write. */
export function foldByAd(posted: readonly Facts[]): AdCounts[] {
  const byAd = new Map<string, AdCounts>();
  for (const facts of posted) {
    for (const row of facts.values()) {
      const { advertiserId, campaignId, adId } = row;
      const key = `${advertiserId}/${adId}`;
      const entry = byAd.get(key) ?? { advertiserId, campaignId, adId, counts: zeroCounts() };
      addCounts(entry.counts, totalsOf(row));
      byAd.set(key, entry);
    }
  }
  const largestFirst = Array.from(byAd.values()).sort((a, b) => (b.counts[GROSS] ?? 0) - (a.counts[GROSS] ?? 0));
  if (largestFirst.length <= OPERATIONS_POINTS_MAX) return largestFirst;
  const rest: AdCounts = { advertiserId: "", campaignId: "", adId: "", counts: zeroCounts() };
  for (const entry of largestFirst.slice(OPERATIONS_POINTS_MAX - 1)) addCounts(rest.counts, entry.counts);
  return [...largestFirst.slice(0, OPERATIONS_POINTS_MAX - 1), rest];
}

function writePoint(dataset: OperationsDataset, point: AnalyticsEngineDataPoint): void {
  try {
    dataset.writeDataPoint(point);
  } catch (fault) {
    // Over its limits the dataset throws; metrics give way, the work they describe goes on.
    logFault("operations_point_dropped", fault);
  }
}
