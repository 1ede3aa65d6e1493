/**
 * Where a statement of a report finds its rows: facts of a tier, their cells, or sums of days or hours, entered at the
 * rows that a scope may read.
 *
 *   advertiser         WHERE advertiser_id = ?                                  listed   … IN (the list)
 *   publisher          WHERE advertiser_id IN (all) AND publisher_id = ?        all      … IN (all)
 *
 * Keeps: a source is made within a scope and nowhere else, and no statement over facts is made without one, so no route
 * can forget it: a tenant's statements read its own rows whatever it asks for. Primary keys of facts start with
 * advertiser_id, so a statement always names its advertisers and stays on the index.
 */

import type { ReadScope } from "../../access/read-scope.ts";
import { ROW_DIMENSIONS, DIMENSIONS as STORED } from "../../core/fields.ts";
import { assert } from "../../core/result.ts";
import { PAIR_SEPARATOR, PLACES, type Place } from "../../facts/facts-schema.ts";
import { type HourSumsBy, VALUE_OF } from "../../facts/hour-sums-sql.ts";
import type { Read, ReadSource } from "../plan/plan.ts";
import type { Asked } from "../plan/sources.ts";
import type { Dimension } from "../query/fields.ts";
import type { ReportQuery } from "../query/query.ts";
import { constant, joinClauses, type Statement } from "./statement.ts";

/** The values of the order's fields in the last row that was answered, in the order's order. */
export type KeyAfter = readonly (string | number)[];

/** What a statement selects its rows by. */
export type Selection = {
  readonly query: ReportQuery;
  readonly scope: ReadScope;
  /** Only groups behind this one; the order is by key fields. */
  readonly after: KeyAfter | null;
};

/** Where a statement finds its rows: the table of each place, the columns of dimensions, and the way into the key. */
type SourceParts = {
  readonly tables: Readonly<Partial<Record<Place, string>>>;
  readonly columns: Readonly<Partial<Record<Dimension, string>>>;
  /** The conditions that say whose rows: the beginning of the WHERE clause, and of the primary key. */
  readonly entry: Statement;
  /** What the primary key has behind the window, one column or a list in brackets. */
  readonly rowKey: string;
  /** Whether its rows are made by a query of its own, which has the entry. */
  readonly isMade?: boolean;
};

/** A source within a scope: without one no statement over facts is made. */
export class Source {
  readonly tables: SourceParts["tables"];
  readonly entry: Statement;
  readonly rowKey: string;
  readonly isMade: boolean;
  readonly #columns: SourceParts["columns"];

  private constructor({ tables, columns, entry, rowKey, isMade = false }: SourceParts) {
    this.tables = tables;
    this.isMade = isMade;
    this.#columns = columns;
    this.entry = entry;
    this.rowKey = rowKey;
  }

  /** `entry` leads to the scope's rows. */
  static within({ advertiserId }: ReadScope, parts: SourceParts): Source {
    assert(advertiserId === null || parts.entry.bound.includes(advertiserId), "an entry names the owner of the scope");
    return new Source(parts);
  }

  column(dimension: Dimension): string {
    const column = this.#columns[dimension];
    assert(column !== undefined, "a source has the dimensions that it is read by");
    return column;
  }
}

const tablesBy = (to: (place: (typeof PLACES)[Place]) => string): SourceParts["tables"] =>
  Object.fromEntries(Object.entries(PLACES).map(([name, place]) => [name, to(place).concat(" AS facts")]));
const ROW_TABLES = tablesBy(({ table }) => table);
const CELL_VIEWS = tablesBy(({ view }) => view);
/** Behind the window in the keys of facts. */
const ROW_KEY = `(${[...ROW_DIMENSIONS, "part"].map((name) => `facts.${name}`).join(", ")})`;
/** '' where the advertiser's profile does not say. */
export const CURRENCY_COLUMN = "coalesce(currencies.currency, '')";

const COLUMNS = {
  ...Object.fromEntries(STORED.map((name) => [name, "facts.".concat(name)])),
  currency: CURRENCY_COLUMN,
} as Record<Dimension, string>;

