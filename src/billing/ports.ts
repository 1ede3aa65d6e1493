/**
 * What statements need, from the Worker's bindings.
 */
import { fromDatabase } from "../access/database.ts";
import { markBilled } from "../audit/billed-until.ts";
import type { Config } from "../config.ts";
import { leafWriter } from "../evidence/leaf.ts";
import type { BillingPorts } from "./issue.ts";

export function billingPorts(
  { ARCHIVE: bucket, REPORT_DB: primary }: Pick<Env, "ARCHIVE" | "REPORT_DB">,
  { config, nowMs }: { config: Pick<Config, "closeGraceMs">; nowMs: number },
): BillingPorts {
  const putLeaf = leafWriter(bucket);
  return {
    ...{ bucket, primary, graceMs: config.closeGraceMs, nowMs },
    onIssued: async ({ statement: { advertiser_id: advertiserId, number, to }, sha256 }) => {
      await putLeaf(advertiserId, `statement/${String(number).padStart(6, "0")}`, sha256);
      await fromDatabase(() => markBilled(primary, advertiserId, Date.parse(to)));
    },
  };
}
