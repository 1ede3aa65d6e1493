/**
 * The statements of a report: the groups of one read (src/report/plan/plan.ts). Which rows a statement reads, and that
 * no value meets its text, is the business of src/report/read/rows-sql.ts.
 *
 *   sums      SELECT window, dimensions, sums FROM rows GROUP BY … HAVING any sum <> 0 ORDER BY … LIMIT ?
 *   reasons   SELECT window, dimensions, JSON {reason: count} FROM the same rows, their reasons unfolded …
 *   sketches  the sketches of the same rows by group, concatenated, part by part (src/facts/sketch-sql.ts)
 *
 * Keeps: only names of closed lists meet SQL text; limits are bound.
 */
import { HUNDREDS, isMoney, type Measure } from "../../core/fields.ts";
import { MICROS_PER_HUNDRED } from "../../core/measures.ts";
import { assert } from "../../core/result.ts";
import { sketchesStatement } from "../../facts/sketch-sql.ts";
import { WIDE } from "../../facts/wide-sql.ts";
import { isOrderedByKey, type Page, type Read } from "../plan/plan.ts";
import { isSumMetric, measuresOf, SUM_METRICS, withHundreds } from "../query/metrics.ts";
import type { OrderTerm, ReportQuery } from "../query/query.ts";
import { behindTerm, fromOf, type KeyColumn, keyColumns, rowsOf } from "./rows-sql.ts";
import { type KeyAfter, type Selection, sourceOf } from "./source-sql.ts";
import { constant, joinClauses, type Statement } from "./statement.ts";

export type { KeyAfter } from "./source-sql.ts";

export type Reader = Selection & { readonly page: Page };

const SUM = (measure: Measure) => `sum(facts.${measure})`;

/** What reads sketches: of a page, those of its groups, which end with the group `upTo`. */
export type SketchReader = Selection & { readonly upTo: KeyAfter | null };

/** The statements of all reads of a part: of each by itself, or where a sum cuts the page, of all together. */
export function partStatements(reads: readonly Read[], reader: Reader): Statement[] {
  if (reader.page.isExact && !isOrderedByKey(reader.query)) return [unitedStatement(reads, reader)];
  return reads.flatMap((read) => readStatements(read, reader));
}

/** Sums by group over several reads, which are cut by a sum: a group is whole before it is left out. */
function unitedStatement(reads: readonly Read[], reader: Reader): Statement {
  const { query, page } = reader;
  const measures = withHundreds(measuresOf(query.metrics));
  const parts = reads.map((read) => {
    const source = sourceOf(read, reader);
    const { before, from } = fromOf(read, query, source);
    const keys = keyColumns(read, query, source);
    const sums = measures.map((measure) => SUM(measure).concat(" AS ", measure));
    const part = joinClauses([
      before,
      constant("SELECT ".concat([...keys.map(aliased), ...sums].join(", "))),
      { sql: "", bound: keys.flatMap(({ bound }) => bound) },
      constant("FROM"),
      from,
      rowsOf(read, reader, source),
      constant(groupBy(keys.map(({ group }) => group))),
    ]);
    return { ...part, aliases: keys.map(({ alias }) => alias) };
  });
  const aliases = parts[0]?.aliases ?? [];
  const sums = measures.map((measure) => WIDE(SUM(measure)).concat(" AS ", measure));
  return joinClauses([
    constant("SELECT ".concat([...aliases, ...sums].join(", "))),
    constant("FROM ("),
    {
      sql: parts.map(({ sql }) => "SELECT * FROM (\n".concat(sql, "\n)")).join("\nUNION ALL\n"),
      bound: parts.flatMap(({ bound }) => bound),
    },
    constant(") AS facts"),
    constant(groupBy(aliases)),
    constant("HAVING ".concat(measures.map((measure) => SUM(measure).concat(" <> 0")).join(" OR "))),
    ...pageClauses(page, query, aliases),
  ]);
}

/** The statements of one read, each of which returns groups of it: sums, and reasons where they are asked. */
export function readStatements(read: Read, reader: Reader): Statement[] {
  const statements: Statement[] = [];
  if (measuresOf(reader.query.metrics).length > 0) statements.push(sumsStatement(read, reader));
  if (reader.query.metrics.includes("reasons")) statements.push(reasonsStatement(read, reader));
  return statements;
}

/** Sums by group. Its rows have the aliases `time_window`, each dimension and each measure. */
function sumsStatement(read: Read, reader: Reader): Statement {
  const source = sourceOf(read, reader);
  const { query, page } = reader;
  const { before, from } = fromOf(read, query, source);
  const keys = keyColumns(read, query, source);
  const sums = withHundreds(measuresOf(query.metrics)).map((measure) => ({ measure, sum: SUM(measure) }));
  const selected = [...keys.map(aliased), ...sums.map(({ measure, sum }) => WIDE(sum).concat(" AS ", measure))];
  const grouped = keys.map(({ group }) => group);
  return joinClauses([
    before,
    constant("SELECT ".concat(selected.join(", "))),
    { sql: "", bound: keys.flatMap(({ bound }) => bound) },
    constant("FROM"),
    from,
    rowsOf(read, reader, source),
    constant(groupBy(grouped)),
    constant("HAVING ".concat(sums.map(({ sum }) => sum.concat(" <> 0")).join(" OR "))),
    ...pageClauses(page, query, grouped),
  ]);
}