const SUMS_ENTRY = "WHERE facts.dimension = ? AND facts.publisher_id = ?";
const SUMS_TABLES: SourceParts["tables"] = { day: "day_sums AS facts" };
/** Running sums by hour; what was counted in a window is made of them, value by value (rows-sql.ts). */
const HOUR_SUMS: SourceParts["tables"] = { hour: "hour_sums AS facts" };
const HOUR_VALUES: SourceParts["tables"] = { hour: "hour_sums AS facts CROSS JOIN jsonb_each(facts.sums) AS cell" };
const HOUR_VALUE = VALUE_OF("cell.value");
const PAIR_AT = `instr(facts.value, '${PAIR_SEPARATOR}')`;
const FIRST_OF_PAIR = `substr(facts.value, 1, ${PAIR_AT} - 1)`;
const SECOND_OF_PAIR = `substr(facts.value, ${PAIR_AT} + 1)`;

const SCOPE_ONE = "WHERE facts.advertiser_id = ?";
const SCOPE_LISTED = "WHERE facts.advertiser_id IN (SELECT value FROM json_each(?))";
const SCOPE_ALL = "WHERE facts.advertiser_id IN (SELECT advertiser_id FROM advertisers)";
/** What is open is no table whose key begins with the advertiser: all of it is all there is. */
const SCOPE_OPEN = "WHERE true";
const SCOPE_PUBLISHER = "AND +facts.publisher_id = ?";
const SCOPE_VALUE = "AND +".concat(HOUR_VALUE, " = ?");

/** The source of a read, as it is planned. */
export function sourceOf({ source }: Read, { query, scope }: Asked): Source {
  if (source.kind === "day_sums") return sumsIn(source, scope);
  if (source.kind === "hour_sums") return hourSumsIn(source.by, { query, scope });
  const { publisherId } = scope;
  const publisher = publisherId === null ? constant("") : { sql: SCOPE_PUBLISHER, bound: [publisherId] };
  const tables = source.kind === "cells" ? CELL_VIEWS : ROW_TABLES;
  const whose = scopeTerm(scope, query);
  const isAll = whose.sql === SCOPE_ALL && source.place === "open";
  const entry = joinClauses([isAll ? constant(SCOPE_OPEN) : whose, publisher]);
  return Source.within(scope, { tables, columns: COLUMNS, entry, rowKey: ROW_KEY });
}

/** For whoever weighs a read: the sums that it reads, or the rows whose cells it may unfold. */
export function weighedSource({ source }: Read, { query, scope }: Asked): Source {
  if (source.kind === "day_sums") return sumsIn(source, scope);
  const entry = scopeTerm(scope, query);
  if (source.kind === "hour_sums") return Source.within(scope, { ...HOUR_PARTS, tables: HOUR_SUMS, entry });
  return Source.within(scope, { tables: ROW_TABLES, columns: COLUMNS, entry, rowKey: ROW_KEY });
}

function sumsIn({ by, publisherId }: Extract<ReadSource, { kind: "day_sums" }>, scope: ReadScope): Source {
  const [first, second] = by;
  const values =
    first === undefined
      ? {}
      : second === undefined
        ? { [first]: "facts.value" }
        : { [first]: FIRST_OF_PAIR, [second]: SECOND_OF_PAIR };
  const columns = { publisher_id: "facts.publisher_id", currency: CURRENCY_COLUMN, ...values };
  const entry = { sql: SUMS_ENTRY, bound: [by.join(","), publisherId ?? ""] };
  return Source.within(scope, { tables: SUMS_TABLES, columns, entry, rowKey: "facts.value" });
}

const HOUR_PARTS = {
  rowKey: "facts.part",
  columns: { advertiser_id: "facts.advertiser_id", currency: CURRENCY_COLUMN },
};

function hourSumsIn(by: HourSumsBy, { query, scope }: Asked): Source {
  const { publisherId } = scope;
  const publisher = publisherId === null ? constant("") : { sql: SCOPE_VALUE, bound: [publisherId] };
  const entry = joinClauses([scopeTerm(scope, query), publisher]);
  const columns = by === "" ? HOUR_PARTS.columns : { ...HOUR_PARTS.columns, [by]: "facts.value" };
  return Source.within(scope, { ...HOUR_PARTS, tables: HOUR_VALUES, columns, entry, isMade: true });
}

/**
 * The advertisers to read, which is also the way into the index. Under a tenant's scope a filter by advertiser is one
 * more condition on its own rows, so that a foreign and an unknown id cost and answer the same.
 */
function scopeTerm({ advertiserId }: ReadScope, { filters }: ReportQuery): Statement {
  if (advertiserId !== null) return { sql: SCOPE_ONE, bound: [advertiserId] };
  const listed = filters.find((filter) => filter.dimension === "advertiser_id")?.include ?? [];
  return listed.length > 0 ? { sql: SCOPE_LISTED, bound: [JSON.stringify(listed)] } : constant(SCOPE_ALL);
}
