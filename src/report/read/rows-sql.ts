/**
 * Which rows a statement of a report reads, and by what columns they are grouped: the constant fragments that the
 * statements of src/report/read/segments-sql.ts are built around.
 *
 *   FROM facts or cells of a tier, or sums of days or hours (source-sql.ts) [joined with a list of windows]
 *   WHERE whose rows AND windows of the read AND filters AND keys behind the cursor
 *
 * Keeps: no value meets SQL text: names come from closed lists, values are bound, a list as one JSON string. Whose rows
 * they are is the source's (source-sql.ts).
 */

import { MEASURES, type Measure } from "../../core/fields.ts";
import { assert } from "../../core/result.ts";
import { HOURS_PER_DAY, placeBefore, sumUntil, VALUE_OF } from "../../facts/hour-sums-sql.ts";
import { isOpen, type Piece, type Read, type RowKey, readTierOf, type Tier } from "../plan/plan.ts";
import { isRowDimension } from "../query/fields.ts";
import { measuresOf, withHundreds } from "../query/metrics.ts";
import type { OrderTerm, ReportQuery } from "../query/query.ts";
import type { Granularity, Phase } from "../query/windows.ts";
import type { KeyAfter, Selection, Source } from "./source-sql.ts";
import { constant, joinClauses, type Statement } from "./statement.ts";

const AT_WINDOW: Readonly<Record<Tier, string>> = {
  minute: "AND facts.minute = ?",
  hour: "AND facts.hour = ?",
  day: "AND facts.day = ?",
};
const SPAN_RANGES: Readonly<Record<Tier, string>> = {
  minute: "AND facts.minute >= ? AND facts.minute < ?",
  hour: "AND facts.hour >= ? AND facts.hour < ?",
  day: "AND facts.day >= ? AND facts.day < ?",
};
const PIECE_RANGES: Readonly<Record<Tier, string>> = {
  minute: "AND facts.minute >= windows.first AND facts.minute < windows.past",
  hour: "AND facts.hour >= windows.first AND facts.hour < windows.past",
  day: "AND facts.day >= windows.first AND facts.day < windows.past",
};
/** What rows that are made of sums of hours have beside their measures. */
const MADE_COLUMNS = `windows.start, facts.advertiser_id, ${VALUE_OF("cell.value")} AS value`;
const HOUR_MEASURES = new Map(
  MEASURES.map((measure, at) => {
    const [until, since] = ["windows.until", "windows.since"].map((place) => sumUntil("cell.value", at, place));
    return [measure, `${until} - ${since}`];
  }),
);
const HOUR_MEASURE = (measure: Measure) => HOUR_MEASURES.get(measure) ?? "0";
const PIECE_WINDOWS = `windows (start, first, past) AS MATERIALIZED (
SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)
)`;
/** Windows of sums of hours: each lies in one UTC day, with the places of its end and of its beginning. */
const DAY_WINDOWS = `windows (start, day, until, since) AS MATERIALIZED (
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)
)`;
const OF_DAY = "AND facts.dimension = ? AND facts.day = windows.day";
/** Beside the range: a row that is open is not unfolded where none of its minutes is asked for. */
const OPEN_SPAN = "AND facts.last_minute >= ? AND facts.first_minute < ?";
const OPEN_PIECES = "AND facts.last_minute >= windows.first AND facts.first_minute < windows.past";
/** Advertisers with their currencies: profiles stand in the primary database alone, and facts in any. */
const CURRENCIES = `currencies (advertiser_id, currency) AS MATERIALIZED (
SELECT value ->> 0, value ->> 1 FROM json_each(?)
)`;

const TIER_COLUMNS: Readonly<Record<Tier, string>> = { minute: "facts.minute", hour: "facts.hour", day: "facts.day" };

/**
 * The windows of src/report/query/windows.ts in UTC; `all` has no column. A tier coarser than the granularity is never
 * read.
 */
const SPAN_WINDOWS: Readonly<Record<Tier, Readonly<Partial<Record<Granularity, string>>>>> = {
  minute: {
    minute: "facts.minute",
    hour: "facts.minute / 60 * 60",
    day: "facts.minute / 1440 * 1440",
    week: "((facts.minute / 1440 + 3) / 7 * 7 - 3) * 1440",
    month: "CAST(strftime('%s', facts.minute * 60, 'unixepoch', 'start of month') AS INTEGER) / 60",
  },
  hour: {
    hour: "facts.hour * 60",
    day: "facts.hour / 24 * 1440",
    week: "((facts.hour / 24 + 3) / 7 * 7 - 3) * 1440",
    month: "CAST(strftime('%s', facts.hour * 3600, 'unixepoch', 'start of month') AS INTEGER) / 60",
  },
  day: {
    day: "facts.day * 1440",
    week: "((facts.day + 3) / 7 * 7 - 3) * 1440",
    month: "CAST(strftime('%s', facts.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 60",
  },
};
/** Hours of a phase: they start where its full hours do, the first where the phase does. D1 binds numbers as reals. */
const PHASE_WINDOW = "max(CAST(? AS INTEGER), (facts.minute + CAST(? AS INTEGER)) / 60 * 60 - CAST(? AS INTEGER))";

