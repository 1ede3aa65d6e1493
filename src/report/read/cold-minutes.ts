/**
 * Minutes that have left the report database, grouped as its statements group rows: the same scope, filters, windows
 * and cursor, over the objects that one snapshot of the ledger names.
 *
 *   reads of minutes before the mark ─▶ rows (the statements) ⊕ objects (here)
 *
 * Keeps: whoever's rows a statement would read, and no others. A group is whole: nothing is cut off here.
 * Relies on: the ledger is read in the transaction of the statements (src/report/read/snapshot.ts), so that a row is in
 * one of the two places for all of them.
 */

import { DatabaseFault } from "../../access/database.ts";
import type { ReadScope } from "../../access/read-scope.ts";
import type { ColdRow, Wanted } from "../../cold/parquet.ts";
import { type ColdCost, ColdFault, type ColdObject, readColdMinutes } from "../../cold/reader.ts";
import { SELECT_COLD_OBJECTS } from "../../cold/sql.ts";
import { addExact, type Exact, parseExact, stringifyExact, toExact } from "../../core/exact.ts";
import { CELL_DIMENSIONS, MEASURES } from "../../core/fields.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { Sketch } from "../../core/sketch.ts";
import type { Rolled } from "../../facts/roll.ts";
import { UNIQUES_GROUPS_MAX } from "../limits.ts";
import { isPartlyCold, type Read } from "../plan/plan.ts";
import { needsCells } from "../plan/sources.ts";
import type { ReportProblem } from "../problems.ts";
import { type Dimension, isRowDimension } from "../query/fields.ts";
import { addSums, measuresOf, withHundreds } from "../query/metrics.ts";
import type { OrderTerm, ReportQuery } from "../query/query.ts";
import { windowEdges } from "../query/windows.ts";
import { type Group, groupKey, type ReadRow, type Reasons } from "./groups.ts";
import type { KeyAfter } from "./source-sql.ts";
import type { Statement } from "./statement.ts";

/** Objects that one answer may open: each costs two requests or more, of the 10 000 of an invocation. */
export const COLD_OBJECTS_MAX = 1_000;
/** Rows that one answer may decode: about 10 µs for each three columns. */
export const COLD_ROWS_MAX = 500_000;
/** Groups that are held until they are cut to a page. */
const COLD_GROUPS_MAX = 200_000;

export type ColdAsk = {
  readonly query: ReportQuery;
  readonly scope: ReadScope;
  readonly after: KeyAfter | null;
};

/** The objects of one database, and its reads of minutes that may be in them. */
export type ColdPlace = { readonly objects: readonly ColdObject[]; readonly reads: readonly Read[] };

/** Rows as a statement of sums and one of reasons would return them, users by group, and what it took. */
export type ColdReading = {
  readonly rows: readonly ReadRow[];
  readonly sketched: readonly Group[];
  readonly cost: ColdCost;
};

type Minutes = { readonly from: number; readonly to: number };

/** A mark of a bucket: of rolled hours, days, sums of days or sums of hours by what is asked, or of moved minutes. */
export type MarkRow = {
  readonly tier: Rolled | "hour_sum" | "cold";
  readonly bucket: number;
  readonly mark: number;
  readonly generation: number;
};

/** Minutes from `mark` on were never moved; `generation` is another whenever a row has changed its place. */
export type ColdMark = { readonly mark: number; readonly generation: number };

/** The mark over some buckets: minutes behind it may have been moved in one of them. */
export function coldMarkOf(rows: readonly MarkRow[], buckets: readonly number[]): ColdMark {
  const ours = rows.filter(({ tier, bucket }) => tier === "cold" && buckets.includes(bucket));
  const sum = (most: ColdMark, { mark, generation }: MarkRow) => ({
    ...{ mark: Math.max(most.mark, mark), generation: most.generation + generation },
  });
  return ours.reduce(sum, { mark: 0, generation: 0 });
}

/** The reads that objects are asked for. */
export function movedReads(reads: readonly Read[]): Read[] {
  return reads.filter(isPartlyCold);
}

/** The objects of the buckets that may hold minutes of the reads; none without reads. */
export function ledgerStatement(reads: readonly Read[], buckets: readonly number[]): Statement {
  const minutes = minutesOf(reads);
  const from = Math.min(...minutes.map((stretch) => stretch.from), 0xffffffff);
  const to = Math.max(...minutes.map((stretch) => stretch.to), 0);
  return { sql: SELECT_COLD_OBJECTS, bound: [JSON.stringify(buckets), from, to, COLD_OBJECTS_MAX + 1] };
}

