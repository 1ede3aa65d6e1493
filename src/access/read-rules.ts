/**
 * Budgets of reading: whose they are, and how large. Chosen by measurement (bench/results, docs/decisions/0021): a
 * report database runs one statement at a time and reads about a million cells a second.
 */
import type { SharedRules } from "../core/read-budget.ts";
import type { TenantRules } from "../core/read-tenant.ts";
import { isAuditor, type Principal } from "./api-keys.ts";

/** An advertiser or a publisher: about two seconds of a database at once, and a fiftieth of its time for ever. */
export const TENANT_RULES: TenantRules = {
  rowsMax: 2_000_000,
  rowsPerS: 20_000,
  keptBytesMax: 100_000_000,
  keptBytesPerS: 30_000,
  readsMax: 4,
  streamsMax: 8,
};

/** The operator reads over all advertisers. */
export const OPERATOR_RULES: TenantRules = {
  rowsMax: 20_000_000,
  rowsPerS: 200_000,
  keptBytesMax: 1_000_000_000,
  keptBytesPerS: 300_000,
  readsMax: 8,
  streamsMax: 32,
};

/** All tenants of one database. A pass outlives the 30 s that a batch of statements may take. */
export const SHARED_RULES: SharedRules = {
  readsOfAllMax: 24,
  rowsOfAllMax: 4_000_000,
  streamsOfAllMax: 200,
  readPassMs: 45_000,
  streamPassMs: 60_000,
};

/** Reads that wait for a place: of one tenant, of all, and for how long. */
export const LINE_OF_TENANT_MAX = 12;
export const LINE_MAX = 200;
export const LINE_MS = 3_000;

/** Streams of one isolate, whoever has them: each holds a connection and some memory of it. */
export const STREAMS_OF_ISOLATE_MAX = 100;

type Holder = Pick<Principal, "advertiserId" | "publisherId"> & Partial<Pick<Principal, "scopes">>;

/**
 * Whose budget a key spends: its owner's, so that many keys of one tenant read no more than one; without an owner, the
 * operator's, whether the key is stored or the configuration's. Auditors read over all advertisers too, and share a
 * budget of their own: the operator's is not theirs to spend.
 */
export function budgetOf({ advertiserId, publisherId, scopes = new Set() }: Holder): {
  readonly tenant: string;
  readonly rules: TenantRules;
} {
  if (isAuditor({ advertiserId, publisherId, scopes })) return { tenant: "auditors", rules: OPERATOR_RULES };
  if (advertiserId !== null) return { tenant: `advertiser/${advertiserId}`, rules: TENANT_RULES };
  if (publisherId !== null) return { tenant: `publisher/${publisherId}`, rules: TENANT_RULES };
  return { tenant: "operator", rules: OPERATOR_RULES };
}
