/** What publishers earned, gathered from the parts that advertisers' manifests leave. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type EarnedSum, type EvidenceSum, earnedFrom } from "../../src/core/evidence.ts";
import {
  earnedBuckets,
  earningsFolder,
  leaveEarned,
  makeEarnings,
  type StoredEarnings,
} from "../../src/evidence/earnings.ts";
import { decodeEarned } from "../../src/evidence/parquet.ts";
import { MemoryR2 } from "../support/memory-r2.ts";

const DAY = "2026-04-20";
const due = { day: DAY, audits: ["2026-04-20/0001"] };
const name = (prefix: string) => fc.integer({ min: 0, max: 3 }).map((at) => `${prefix}_${at}`);

/** Micros pass 2^53: sums of them are integers of any size. */
const aSum: fc.Arbitrary<EvidenceSum> = fc.record({
  quarter: fc.integer({ min: 1_900_000, max: 1_900_003 }),
  campaignId: name("cmp"),
  adId: name("ad"),
  publisherId: name("pub"),
  cause: fc.constantFrom(null, "review", "replay/7"),
  gross: fc.nat(9),
  valid: fc.nat(9),
  duplicate: fc.nat(9),
  invalid: fc.nat(9),
  late: fc.nat(9),
  impressions: fc.nat(9),
  conversions: fc.nat(9),
  spendMicros: fc.bigInt({ min: 0n, max: 2n ** 61n }),
});

async function gather(r2: MemoryR2, parts: readonly (readonly EarnedSum[])[]): Promise<StoredEarnings[]> {
  for (const [at, part] of parts.entries()) await leaveEarned(r2.bucket, { due, part: `${at}` }, part);
  const stored: StoredEarnings[] = [];
  for (const at of await earnedBuckets(r2.bucket, due)) {
    await makeEarnings(r2.bucket, { due, at, losses: [] }, async (one) => void stored.push(one));
  }
  return stored;
}

async function sumsOf(r2: MemoryR2, { manifest }: StoredEarnings): Promise<EarnedSum[]> {
  const object = await r2.bucket.get(`${earningsFolder(manifest.publisher_id, DAY)}${manifest.sums.name}`);
  return decodeEarned((await object?.arrayBuffer()) as ArrayBuffer, manifest.publisher_id);
}

const total = (sums: readonly EvidenceSum[]) => ({
  spend: sums.reduce((sum, { spendMicros }) => sum + spendMicros, 0n),
  valid: sums.reduce((sum, { valid }) => sum + valid, 0),
});

describe("what publishers earned", () => {
  it("is what advertisers spent, whoever it is, however the work was split, and put once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(aSum, { maxLength: 6 }), { maxLength: 4 }), async (byAdvertiser) => {
        const parts = byAdvertiser.map((sums, at) => earnedFrom(`adv_${at}`, sums));
        const r2 = new MemoryR2();
        const stored = await gather(r2, parts);
        const all = parts.flat();
        const earned = (await Promise.all(stored.map((one) => sumsOf(r2, one)))).flat();
        expect(total(earned)).toEqual(total(all));
        for (const { manifest } of stored) {
          const own = (sums: readonly EarnedSum[]) => sums.filter((sum) => sum.publisherId === manifest.publisher_id);
          expect(total(own(earned))).toEqual(total(own(all)));
          expect(manifest).toMatchObject({ v: 1, day: DAY, revision: 1, previous: null });
        }
        expect(stored).toHaveLength(new Set(all.map(({ publisherId }) => publisherId)).size);
        const before = r2.objects.size;
        const again = await gather(r2, parts);
        expect([again.map(({ sha256 }) => sha256), r2.objects.size]).toEqual([
          stored.map(({ sha256 }) => sha256),
          before,
        ]);
      }),
      { numRuns: 30 },
    );
  });

  it("has another revision where the day's clicks have changed, and nothing of what an earlier audit left", async () => {
    const r2 = new MemoryR2();
    const sum: EvidenceSum = {
      ...{ quarter: 1_900_000, campaignId: "cmp", adId: "ad", publisherId: "pub", gross: 1, valid: 1 },
      ...{ cause: null, duplicate: 0, invalid: 0, late: 0, impressions: 0, conversions: 0, spendMicros: 7n },
    };
    const [first] = await gather(r2, [earnedFrom("adv", [sum])]);
    const later = { day: DAY, audits: ["2026-04-20/0001", "2026-04-21/0001"] };
    await leaveEarned(r2.bucket, { due: later, part: "0" }, earnedFrom("adv", [{ ...sum, valid: 0, spendMicros: 0n }]));
    const stored: StoredEarnings[] = [];
    for (const at of await earnedBuckets(r2.bucket, later)) {
      await makeEarnings(r2.bucket, { due: later, at, losses: [] }, async (one) => void stored.push(one));
    }
    expect(stored).toMatchObject([{ manifest: { revision: 2, previous: first?.sha256 } }]);
    expect(total(await sumsOf(r2, stored[0] as StoredEarnings))).toEqual({ spend: 0n, valid: 0 });
  });
});
