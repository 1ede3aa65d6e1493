/**
 * What reports answer, as the pages read it (docs/REPORTS.md; `npm run client` has the whole in types).
 */
import type { Exact } from "../core/exact.ts";
import { toCamelCase } from "../core/fields.ts";
import type { Value } from "./figures.ts";
import type { StatePart } from "./windows.ts";

/** A row or a point: its fields by name, in camelCase. */
export type Counted = Readonly<Record<string, unknown>>;

export type Warning = { readonly code: string; readonly detail: string };

export type Meta = {
  readonly query: { readonly from: string; readonly to: string; readonly granularity: string };
  readonly watermark: string | null;
  readonly complete: boolean;
  readonly lagSeconds: number | null;
  readonly state: string;
  readonly states: readonly StatePart[];
  readonly truncated: boolean;
  readonly nextCursor: string | null;
  readonly totals?: Counted;
  readonly currency?: string | null;
  readonly currencies?: readonly string[];
  readonly uniqueUsers?: { readonly standardError: number; readonly exact: boolean; readonly note?: string };
  readonly timezone: string;
  readonly timezoneFrom: string;
  readonly rowsRead: number;
  readonly warnings: readonly Warning[];
};

export type TableAnswer = { readonly rows: readonly Counted[]; readonly meta: Meta };
export type Series = { readonly points: readonly Counted[] } & Counted;
export type SeriesAnswer = { readonly series: readonly Series[]; readonly meta: Meta };

/** A number under a metric's name, null where there is none. */
export function figureIn(counted: Counted | undefined | null, metric: string): Value {
  const value = counted?.[toCamelCase(metric)];
  return typeof value === "number" || typeof value === "bigint" ? (value as Exact) : null;
}

export function textOf(counted: Counted, name: string): string {
  const value = counted[toCamelCase(name)];
  return typeof value === "string" ? value : "";
}

export function previousOf(counted: Counted | undefined): Counted | null {
  const previous = counted?.["previous"];
  return typeof previous === "object" && previous !== null ? (previous as Counted) : null;
}

/** Totals of each currency, where the answer has several. */
export function byCurrency(totals: Counted | undefined): readonly Counted[] | null {
  const parts = totals?.["byCurrency"];
  return Array.isArray(parts) ? (parts as Counted[]) : null;
}
