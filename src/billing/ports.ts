/**
 * What statements need, from the Worker's bindings.
 */
import { fromDatabase } from "../access/database.ts";
import { readBilled, readCurrencies } from "../admin/currencies.ts";
import type { Config } from "../config.ts";
import { UTC } from "../report/query/zone.ts";
import type { Billed, BillingPorts } from "./issue.ts";
import { type BillingEnv, noteIssuing, tellIssued } from "./issued.ts";
import type { MonthlyPorts } from "./monthly.ts";
import { ownerPath } from "./owner.ts";

export function billingPorts(
  env: BillingEnv,
  { config, nowMs }: { config: Pick<Config, "closeGraceMs" | "evidenceLog">; nowMs: number },
): BillingPorts {
  const isLogged = config.evidenceLog !== null;
  return {
    ...{ bucket: env.ARCHIVE, primary: env.REPORT_DB, graceMs: config.closeGraceMs, nowMs },
    currenciesOf: (ids) => fromDatabase(() => readCurrencies(env.REPORT_DB, ids)),
    onIssuing: (of) => noteIssuing(env, of),
    onIssued: (stored) => tellIssued(env, stored, { isLogged, nowMs }),
  };
}

/** The same for statements by cron: advertisers whose profile names a currency, and publishers in each of these. */
export function monthlyPorts(
  env: BillingEnv,
  of: { config: Pick<Config, "closeGraceMs" | "evidenceLog">; nowMs: number },
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