/**
 * A field of the key as it is selected, its alias, and by what it is grouped and ordered: a column of the index if it
 * can.
 */
export type KeyColumn = Statement & { readonly alias: string; readonly group: string };

/**
 * The table of a read, joined with its list of windows where it has one, and with the currencies where they are named.
 * The joins keep the windows outside and the currencies inside.
 */
export function fromOf(read: Read, query: ReportQuery, source: Source): { before: Statement; from: Statement } {
  const table = source.tables[isOpen(read) ? "open" : readTierOf(read)];
  assert(table !== undefined, "a source has the tier that it is read for");
  const lists: Statement[] = [];
  const from: Statement[] = [];
  if (read.kind === "pieces") {
    const isOfHours = read.source.kind === "hour_sums";
    const pieces = read.pieces.map(isOfHours ? placesOf : endsOf);
    lists.push({ sql: isOfHours ? DAY_WINDOWS : PIECE_WINDOWS, bound: [JSON.stringify(pieces)] });
    from.push(source.isMade ? madeOf(table, read, { query, source }) : constant("windows CROSS JOIN ".concat(table)));
  } else {
    from.push(constant(table));
  }
  if ([...query.dimensions, ...query.filters].some(({ dimension }) => dimension === "currency")) {
    assert(query.currencies !== undefined, "currencies are read before rows by them");
    lists.push({ sql: CURRENCIES, bound: [JSON.stringify([...query.currencies])] });
    from.push(constant("LEFT JOIN currencies ON currencies.advertiser_id = ".concat(source.column("advertiser_id"))));
  }
  const sql = lists.length === 0 ? "" : "WITH ".concat(lists.map((list) => list.sql).join(",\n"));
  return { before: { sql, bound: lists.flatMap(({ bound }) => bound) }, from: joinClauses(from) };
}

/**
 * Rows that are made of sums of hours, with the measures that are asked for. It has a limit, which is none, so that
 * SQLite sorts these numbers by group, and not the lists that they are read from.
 */
function madeOf(table: string, read: Read, { query, source }: { query: ReportQuery; source: Source }): Statement {
  const measures = withHundreds(measuresOf(query.metrics)).map((name) => HOUR_MEASURE(name).concat(" AS ", name));
  return joinClauses([
    constant("(SELECT ".concat([MADE_COLUMNS, ...measures].join(", "))),
    constant("FROM windows CROSS JOIN ".concat(table)),
    source.entry,
    rangeOf(read, source),
    constant("LIMIT -1) AS facts"),
  ]);
}

function endsOf({ window, from, to }: Piece): (string | number)[] {
  return [window, from, to];
}

/** Its window, its UTC day, and the places of its end and of its beginning in a list of running sums. */
function placesOf({ window, from, to }: Piece): (string | number)[] {
  const day = Math.floor(from / HOURS_PER_DAY);
  const [since, until] = [from, to].map((hour) => hour - day * HOURS_PER_DAY);
  assert(since !== undefined && until !== undefined && until <= HOURS_PER_DAY, "a piece lies in one UTC day");
  return [window, day, placeBefore(until), placeBefore(since)];
}

/** The rows to read: whose, windows, filters, and what lies behind the cursor. */
export function rowsOf(read: Read, { query, after }: Selection, source: Source): Statement {
  const behind = after === null ? [] : [behindTerm(read, query, { after, source })];
  const whose = source.isMade ? [constant("WHERE true")] : [source.entry, rangeOf(read, source)];
  return joinClauses([...whose, ...filterTerms(query, source), ...behind]);
}