function minutesOf(reads: readonly Read[]): Minutes[] {
  return reads.flatMap((read): readonly Minutes[] => (read.kind === "span" ? [read.segment] : read.pieces));
}

/**
 * The groups that the objects of all databases hold of what is asked; the limits are of them together. Throws
 * DatabaseFault when an object is not there any more.
 */
export async function readColdGroups(
  bucket: R2Bucket,
  places: readonly ColdPlace[],
  ask: ColdAsk,
): Promise<Result<ColdReading, ReportProblem>> {
  if (places.reduce((sum, { objects }) => sum + objects.length, 0) > COLD_OBJECTS_MAX) return err(tooMuch());
  const fold = new ColdFold(ask);
  const cost: ColdCost = { requests: 0, bytes: 0, rows: 0 };
  try {
    // One database after the other, so that memory holds as much as the objects of one.
    for (const { objects, reads } of places) {
      const question = { wanted: wantedOf(ask, reads), columns: fold.columns, take: (row: ColdRow) => fold.add(row) };
      const part = await readColdMinutes(bucket, objects, { ...question, rowsMax: COLD_ROWS_MAX - cost.rows });
      cost.requests += part.requests;
      cost.bytes += part.bytes;
      cost.rows += part.rows;
      if (cost.rows > COLD_ROWS_MAX || fold.groups.size > COLD_GROUPS_MAX) return err(tooMuch());
    }
    const read = fold.result();
    return read.sketched.length > 2 * UNIQUES_GROUPS_MAX ? err(tooMuch()) : ok({ ...read, cost });
  } catch (cause) {
    // A reading that met a retention run: asked again, it gets another ledger.
    if (cause instanceof ColdFault) throw new DatabaseFault(cause.message, { cause });
    throw cause;
  }
}

/** The users of each group of both, whose sketches may be merged into. */
export function uniteUsers(left: readonly Group[], right: readonly Group[]): Group[] {
  const united = new Map(left.map((group) => [groupKey(group.window, group.dimensions), group]));
  for (const group of right) {
    const key = groupKey(group.window, group.dimensions);
    const sketch = united.get(key)?.sketch;
    if (sketch === undefined || sketch === null) united.set(key, group);
    else if (group.sketch !== null) sketch.merge(group.sketch);
  }
  return [...united.values()];
}

function tooMuch(): ReportProblem {
  const detail = "Too many old minutes for one answer. Ask by hour, for fewer days, or for fewer ads.";
  return { reason: "too_many_rows", detail, field: "granularity" };
}

function wantedOf({ query, scope }: ColdAsk, reads: readonly Read[]): Wanted {
  const listed = (dimension: string) => {
    const include = query.filters.find((filter) => filter.dimension === dimension)?.include ?? [];
    return include.length === 0 ? null : include;
  };
  return {
    minutes: minutesOf(reads),
    advertiserIds: scope.advertiserId === null ? listed("advertiser_id") : [scope.advertiserId],
    campaignIds: listed("campaign_id"),
    adGroupIds: listed("ad_group_id"),
    adIds: listed("ad_id"),
  };
}

type Sum = { readonly window: number; readonly dimensions: readonly string[]; readonly counts: Exact[] } & {
  readonly reasons: Map<string, Exact>;
  sketch: Sketch | null;
};

/** Adds rows up by window and dimensions. */
class ColdFold {
  readonly groups = new Map<string, Sum>();
  readonly columns: readonly string[];
  readonly #ask: ColdAsk;
  readonly #windowOf: (minute: number) => number;
  readonly #isOfCells: boolean;
  readonly #filters: readonly { dimension: Dimension; include: Set<string>; exclude: Set<string> }[];
  readonly #wants: { readonly reasons: boolean; readonly users: boolean };

