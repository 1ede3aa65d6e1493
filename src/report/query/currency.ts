/**
 * Money is of one currency: where a key may read several advertisers, whatever is made of money is split by `currency`,
 * so that two of them are never added up.
 *
 *   one advertiser (its key, or a filter) or one currency (a filter)   one sum, and `meta.currency` says of what
 *   several                                                            `currency` is one more dimension
 *
 * Whether it is so follows from the query and the key alone, never from the data, so an answer has the same fields
 * whatever was counted. A currency stands in an advertiser's profile, in the primary database; facts have none. Where
 * everybody that may be read has the same, the dimension is taken out of the query before it is read, and put back into
 * its groups: that costs nothing. Otherwise statements join the list of advertisers with their currencies.
 *
 * Keeps: an advertiser whose profile says nothing has the currency '', which is added to no other. Relies on: an
 * advertiser is in the directory before anything of it is posted (src/facts/directory.ts), so that a look at the
 * directory after a reading knows everybody who is in it.
 */
import { type ReadScope, TenantSql } from "../../access/read-scope.ts";
import type { Reading } from "../read/executor.ts";
import type { Group } from "../read/groups.ts";
import type { KeyAfter } from "../read/source-sql.ts";
import type { Dimension } from "./fields.ts";
import { isMoneyMetric } from "./metrics.ts";
import type { Filter, OrderTerm, ReportQuery } from "./query.ts";

/** Advertisers of known currency; `only` where all that may be read have one, which may be ''. */
export type Currencies = { readonly of: ReadonlyMap<string, string>; readonly only: string | null };

/** Where currencies are looked up: before a reading, and after it whether all had the one. */
export type CurrencySource = {
  readonly read: () => Promise<Currencies>;
  readonly areAll: (currency: string) => Promise<boolean>;
};

/** Of all, for those whose rows are of several advertisers; an advertiser's own stands with its key. */
const SELECT_CURRENCIES = new TenantSql({
  several: `
SELECT advertiser_id, currency
FROM advertiser_profiles
WHERE currency IS NOT NULL`,
});

/** Of everybody who has had an event, two at most. */
const SELECT_DISTINCT = new TenantSql({
  several: `
SELECT DISTINCT coalesce(currency, '') AS currency
FROM advertiser_directory
LEFT JOIN advertiser_profiles USING (advertiser_id)
LIMIT 2`,
});

type Row = { readonly advertiser_id: string; readonly currency: string };

/** The currencies of one advertiser, of those that a query lists, or of all. `own` is what the key's profile says. */
export function currencySource(
  primary: D1Database,
  { query, scope, own }: { query: ReportQuery; scope: ReadScope; own: string | null },
): CurrencySource {
  const { advertiserId } = scope;
  if (advertiserId !== null) {
    const only = own ?? "";
    return { read: async () => ({ of: new Map([[advertiserId, only]]), only }), areAll: async () => true };
  }
  const listed = includedOf(query.filters, "advertiser_id");
  const distinct = () => SELECT_DISTINCT.in(primary, scope);
  return {
    read: async () => {
      const [profiles, all] = await primary.batch<Row>([SELECT_CURRENCIES.in(primary, scope), distinct()]);
      const of = new Map(profiles?.results.map((row) => [row.advertiser_id, row.currency]));
      const found = listed.length > 0 ? listed.map((id) => of.get(id) ?? "") : all?.results.map((row) => row.currency);
      const [only = "", another] = new Set(found);
      return { of, only: another === undefined ? only : null };
    },
    areAll: async (currency) => {
      if (listed.length > 0) return true;
      const { results } = await distinct().all<Row>();
      return results.every((row) => row.currency === currency);
    },
  };
}

/** Advertiser → currency, of all that a scope may read; `own` is what the key's profile says. */
export async function readCurrencies(
  primary: D1Database,
  { scope, own }: { scope: ReadScope; own: string | null },
): Promise<ReadonlyMap<string, string>> {
  if (scope.advertiserId !== null) return new Map([[scope.advertiserId, own ?? ""]]);
  const { results } = await SELECT_CURRENCIES.in(primary, scope).all<Row>();
  return new Map(results.map((row) => [row.advertiser_id, row.currency]));
}

/** Whether a query asks for money of advertisers that may have several currencies. */
export function mixesMoney(
  { metrics, filters }: ReportQuery,
  { advertiserId }: Pick<ReadScope, "advertiserId">,
): boolean {
  if (advertiserId !== null || !metrics.some(isMoneyMetric)) return false;
  return !(["advertiser_id", "currency"] as const).some((dimension) => includedOf(filters, dimension).length === 1);
}