/** The windows of a read, or the rows of one window. */
export function rangeOf(read: Read, { rowKey }: Source): Statement {
  const { keys, source } = read;
  const edge = (comparison: string, key: RowKey | null): Statement =>
    key === null
      ? constant("")
      : { sql: "AND ".concat(rowKey, comparison, "(", key.map(() => "?").join(", "), ")"), bound: key };
  const edges = keys === undefined ? [] : [edge(" > ", keys.after), edge(" <= ", keys.upTo)];
  if (source.kind === "hour_sums") return joinClauses([{ sql: OF_DAY, bound: [source.by] }, ...edges]);
  if (keys === undefined) {
    const isUnfolded = isOpen(read);
    if (read.kind === "pieces")
      return joinClauses([constant(PIECE_RANGES[read.tier]), constant(isUnfolded ? OPEN_PIECES : "")]);
    const { tier, from, to } = read.segment;
    const open = isUnfolded ? [{ sql: OPEN_SPAN, bound: [from, to] }] : [];
    return joinClauses([{ sql: SPAN_RANGES[tier], bound: [from, to] }, ...open]);
  }
  const [window] = read.kind === "span" ? [read.segment] : read.pieces;
  assert(window !== undefined && window.to === window.from + 1, "keys are of one window");
  return joinClauses([{ sql: AT_WINDOW[readTierOf(read)], bound: [window.from] }, ...edges]);
}

export function keyColumns(read: Read, { granularity, dimensions }: ReportQuery, source: Source): KeyColumn[] {
  const columns = dimensions.map(({ dimension }) => {
    const column = source.column(dimension);
    return { ...constant(column), alias: dimension as string, group: column };
  });
  if (granularity === "all") return columns;
  const window = { ...windowColumn(read, granularity, source), alias: "time_window" };
  // A window that is one of the tier is in the order of the tier's column, which the index has.
  const isPlain = read.kind === "span" && read.segment.tier === granularity;
  return [{ ...window, group: isPlain ? TIER_COLUMNS[read.segment.tier] : window.alias }, ...columns];
}

function windowColumn(read: Read, granularity: Granularity, { isMade }: Source): Statement {
  if (read.kind === "pieces") return constant(isMade ? "facts.start" : "windows.start");
  const { segment, phase } = read;
  if (phase !== null && segment.tier === "minute") return { sql: PHASE_WINDOW, bound: phaseBound(phase) };
  const column = SPAN_WINDOWS[segment.tier][granularity];
  assert(column !== undefined, "a planned tier is as fine as the granularity");
  return constant(column);
}

function phaseBound({ from, phase }: Phase): number[] {
  return [Math.max(from, 0), phase, phase];
}

/** The filters that a row says itself, as one expression. */
export function rowFilter(query: ReportQuery, source: Source): Statement {
  const filters = query.filters.filter(({ dimension }) => dimension !== "currency" && isRowDimension(dimension));
  return joinClauses([constant("true"), ...filterTerms({ ...query, filters }, source)]);
}

/** One condition for each list. The unary plus keeps SQLite from entering the index anywhere but at the scope. */
function filterTerms({ filters }: ReportQuery, source: Source): Statement[] {
  return filters.flatMap(({ dimension, include, exclude }) => {
    const column = "AND +".concat(source.column(dimension));
    const terms: Statement[] = [];
    if (include.length > 0) {
      terms.push({ sql: column.concat(" IN (SELECT value FROM json_each(?))"), bound: [JSON.stringify(include)] });
    }
    if (exclude.length > 0) {
      terms.push({ sql: column.concat(" NOT IN (SELECT value FROM json_each(?))"), bound: [JSON.stringify(exclude)] });
    }
    return terms;
  });
}

/** Behind a key in the query's order: the first field is past its value, or it is there and the rest is behind. */
export function behindTerm(
  read: Read,
  query: ReportQuery,
  { after, source }: { after: KeyAfter; source: Source },
): Statement {
  assert(
    after.length === query.order.length && after.length > 0,
    "a cursor holds one value for each field of the order",
  );
  const parts: string[] = [];
  const bound: (string | number)[] = [];
  for (const [index, { by, isDescending }] of query.order.entries()) {
    const column = keyColumn(by, read, { query, source });
    const value = after[index] ?? "";
    const isLast = index === query.order.length - 1;
    parts.push("(".concat(column.sql, isDescending ? " < ?" : " > ?"));
    bound.push(...column.bound, value);
    if (isLast) continue;
    parts.push(" OR (".concat(column.sql, " = ? AND "));
    bound.push(...column.bound, value);
  }
  const closing = ")".repeat(2 * query.order.length - 1);
  return { sql: "AND ".concat(parts.join(""), closing), bound };
}

function keyColumn(
  by: OrderTerm["by"],
  read: Read,
  { query, source }: { query: ReportQuery; source: Source },
): Statement {
  const { granularity, dimensions } = query;
  if (by.kind === "window") {
    const column = windowColumn(read, granularity, source);
    return { sql: "+(".concat(column.sql, ")"), bound: column.bound };
  }
  const dimension = by.kind === "dimension" ? dimensions[by.index]?.dimension : undefined;
  assert(dimension !== undefined, "a cursor's order is by key fields");
  return constant("+".concat(source.column(dimension)));
}
