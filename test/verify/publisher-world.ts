/**
 * A small publisher with evidence, statements and a log, made by the code that makes them: three days of sums with
 * three advertisers, of whom one pays in another currency; a first statement over two days, a revision of the first day,
 * and a second statement with its adjustment.
 */

import type { StatementContent } from "../../src/billing/statement.ts";
import { EvidenceSums } from "../../src/billing/sums.ts";
import { type EarnedSum, NO_COUNTS } from "../../src/core/evidence.ts";
import { DAY_MS } from "../../src/core/limits.ts";
import { isoDay } from "../../src/core/time.ts";
import { EVIDENCE_PREFIX, putPart, putRevision } from "../../src/evidence/manifest.ts";
import { encodeEarned } from "../../src/evidence/parquet.ts";
import { UTC } from "../../src/report/query/zone.ts";
import { enqueueLeaf } from "../../src/tlog/log.ts";
import { MemoryR2 } from "../support/memory-r2.ts";
import { issueFrom, leaf, makeLog, seeded, type World } from "./world.ts";

export const PUBLISHER = { publisherId: "pub_world", currency: "EUR" };
const FIRST_MS = Date.parse("2026-03-28T00:00:00Z");
const CURRENCIES: Readonly<Record<string, string>> = { adv_a: "EUR", adv_b: "EUR", adv_c: "USD" };

export type PublisherOptions = {
  /** Changes the sums of a UTC day's revision before anything is made of them. */
  readonly edit?: (sums: EarnedSum[], day: number, revision: number) => EarnedSum[];
  /** In which currencies a statement takes advertisers to pay. */
  readonly currencies?: (number: number) => Readonly<Record<string, string>>;
  readonly editStatement?: (content: StatementContent, number: number) => StatementContent;
};

export async function makePublisherWorld(options: PublisherOptions = {}): Promise<World> {
  const r2 = new MemoryR2();
  const { publish, vkey } = await makeLog(r2);
  const put = async (day: number, revision: number, sums: EarnedSum[]) => {
    await putDay(r2, isoDay(FIRST_MS + day * DAY_MS), options.edit?.(sums, day, revision) ?? sums);
  };
  const issue = async (number: number, from: number, to: number) => {
    const currencies = options.currencies?.(number) ?? CURRENCIES;
    const sums = new EvidenceSums(
      r2.bucket,
      PUBLISHER,
      async (ids) => new Map(ids.map((id) => [id, currencies[id] ?? null])),
    );
    const period = { fromMs: FIRST_MS + from * DAY_MS, toMs: FIRST_MS + to * DAY_MS };
    const asked = { owner: PUBLISHER, ...period, zone: UTC, currency: "EUR", budgetMicros: null };
    await issueFrom(r2, sums, asked, (content) => options.editStatement?.(content, number) ?? content);
    await publish();
  };
  const days = [0, 1, 2].map(sumsOf);
  for (const [day, sums] of days.entries()) await put(day, 1, sums);
  await publish();
  await issue(1, 0, 2);
  const [first = []] = days;
  await put(
    0,
    2,
    first.flatMap((sum, at) => (at % 4 === 0 ? [sum, invalidated(sum)] : [sum])),
  );
  await publish();
  await issue(2, 2, 3);
  return { r2, vkey, statements: 2 };
}

/** What a second look took from the valid ones. */
function invalidated({ valid, spendMicros, ...sum }: EarnedSum): EarnedSum {
  const moved = { ...NO_COUNTS, valid: -valid, invalid: valid, spendMicros: -spendMicros };
  return { ...sum, ...moved, cause: "replay/1" };
}

function sumsOf(day: number): EarnedSum[] {
  const random = seeded(day + 1);
  const quarters = Array.from({ length: 6 }, (_, at) => (FIRST_MS + day * DAY_MS) / 900_000 + at * 15);
  return quarters.flatMap((quarter) =>
    Object.keys(CURRENCIES).map((advertiserId): EarnedSum => {
      const [valid, duplicate, invalid, late] = [1, 2, 3, 4].map(() => 1 + Math.floor(random() * 3)) as [
        number,
        number,
        number,
        number,
      ];
      const gross = valid + duplicate + invalid + late;
      const counts = { gross, valid, duplicate, invalid, late, impressions: gross * 20, conversions: valid - 1 };
      const ids = { campaignId: `cmp_${advertiserId}`, adId: `ad_${advertiserId}`, publisherId: PUBLISHER.publisherId };
      return { quarter, advertiserId, ...ids, cause: null, ...counts, spendMicros: BigInt(valid * 120_003) };
    }),
  );
}

async function putDay({ bucket }: MemoryR2, day: string, sums: readonly EarnedSum[]): Promise<void> {
  const folder = `${EVIDENCE_PREFIX}pub=${PUBLISHER.publisherId}/dt=${day}/`;
  const part = await putPart(bucket, folder, "earned", encodeEarned(sums), sums.length);
  const earnings = { publisher_id: PUBLISHER.publisherId, day, sums: part, losses: [] };
  const stored = await putRevision(bucket, folder, earnings, (one) => ({ sums: one.sums }));
  await enqueueLeaf(bucket, leaf(`${day}/${stored.manifest.revision}`, stored.sha256));
}