/** The query with `currency` as its last dimension, where money would be added up without. */
export function splitMoney(query: ReportQuery, scope: Pick<ReadScope, "advertiserId">): ReportQuery {
  if (!mixesMoney(query, scope)) return query;
  const split = { ...query, isByCurrency: true };
  if (query.dimensions.some(({ dimension }) => dimension === "currency")) return split;
  const dimensions = [...query.dimensions, { dimension: "currency", name: "currency" } as const];
  const last: OrderTerm = { by: { kind: "dimension", index: query.dimensions.length }, isDescending: false };
  return { ...split, dimensions, order: [...query.order, last] };
}

export function namesCurrency({ dimensions, filters }: Pick<ReportQuery, "dimensions" | "filters">): boolean {
  return [...dimensions, ...filters].some(({ dimension }) => dimension === "currency");
}

/** A query without its currency, which is the same for all that it reads. */
export type Taken = {
  readonly query: ReportQuery;
  readonly after: KeyAfter | null;
  /** Whether a filter or the cursor leaves nothing of this currency. */
  readonly isEmpty: boolean;
};

/** Takes the one currency out of a query and its cursor. */
export function takeCurrency(query: ReportQuery, after: KeyAfter | null, only: string): Taken {
  const at = query.dimensions.findIndex(({ dimension }) => dimension === "currency");
  const isCurrency = ({ by }: OrderTerm) => by.kind === "dimension" && by.index === at;
  const place = query.order.findIndex(isCurrency);
  const order = query.order
    .filter((term) => !isCurrency(term))
    .map((term): OrderTerm => {
      const { by } = term;
      return by.kind === "dimension" && at >= 0 && by.index > at
        ? { ...term, by: { kind: "dimension", index: by.index - 1 } }
        : term;
    });
  const excluded = query.filters.some(({ dimension, include, exclude }) => {
    if (dimension !== "currency") return false;
    return (include.length > 0 && !include.includes(only)) || exclude.includes(only);
  });
  const left = after === null || place < 0 ? after : after.filter((_, index) => index !== place);
  return {
    query: {
      ...query,
      order,
      isByCurrency: false,
      dimensions: query.dimensions.filter((_, index) => index !== at),
      filters: query.filters.filter(({ dimension }) => dimension !== "currency"),
    },
    after: left,
    isEmpty: excluded || (left !== null && left.length === 0),
  };
}

/** Puts the currency back into what was read without it. */
export function putCurrency(reading: Reading, query: ReportQuery, only: string): Reading {
  const at = query.dimensions.findIndex(({ dimension }) => dimension === "currency");
  const put = (group: Group): Group =>
    at < 0 ? group : { ...group, dimensions: group.dimensions.toSpliced(at, 0, only) };
  const putTotals = (groups: readonly Group[]) =>
    query.isByCurrency ? groups.map((group) => ({ ...group, dimensions: [only] })) : groups;
  const { groups, rest, last, totals, previous } = reading;
  return {
    ...reading,
    groups: groups.map(put),
    rest: rest.map(put),
    last: last === null ? null : put(last),
    totals: totals === null ? null : putTotals(totals),
    previous: previous === null ? null : { groups: previous.groups.map(put), totals: putTotals(previous.totals) },
  };
}

/** What is read where nothing can be found. */
export function nothingRead({ wantsTotals, previous }: ReportQuery): Reading {
  return {
    ...{ groups: [], rest: [], isCut: false, isWhole: true, last: null, segments: [], rowsRead: 0 },
    totals: wantsTotals ? [] : null,
    previous: previous === null ? null : { groups: [], totals: [] },
  };
}

/** The currencies that an answer's money is in; null where it has none. */
export async function currenciesShown(
  { query, scope, shown }: { query: ReportQuery; scope: ReadScope; shown: readonly Group[] },
  source: CurrencySource,
): Promise<readonly string[] | null> {
  if (!query.metrics.some(isMoneyMetric)) return null;
  if (query.isByCurrency) {
    const at = query.dimensions.findIndex(({ dimension }) => dimension === "currency");
    return [...new Set(shown.map(({ dimensions }) => dimensions[at] ?? ""))].sort();
  }
  const asked = scope.advertiserId === null ? includedOf(query.filters, "currency") : [];
  return asked.length === 1 ? asked : [(await source.read()).only ?? ""];
}

function includedOf(filters: readonly Filter[], of: Dimension): readonly string[] {
  return filters.find(({ dimension }) => dimension === of)?.include ?? [];
}