/** Counts by reason, one JSON object a group. Its rows have the aliases `time_window`, each dimension and `reasons`. */
function reasonsStatement(read: Read, reader: Reader): Statement {
  const { query, page } = reader;
  assert(read.source.kind === "rows", "reasons stand on rows");
  const source = sourceOf(read, reader);
  const { before, from } = fromOf(read, query, source);
  const keys = keyColumns(read, query, source);
  const aliases = keys.map(({ alias }) => alias);
  return joinClauses([
    before,
    constant("SELECT ".concat([...aliases, "json_group_object(reason, total) AS reasons"].join(", "))),
    constant("FROM ("),
    constant("SELECT ".concat([...keys.map(aliased), "reason.key AS reason", "sum(reason.value) AS total"].join(", "))),
    { sql: "", bound: keys.flatMap(({ bound }) => bound) },
    constant("FROM"),
    from,
    constant(", json_each(facts.reasons) AS reason"),
    rowsOf(read, reader, source),
    constant(groupBy([...aliases, "reason.key"])),
    constant("HAVING sum(reason.value) <> 0"),
    constant(")"),
    constant(groupBy(aliases)),
    ...pageClauses(page, query, aliases),
  ]);
}

/** Sketches by group, parts [from, to) of them. Its rows have the aliases of the keys, and `sketches`. */
export function sketchStatement(
  read: Read,
  { query, scope, after, upTo }: SketchReader,
  [from, to]: readonly [from: number, to: number],
): Statement {
  assert(read.source.kind === "rows", "sketches stand on rows");
  const source = sourceOf(read, { query, scope });
  const { before, from: rows } = fromOf(read, query, source);
  const behind = upTo === null ? constant("") : behindTerm(read, query, { after: upTo, source });
  const keys = keyColumns(read, query, source);
  const selection = joinClauses([
    before,
    constant("SELECT ".concat([...keys.map(aliased), "facts.sketch AS sketch"].join(", "))),
    { sql: "", bound: keys.flatMap(({ bound }) => bound) },
    constant("FROM"),
    rows,
    rowsOf(read, { query, scope, after }, source),
    { sql: behind.sql.replace("AND ", "AND NOT "), bound: behind.bound },
  ]);
  const sql = sketchesStatement(
    keys.map(({ alias }) => alias),
    selection.sql,
  );
  return { sql, bound: [...selection.bound, from, to] };
}

function aliased({ sql, alias }: KeyColumn): string {
  return sql.concat(" AS ", alias);
}

function groupBy(columns: readonly string[]): string {
  return columns.length === 0 ? "" : "GROUP BY ".concat(columns.join(", "));
}

/**
 * Order and limit. `keys` are what the statement groups by, window first: so an index that has the groups has the
 * order.
 */
function pageClauses(page: Page, query: ReportQuery, keys: readonly string[]): Statement[] {
  const order = page.order.flatMap((term) => orderTerms(term, query, keys));
  return [
    constant(order.length === 0 ? "" : "ORDER BY ".concat(order.join(", "))),
    { sql: "LIMIT ?", bound: [page.limit] },
  ];
}

function orderTerms({ by, isDescending }: OrderTerm, query: ReportQuery, keys: readonly string[]): string[] {
  return orderColumns(by, query, keys).map((field) => (isDescending ? field.concat(" DESC") : field));
}

function orderColumns(by: OrderTerm["by"], { granularity, metrics }: ReportQuery, keys: readonly string[]): string[] {
  if (by.kind === "metric") {
    const metric = metrics[by.index];
    assert(metric !== undefined && isSumMetric(metric), "a statement orders by its own columns");
    return sumOrder(SUM_METRICS[metric]);
  }
  const key = keys[by.kind === "window" ? 0 : by.index + (granularity === "all" ? 0 : 1)];
  assert(key !== undefined, "a query orders by its own fields");
  return [key];
}

/** Money is in order by its whole hundreds, then by the micros that are left: the amount itself may be past 64 bits. */
function sumOrder(measure: Measure): string[] {
  const sum = SUM(measure);
  if (!isMoney(measure)) return [sum];
  const isBelow = `(${sum} % ${MICROS_PER_HUNDRED} < 0)`;
  const hundreds = `${SUM(HUNDREDS[measure])} + ${sum} / ${MICROS_PER_HUNDRED} - ${isBelow}`;
  return [hundreds, `${sum} % ${MICROS_PER_HUNDRED} + ${isBelow} * ${MICROS_PER_HUNDRED}`];
}
