/**
 * How much work a statement would be, asked before it runs: rows that it would visit and, from the length of their
 * texts, the cells and sketches in them.
 *
 *   SELECT count(*), sum(weight) FROM (SELECT 1 + octet_length(cells) / 80 AS weight FROM facts_day WHERE … LIMIT ?)
 *
 * A weight of 1 is a row or a cell: about 2 µs (docs/decisions/0031).
 * Keeps: it visits as many rows as its limit says and opens none of their texts: a length stands in the row's header.
 */
import { parseJson } from "../../core/base64url.ts";
import type { Read, RowKey } from "../plan/plan.ts";
import { fromOf, rangeOf, rowFilter } from "./rows-sql.ts";
import { type Selection, type Source, weighedSource } from "./source-sql.ts";
import { constant, joinClauses, type Statement } from "./statement.ts";

/** A cell as text has about so many bytes. */
const CELL_BYTES = 80;
/** Bytes of a sketch that are as much work as a row, and of a row's reasons, which are one reason. */
const SKETCH_BYTES = 40;
const REASON_BYTES = 16;

/** A value of sums of hours counts as a cell. It takes longer, and a call is saved (docs/decisions/0058). */
const VALUES_WEIGHT = "1 + facts.size";

export type WeighedRow = { readonly rows: number; readonly weight: number };

/** The weight of a read, of its first `limit` rows. */
export function weighStatement(read: Read, selection: Selection, limit: number): Statement {
  const source = weighedSource(read, selection);
  return joinClauses([...weights(read, selection, source), { sql: "LIMIT ?", bound: [limit] }, constant(")")]);
}

/** The keys and weights of the rows of one window behind a key, in their order. Rows have the key as `key`. */
export function keysStatement(read: Read, selection: Selection, limit: number): Statement {
  const source = weighedSource(read, selection);
  const { before, from } = fromOf(read, plain(selection), source);
  const columns = source.rowKey.replace(/^\(|\)$/g, "");
  const weight = weightOf(read, selection, source);
  return joinClauses([
    before,
    constant("SELECT json_array(".concat(columns, ") AS key,")),
    weight,
    constant("AS weight FROM"),
    from,
    source.entry,
    rangeOf(read, source),
    constant("ORDER BY ".concat(columns)),
    { sql: "LIMIT ?", bound: [limit] },
  ]);
}

export type KeyRow = { readonly key: string; readonly weight: number };

/** The key of a row, as a read's `keys` has it. */
export function keyOfText(key: string): RowKey {
  return parseJson(key) as RowKey;
}

function weights(read: Read, selection: Selection, source: Source): Statement[] {
  const { before, from } = fromOf(read, plain(selection), source);
  return [
    before,
    constant("SELECT count(*) AS rows, coalesce(sum(weight), 0) AS weight FROM (SELECT"),
    weightOf(read, selection, source),
    constant("AS weight FROM"),
    from,
    source.entry,
    rangeOf(read, source),
  ];
}

function weightOf({ source: { kind } }: Read, { query }: Selection, source: Source): Statement {
  if (kind === "day_sums") return constant("1");
  if (kind === "hour_sums") return constant(VALUES_WEIGHT);
  const terms = [constant("1")];
  if (kind === "cells") {
    const filter = rowFilter(query, source);
    terms.push({ sql: `+ iif(${filter.sql}, octet_length(facts.cells) / ${CELL_BYTES}, 0)`, bound: filter.bound });
  }
  if (query.metrics.includes("reasons")) {
    terms.push(constant(`+ octet_length(facts.reasons) / ${REASON_BYTES}`));
  }
  if (query.metrics.includes("unique_users")) {
    terms.push(constant(`+ coalesce(octet_length(facts.sketch), 0) / ${SKETCH_BYTES}`));
  }
  return joinClauses(terms);
}

/** What a query is about decides which rows are visited; by what they are grouped does not. */
function plain({ query }: Selection): Selection["query"] {
  return { ...query, dimensions: [], filters: [] };
}
