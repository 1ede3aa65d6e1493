/**
 * What statements need, from the Worker's bindings.
 */
import { fromDatabase } from "../access/database.ts";
import { readBilled, readCurrencies } from "../admin/currencies.ts";
import { markBilled } from "../audit/billed-until.ts";
import type { Config } from "../config.ts";
import { leafWriter } from "../evidence/leaf.ts";
import { UTC } from "../report/query/zone.ts";
import type { Billed, BillingPorts } from "./issue.ts";
import type { MonthlyPorts } from "./monthly.ts";
import { leafName, leafOwner, ownerNamed, ownerPath } from "./owner.ts";

export function billingPorts(
  { ARCHIVE: bucket, REPORT_DB: primary }: Pick<Env, "ARCHIVE" | "REPORT_DB">,
  { config, nowMs }: { config: Pick<Config, "closeGraceMs">; nowMs: number },
): BillingPorts {
  const putLeaf = leafWriter(bucket);
  return {
    ...{ bucket, primary, graceMs: config.closeGraceMs, nowMs },
    currenciesOf: (ids) => fromDatabase(() => readCurrencies(primary, ids)),
    onIssued: async ({ statement, sha256 }) => {
      const owner = ownerNamed(statement);
      await putLeaf(leafOwner(owner), leafName(owner, statement.number), sha256);
      if (!("advertiserId" in owner)) return;
      await fromDatabase(() => markBilled(primary, owner.advertiserId, Date.parse(statement.to)));
    },
  };
}

/** The same for statements by cron: advertisers whose profile names a currency, and publishers in each of these. */
export function monthlyPorts(
  env: Pick<Env, "ARCHIVE" | "REPORT_DB">,
  of: { config: Pick<Config, "closeGraceMs">; nowMs: number },
): MonthlyPorts {
  return { ...billingPorts(env, of), tenants: () => fromDatabase(() => tenantsOf(env.REPORT_DB)) };
}

async function tenantsOf(primary: D1Database): Promise<Billed[]> {
  const { advertisers, publisherIds } = await readBilled(primary);
  const currencies = [...new Set(advertisers.map(({ currency }) => currency))];
  const tenants: Billed[] = [
    ...advertisers.map(({ advertiserId, currency, timeZone }) => ({ owner: { advertiserId }, currency, timeZone })),
    ...publisherIds.flatMap((publisherId) =>
      currencies.map((currency) => ({ owner: { publisherId, currency }, currency, timeZone: UTC.name })),
    ),
  ];
  return tenants.sort((a, b) => (ownerPath(a.owner) < ownerPath(b.owner) ? -1 : 1));
}
