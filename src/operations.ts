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
import { type Facts, type FactsRow, totalsOf } from "./core/facts.ts";
import { MEASURES } from "./core/fields.ts";
import { OPERATIONS_POINTS_MAX } from "./core/limits.ts";
import { addCounts, type Counts, zeroCounts } from "./core/measures.ts";
import { logFault } from "./log.ts";
import { countLost, countRefused } from "./tally.ts";

const GROSS = MEASURES.indexOf("gross");
const INDEX_BYTES_MAX = 96;

export type OperationsDataset = Pick<AnalyticsEngineDataset, "writeDataPoint">;

/** Counts a request that was refused at the edge, by reason and the claim or field at fault. */
export function writeRefusedPoint(
  dataset: OperationsDataset,
  { reason, field = "" }: { readonly reason: string; readonly field?: string | undefined },
): void {
  countRefused(reason);
  writePoint(dataset, { indexes: ["refused"], blobs: ["refused", reason, field, ""], doubles: [1] });
}

/** Counts events that no step of the enqueue chain took. */
export function writeLostPoint(dataset: OperationsDataset, step: string, events: number): void {
  countLost(events);
  writePoint(dataset, { indexes: ["lost"], blobs: ["lost", step, "", ""], doubles: [events] });
}

type AdCounts = {
  readonly advertiserId: string;
  readonly campaignId: string;
  readonly adId: string;
  readonly counts: Counts;
};

/** Ads that one tally tells apart; what comes after them is folded into one. */
const TALLIED_ADS_MAX = 4_000;

/** Totals by ad of the postings of one flush. Memory: at most `TALLIED_ADS_MAX` ads. */
export class FactsTally {
  readonly #dataset: OperationsDataset;
  readonly #shard: string;
  readonly #byAd = new Map<string, AdCounts>();
  readonly #rest: AdCounts = { advertiserId: "", campaignId: "", adId: "", counts: zeroCounts() };

  constructor(dataset: OperationsDataset, shard: string) {
    this.#dataset = dataset;
    this.#shard = shard;
  }

  /** Adds what was posted. */
  add(facts: Facts): void {
    for (const row of facts.values()) addCounts(this.#of(row).counts, totalsOf(row));
  }

  /** Writes the largest ads by gross, and the rest as one point. */
  write(): void {
    for (const { advertiserId, campaignId, adId, counts } of this.#largest()) {
      writePoint(this.#dataset, {
        indexes: [(advertiserId || "facts").slice(0, INDEX_BYTES_MAX)],
        blobs: ["facts", this.#shard, campaignId, adId],
        doubles: counts,
      });
    }
  }

  #of({ advertiserId, campaignId, adId }: FactsRow): AdCounts {
    const key = `${advertiserId}/${adId}`;
    const known = this.#byAd.get(key);
    if (known !== undefined) return known;
    if (this.#byAd.size >= TALLIED_ADS_MAX) return this.#rest;
    const made = { advertiserId, campaignId, adId, counts: zeroCounts() };
    this.#byAd.set(key, made);
    return made;
  }

  /** At most as many as one invocation may write. */
  #largest(): AdCounts[] {
    const ads = Array.from(this.#byAd.values()).sort((a, b) => (b.counts[GROSS] ?? 0) - (a.counts[GROSS] ?? 0));
    const hasRest = this.#byAd.size >= TALLIED_ADS_MAX || ads.length > OPERATIONS_POINTS_MAX;
    if (!hasRest) return ads;
    for (const ad of ads.slice(OPERATIONS_POINTS_MAX - 1)) addCounts(this.#rest.counts, ad.counts);
    return [...ads.slice(0, OPERATIONS_POINTS_MAX - 1), this.#rest];
  }
}

function writePoint(dataset: OperationsDataset, point: AnalyticsEngineDataPoint): void {
  try {
    dataset.writeDataPoint(point);
  } catch (fault) {
    // Over its limits the dataset throws; metrics give way, the work they describe goes on.
    logFault("operations_point_dropped", fault);
  }
}
