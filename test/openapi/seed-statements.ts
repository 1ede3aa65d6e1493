/** The statement and the manifest of the document's examples. */
import type { Statement } from "../../src/billing/statement.ts";
import { statementKey } from "../../src/billing/statement.ts";
import type { NewEvent } from "../../src/core/outbox-event.ts";
import { canonicalBytes, putManifest } from "../../src/evidence/manifest.ts";
import { insertEvents } from "../../src/facts/outbox-sql.ts";

const ADV = "adv_1";
const DAY = "2026-04-20";
const hash = (digit: string) => digit.repeat(64);
const part = (name: string, rows: number) => ({ name: `${name}-1111111111111111.parquet`, sha256: hash("1"), rows });
const counts = {
  ...{ gross: 28, valid: 27, duplicate: 1, invalid: 0, late: 0 },
  ...{ impressions: 1_204, conversions: 2, spend_micros: "6750000" },
};

export async function seedStatement({ ARCHIVE: bucket }: { readonly ARCHIVE: R2Bucket }): Promise<void> {
  const { sha256 } = await putManifest(bucket, {
    ...{ advertiser_id: ADV, day: DAY, totals: counts, rules: ["4-1f3a9c02"], losses: [] },
    ...{ parts: [part("rows-12", 28)], tokens: [part("tokens-12", 28)], sums: part("sums", 3) },
  });
  const statement: Statement = {
    ...{
      v: 1,
      kind: "statement",
      advertiser_id: ADV,
      number: 1,
      previous: null,
      draft: "draft_4f1c2d3e5a6b7c8d9e0f1a2b",
    },
    ...{ from: `${DAY}T00:00:00Z`, to: "2026-04-21T00:00:00Z", time_zone: "UTC", currency: "EUR", budget_micros: null },
    lines: [{ day: DAY, campaign_id: "cmp_7", ...counts }],
    ...{ adjustments: [], credits: [], adjustments_by_ad: null, corrected: [], losses: [] },
    totals: {
      ...{ ...counts, adjustments_micros: "0", credits_micros: "0", carried_in_micros: "0" },
      ...{ due_micros: "6750000", due: "6.75", carried_out_micros: "0" },
    },
    lines_by_ad: [{ day: DAY, ...part(`lines-${DAY}`, 2) }],
    evidence: [{ day: DAY, revision: 1, sha256 }],
    issued_at: "2026-04-23T08:00:00Z",
  };
  await bucket.put(statementKey({ advertiserId: ADV }, 1), canonicalBytes(statement));
}

/** That it was issued. */
export async function seedIssued(primary: D1Database): Promise<void> {
  const event: NewEvent = {
    ...{ fact: `statement.issued:${ADV}:1`, audience: ADV, type: "statement.issued" },
    data: { advertiserId: ADV, number: 1, sha256: hash("2"), leaf: hash("3"), leafIndex: null, checkpoint: null },
  };
  await insertEvents(primary, [event], Date.parse("2026-04-23T08:00:00Z")).run();
}
