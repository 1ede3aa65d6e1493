/**
 * What publishers earned on a service day: the sums of the advertisers' evidence, gathered by publisher, in objects of
 * its own, so that a publisher's statement is made of what is the publisher's and of nothing else.
 *
 *   evidence/v1/pub=<id>/dt=<day>/manifest-0001.json     RFC 8785, put once; 0002 when the day's clicks have changed
 *   evidence/v1/pub=<id>/dt=<day>/earned-<hash>.parquet  by quarter of an hour, advertiser, campaign and ad
 *
 *   manifests of a slice ─▶ a part for each bucket of publishers ─▶ a bucket's publishers: sums, manifests, leaves
 *
 * Keeps: rows of one day's evidence, each in one publisher's sums. The same evidence has no second manifest.
 */
import { EVIDENCE_WORK_PREFIX, getLines, keysBelow, putLines } from "../audit/objects.ts";
import { compareEarned, type EarnedSum, hasCounts, MINUTES_PER_QUARTER, NO_COUNTS } from "../core/evidence.ts";
import { hash32 } from "../core/hash.ts";
import { MINUTE_MS } from "../core/limits.ts";
import { type MadeDay, namedDue } from "./due.ts";
import {
  EVIDENCE_PREFIX,
  type EvidencePart,
  type NamedLoss,
  putPart,
  putRevision,
  readManifestIn,
  type Stored,
} from "./manifest.ts";
import { encodeEarned } from "./parquet.ts";

export type EarningsManifest = {
  readonly v: 1;
  readonly publisher_id: string;
  /** UTC */
  readonly day: string;
  readonly revision: number;
  /** SHA-256 of the manifest before, in hexadecimal. */
  readonly previous: string | null;
  readonly sums: EvidencePart;
  readonly losses: readonly NamedLoss[];
};
export type StoredEarnings = Stored<EarningsManifest>;

export const earningsFolder = (publisherId: string, day: string) => `${EVIDENCE_PREFIX}pub=${publisherId}/dt=${day}/`;

const PUBLISHER_BUCKETS = 64;
const bucketOf = (publisherId: string) => hash32(`earnings ${publisherId}`) % PUBLISHER_BUCKETS;

type StoredSum = Omit<EarnedSum, "spendMicros"> & { readonly spendMicros: string };

/** Of one state of the audits, so that what an earlier one left is not read. */
async function workPrefix(due: MadeDay): Promise<string> {
  return `${EVIDENCE_WORK_PREFIX}dt=${due.day}/earned/${await namedDue(due)}/`;
}

/** What stands for a publisher of whom nothing may be left: it leaves no row, and has the publisher looked at. */
export const nothingOf = (day: string) => ({
  ...{ quarter: Date.parse(day) / (MINUTES_PER_QUARTER * MINUTE_MS), campaignId: "", adId: "", cause: null },
  ...NO_COUNTS,
});

/** Leaves the sums of some advertisers for their publishers, under a name of that part of the work. */
export async function leaveEarned(
  bucket: R2Bucket,
  { due, part }: { due: MadeDay; part: string },
  earned: Iterable<EarnedSum>,
): Promise<void> {
  const prefix = await workPrefix(due);
  for (const [at, sums] of Map.groupBy(earned, ({ publisherId }) => bucketOf(publisherId))) {
    const stored = sums.map((sum): StoredSum => ({ ...sum, spendMicros: String(sum.spendMicros) }));
    await putLines(bucket, `${prefix}${String(at).padStart(2, "0")}/${part}.ndjson`, stored);
  }
}

/** The buckets of publishers that earned something. */
export async function earnedBuckets(bucket: R2Bucket, due: MadeDay): Promise<string[]> {
  const prefix = await workPrefix(due);
  const keys = await keysBelow(bucket, prefix);
  return [...new Set(keys.map((key) => key.slice(prefix.length, prefix.length + 2)))].sort();
}

/** Puts sums and manifests of one bucket's publishers. Resolves to how many there are. */
export async function makeEarnings(
  bucket: R2Bucket,
  { due, at, losses }: { due: MadeDay; at: string; losses: readonly NamedLoss[] },
  onEarnings: (stored: StoredEarnings) => Promise<void>,
): Promise<number> {
  const { day } = due;
  const all: EarnedSum[] = [];
  for (const key of await keysBelow(bucket, `${await workPrefix(due)}${at}/`)) {
    for (const { spendMicros, ...sum } of await getLines<StoredSum>(bucket, key)) {
      all.push({ ...sum, spendMicros: BigInt(spendMicros) });
    }
  }
  const byPublisher = Map.groupBy(all, ({ publisherId }) => publisherId);
  for (const [publisherId, given] of byPublisher) {
    const folder = earningsFolder(publisherId, day);
    const own = given.filter(hasCounts);
    if (own.length === 0 && (await readManifestIn(bucket, folder)) === null) continue;
    const bytes = encodeEarned(own.sort(compareEarned));
    const sums = await putPart(bucket, folder, "earned", bytes, own.length);
    const earnings = { publisher_id: publisherId, day, sums, losses };
    const contentOf = (one: typeof earnings) => ({ sums: one.sums, losses: one.losses });
    await onEarnings(await putRevision(bucket, folder, earnings, contentOf));
  }
  return byPublisher.size;
}