  constructor(ask: ColdAsk) {
    const { query, scope } = ask;
    this.#ask = ask;
    this.#windowOf = windowReader(query);
    this.#isOfCells = needsCells(query, scope);
    this.#filters = query.filters.map(({ dimension, include, exclude }) => ({
      ...{ dimension, include: new Set(include), exclude: new Set(exclude) },
    }));
    this.#wants = { reasons: query.metrics.includes("reasons"), users: query.metrics.includes("unique_users") };
    const named = [...query.dimensions, ...query.filters].map(({ dimension }) => dimension).filter(isRowDimension);
    this.columns = [
      ...new Set(named.map((dimension) => (dimension === "currency" ? "advertiser_id" : dimension))),
      ...(this.#isOfCells ? ["cells"] : withHundreds(measuresOf(query.metrics))),
      ...(this.#wants.reasons ? ["reasons"] : []),
      ...(this.#wants.users ? ["sketch"] : []),
    ];
  }

  add(row: ColdRow): void {
    if (this.groups.size > COLD_GROUPS_MAX) return;
    if (this.#isOfCells) {
      for (const [values, counts] of parseExact(String(row["cells"])) as Cell[]) {
        const cell = Object.fromEntries(CELL_DIMENSIONS.map((name, at) => [name, values[at] ?? ""]));
        this.#addOne({ ...row, ...cell }, counts);
      }
      return;
    }
    const sum = this.#addOne(
      row,
      MEASURES.map((measure) => toExact(row[measure] ?? 0)),
    );
    if (sum === null) return;
    if (this.#wants.reasons) {
      for (const [reason, count] of Object.entries(parseExact(String(row["reasons"])) as Reasons)) {
        sum.reasons.set(reason, addExact(sum.reasons.get(reason) ?? 0, count));
      }
    }
    if (this.#wants.users && row["sketch"] !== null) {
      sum.sketch ??= new Sketch();
      sum.sketch.mergeStored(String(row["sketch"]));
    }
  }

  #addOne(row: ColdRow, counts: readonly Exact[]): Sum | null {
    const { query, scope } = this.#ask;
    if (!scope.sees({ advertiserId: String(row["advertiser_id"]), publisherId: String(row["publisher_id"]) }))
      return null;
    for (const { dimension, include, exclude } of this.#filters) {
      const value = this.#valueOf(dimension, row);
      if ((include.size > 0 && !include.has(value)) || exclude.has(value)) return null;
    }
    const window = this.#windowOf(Number(row["minute"]));
    const dimensions = query.dimensions.map(({ dimension }) => this.#valueOf(dimension, row));
    const key = groupKey(window, dimensions);
    let sum = this.groups.get(key);
    if (sum === undefined) {
      sum = { window, dimensions, counts: MEASURES.map(() => 0), reasons: new Map(), sketch: null };
      this.groups.set(key, sum);
    }
    addSums(sum.counts, counts);
    return sum;
  }

  #valueOf(dimension: Dimension, row: ColdRow): string {
    if (dimension !== "currency") return String(row[dimension]);
    return this.#ask.query.currencies?.get(String(row["advertiser_id"])) ?? "";
  }

  /** The groups behind the cursor. Sums and reasons that are zero are not there, as in the statements. */
  result(): Pick<ColdReading, "rows" | "sketched"> {
    const { query, after } = this.#ask;
    const rows: ReadRow[] = [];
    const sketched: Group[] = [];
    // A cell has all measures, and a page is cut by the groups that have something of those that are asked.
    const asked = withHundreds(measuresOf(query.metrics)).map((measure) => MEASURES.indexOf(measure));
    for (const sum of this.groups.values()) {
      if (after !== null && !isBehind(sum, query.order, after)) continue;
      const { window, dimensions, sketch } = sum;
      const reasons = Object.fromEntries([...sum.reasons].filter(([, count]) => count !== 0));
      if (asked.some((at) => sum.counts[at] !== 0) || Object.keys(reasons).length > 0) {
        rows.push({
          time_window: window,
          ...Object.fromEntries(query.dimensions.map(({ dimension }, at) => [dimension, dimensions[at] ?? ""])),
          ...Object.fromEntries(MEASURES.map((measure, at) => [measure, sum.counts[at] ?? 0])),
          ...(this.#wants.reasons ? { reasons: stringifyExact(reasons) } : {}),
        });
      }
      if (sketch !== null) sketched.push({ window, dimensions, sums: [], reasons: {}, sketch });
    }
    return { rows, sketched };
  }
}

/** A value for each dimension, and a count for each measure, that is not younger than the cell. */
type Cell = [values: string[], counts: Exact[]];

/** The window that holds a minute of the query's range, as src/report/query/windows.ts cuts it. */
function windowReader({ granularity, range, zone }: ReportQuery): (minute: number) => number {
  if (granularity === "minute") return (minute) => minute;
  const edges = windowEdges(range, { granularity, zone });
  return (minute) => {
    let [low, high] = [0, edges.length - 1];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if ((edges[middle] ?? 0) <= minute) low = middle;
      else high = middle;
    }
    return edges[low] ?? minute;
  };
}

/** Whether a group lies behind a key in the query's order. */
function isBehind(group: Pick<Sum, "window" | "dimensions">, order: readonly OrderTerm[], after: KeyAfter): boolean {
  for (const [index, { by, isDescending }] of order.entries()) {
    const value =
      by.kind === "window" ? group.window : (group.dimensions[by.kind === "dimension" ? by.index : 0] ?? "");
    const bound = after[index] ?? "";
    if (value !== bound) return value > bound !== isDescending;
  }
  return false;
}
