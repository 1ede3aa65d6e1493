/**
 * One tenant in the book of who reads (read-budget.ts): its buckets, which fill over time, and what its reads cost.
 * Pure.
 *
 * Keeps: a bucket never holds more than its rules say; it may hold less than nothing, a debt.
 */
import { SECOND_MS } from "./limits.ts";

/** What one tenant may do. */
export type TenantRules = {
  /** Rows that a tenant may have read at once, and that come back each second. */
  readonly rowsMax: number;
  readonly rowsPerS: number;
  /** Bytes of further pages that may be kept for a tenant at once, and that come back each second. */
  readonly keptBytesMax: number;
  readonly keptBytesPerS: number;
  readonly readsMax: number;
  readonly streamsMax: number;
};

export type Tenant = {
  rules: TenantRules;
  rows: number;
  keptBytes: number;
  filledAtMs: number;
  reads: number;
  streams: number;
  /** Rows for each window, by shape. */
  readonly costs: Map<string, number>;
  /** Whether a read is open whose shape was never seen. */
  isFirstOpen: boolean;
  /** When its last read ended; 0 before. */
  leftAtMs: number;
};

/** A cost that was high once is believed for some reads more; it halves from read to read. */
const COST_KEPT = 0.5;

/** A tenant with full buckets. */
export function newTenant(rules: TenantRules, nowMs: number): Tenant {
  const none = { reads: 0, streams: 0, costs: new Map<string, number>(), isFirstOpen: false, leftAtMs: 0 };
  return { rules, rows: rules.rowsMax, keptBytes: rules.keptBytesMax, filledAtMs: nowMs, ...none };
}

/** Fills the buckets up to now. A clock that went back fills nothing. */
export function fillTenant(tenant: Tenant, nowMs: number): void {
  if (nowMs <= tenant.filledAtMs) return;
  const { rowsMax, rowsPerS, keptBytesMax, keptBytesPerS } = tenant.rules;
  const seconds = (nowMs - tenant.filledAtMs) / SECOND_MS;
  tenant.rows = Math.min(rowsMax, tenant.rows + seconds * rowsPerS);
  tenant.keptBytes = Math.min(keptBytesMax, tenant.keptBytes + seconds * keptBytesPerS);
  tenant.filledAtMs = nowMs;
}

/** What a read of a shape has cost, or weighs; a read that was weighed before does not make its shape cheaper. */
export function learnCost(
  { costs }: Tenant,
  { shape, windows }: { readonly shape: string; readonly windows: number },
  rows: number,
  { isWeighed }: { readonly isWeighed: boolean },
): void {
  costs.set(shape, Math.max(rows / windows, (costs.get(shape) ?? 0) * (isWeighed ? 1 : COST_KEPT)));
}
