/**
 * When a read of days is answered from the sums over advertisers (migrations/0011) instead of every ad's facts, and how
 * a statement names their columns.
 *
 *   everybody,      by country or filtered by it   dimension country, publisher ''        value is the country
 *   one publisher,  by country or filtered by it   dimension country, its publisher       value is the country
 *
 * Keeps: the same answer as facts_day, or no source at all. A query that names one advertiser, two dimensions, or what
 * stands on rows has none. One publisher is that of the scope, or the only one that a filter includes.
 * Relies on: the marks of all buckets were read before the facts, since no advertiser is listed.
 */

import type { ReadScope } from "../../access/read-scope.ts";
import { SUMS_OF_ALL, SUMS_OF_PUBLISHER } from "../../facts/day-sums-sql.ts";
import type { Dimension } from "../query/fields.ts";
import type { ReportQuery } from "../query/query.ts";
import { CURRENCY_COLUMN, type Selection, Source } from "../read/source-sql.ts";
import { type Read, readTierOf } from "./plan.ts";

const ENTRY = "WHERE facts.dimension = ? AND facts.publisher_id = ?";
const TABLES: Source["tables"] = { day: "day_sums AS facts" };

/** The reads, of which those know it whose days are all before the mark of sums. */
export function withSums(reads: readonly Read[], mark: number): Read[] {
  const isSummed = (read: Read) => {
    const stretches = read.kind === "span" ? [read.segment] : read.pieces;
    return readTierOf(read) === "day" && stretches.every(({ to }) => to <= mark);
  };
  return reads.map((read) => (isSummed(read) ? { ...read, isSummed: true } : read));
}

/** The sums that answer a read, or null. */
export function sumsSource(read: Read, { query, scope }: Pick<Selection, "query" | "scope">): Source | null {
  if (read.isSummed !== true || !canBeSummed(query, scope)) return null;
  const publisherId = scope.publisherId ?? onlyPublisher(query);
  const named = new Set<Dimension>([...query.dimensions, ...query.filters].map(({ dimension }) => dimension));
  if (publisherId !== null) named.delete("publisher_id");
  // Who pays in what is known of advertisers: their sums, each with its currency.
  if (named.delete("currency")) named.add("advertiser_id");
  const [dimension = "", another] = named;
  const kinds = publisherId === null ? SUMS_OF_ALL : SUMS_OF_PUBLISHER;
  const kind = kinds.find((summed) => summed === dimension);
  if (kind === undefined || another !== undefined) return null;
  const value = kind === "" ? {} : { [kind]: "facts.value" };
  const columns = { publisher_id: "facts.publisher_id", currency: CURRENCY_COLUMN, ...value };
  const entry = { sql: ENTRY, bound: [kind, publisherId ?? ""] };
  return Source.within(scope, { tables: TABLES, columns, entry, rowKey: "facts.value" });
}

/** Whether it is about all advertisers, or about what is left without some, and asks for nothing but sums. */
function canBeSummed({ filters, metrics }: ReportQuery, scope: ReadScope): boolean {
  // '' stands for all publishers in the table, and is nobody's scope.
  if (scope.advertiserId !== null || scope.publisherId === "") return false;
  if (metrics.includes("reasons") || metrics.includes("unique_users")) return false;
  return filters.every(({ dimension, include }) => dimension !== "advertiser_id" || include.length === 0);
}

/** The publisher that a filter leaves; traffic without one has no sums of its own. */
function onlyPublisher({ filters }: ReportQuery): string | null {
  const [publisherId, another] = filters.find(({ dimension }) => dimension === "publisher_id")?.include ?? [];
  return publisherId === undefined || publisherId === "" || another !== undefined ? null : publisherId;
}
