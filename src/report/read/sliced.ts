/**
 * One report database at one moment, in slices: what is too dear for one statement is read by many, between which
 * others come (docs/decisions/0031).
 *
 *   each slice ─▶ rows, with the ledger's version in their transaction
 *   then       ─▶ what was posted since? ─▶ slices that it touches are read again ─▶ … until none is touched
 *
 * What is open, which is not posted yet (facts/open-sql.ts), is read with the last slice, and again with each that is.
 *
 * Keeps: in the transaction of the last statement every slice of a set is as that transaction finds it, so all figures
 * of the set are of its moment. Fresh clicks touch the slice of the last minutes alone, and what is read again ends
 * with the look that says whether it was the last; only a set whose old figures change faster than they are read does
 * not come to rest, and is asked for again by its caller.
 * Relies on: every change of facts is a posting that says what it touches (src/facts/touched.ts). Moves of minutes have
 * their own marks: where rows have changed their place, all is read again.
 */
import { DatabaseFault, fromDatabase } from "../../access/database.ts";
import type { SliceTurns } from "../../access/slice-line.ts";
import type { ColdObject } from "../../cold/reader.ts";
import { SELECT_COLD_MARKS } from "../../cold/sql.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { SELECT_TOUCHED, SELECT_VERSION, type Touch, type TouchedRow, touchesSince } from "../../facts/touched.ts";
import { SLICED_ROWS_MAX } from "../limits.ts";
import { isTouched, type Plot, type Slice } from "../plan/plots.ts";
import type { ReportProblem } from "../problems.ts";
import { type ColdMark, coldMarkOf, ledgerStatement, type MarkRow, movedReads } from "./cold-minutes.ts";
import { type Cutting, cutShares, type SliceSet, selectionOf } from "./cutting.ts";
import type { ReadRow } from "./groups.ts";
import { readStatements } from "./segments-sql.ts";
import type { PartRead, Snapshot } from "./snapshot.ts";
import type { Statement } from "./statement.ts";

type Ask = Omit<Cutting, "turn"> & {
  readonly turns: SliceTurns;
  readonly buckets: readonly number[];
  readonly since: ColdMark;
};

/** D1 counts about so many rows for a weight of 1: once from the table, once out of the sorter. */
const ROWS_OF_WEIGHT = 2;
/** Slices that are read again, for each that is read: more than this, and figures change under the reading. */
const AGAIN_MAX = 2;
const AGAIN_LEAST = 50;

/** All shares in slices; "moved" where minutes were moved meanwhile. Throws DatabaseFault. */
export async function readSliced(ask: Ask): Promise<Result<Snapshot | "moved", ReportProblem>> {
  const sets = await cutShares({ ...ask, turn: ask.turns.next });
  if (!sets.ok) return sets;
  const weight = sets.value.flat().reduce((sum, slice) => sum + slice.weight, 0);
  const refusal = await ask.turns.claim(Math.ceil(weight * ROWS_OF_WEIGHT));
  if (refusal !== null) return err(refusal);
  return new SlicedReading(ask, sets.value).read();
}

/** A slice with what was last read of it. */
type Read = { readonly slice: Slice; version: number; rows: readonly (readonly ReadRow[])[][] };

class Moved extends Error {}
class TooManyRows extends Error {}

class SlicedReading {
  readonly #ask: Ask;
  readonly #sets: readonly Read[][];
  /** The objects of each share, from the transaction of the first slice. */
  #objects: readonly (readonly ColdObject[])[] | null = null;
  #cold: ColdMark | null = null;
  /** The version that the last statement found, and what was posted since the first one did. */
  #version: number | null = null;
  readonly #touches: Touch[] = [];
  /** Of what was posted before this version, not all is known. */
  #knownFrom = 0;
  #rowsRead = 0;
  #rows = 0;

  constructor(ask: Ask, sets: readonly SliceSet[]) {
    this.#ask = ask;
    this.#sets = sets.map((set) => set.map((slice) => ({ slice, version: -1, rows: [] })));
  }

  async read(): Promise<Result<Snapshot | "moved", ReportProblem>> {
    try {
      for (const set of this.#sets) await this.#settle(set);
      return ok(await this.#snapshot());
    } catch (cause) {
      if (cause instanceof Moved) return ok("moved");
      if (!(cause instanceof TooManyRows)) throw cause;
      const detail = `More than ${SLICED_ROWS_MAX} rows in all; ask for fewer days, or by fewer dimensions.`;
      return err({ reason: "too_many_rows", detail });
    }
  }

  /** Reads a set until nothing of it has changed since it was read. */
  async #settle(set: readonly Read[]): Promise<void> {
    // What is open is part of every reading that may be the last: no posting says when it changes.
    const open = set.filter(({ slice }) => slice.isOpen);
    const posted = set.filter(({ slice }) => !slice.isOpen);
    for (const one of posted) await this.#readSome(one === posted.at(-1) ? [one, ...open] : [one]);
    let left = set.length * AGAIN_MAX + AGAIN_LEAST;
    for (;;) {
      const stale = posted.filter((one) => this.#isStale(one));
      if (stale.length === 0) return;
      for (const some of this.#packed(stale)) {
        if (left-- <= 0) throw new DatabaseFault("facts changed under every reading");
        await this.#readSome([...some, ...open]);
      }
    }
  }

  /** Whether a slice may be of another moment than the last statement. */
  #isStale({ slice, version }: Read): boolean {
    if (version === this.#version) return false;
    // A version that went back is that of a database that was restored.
    if (version < this.#knownFrom || version > (this.#version ?? 0)) return true;
    return this.#touches.some((touch) => touch[0] > version && slice.plots.some((plot) => isTouched(plot, touch)));
  }

  #packed(stale: readonly Read[]): Read[][] {
    const bySlice = new Map(stale.map((read) => [read.slice, read]));
    const packs: Read[][] = [];
    let weight = Number.POSITIVE_INFINITY;
    for (const [slice, read] of bySlice) {
      if (weight + slice.weight > this.#ask.weightMax) {
        packs.push([]);
        weight = 0;
      }
      packs.at(-1)?.push(read);
      weight += slice.weight;
    }
    return packs;
  }

  /** Reads slices in one transaction, which also says what was posted since the one before. */
  async #readSome(reads: readonly Read[]): Promise<void> {
    const { database, shares, buckets, since, turns } = this.#ask;
    const statements = reads.map(({ slice }) => slice.plots.map((plot) => this.#statements(plot)));
    const ledgers =
      this.#objects === null ? shares.map(({ reads }) => ledgerStatement(movedReads(reads), buckets)) : [];
    const all: Statement[] = [
      ...statements.flat(2),
      ...ledgers,
      { sql: SELECT_COLD_MARKS, bound: [] },
      { sql: SELECT_VERSION, bound: [] },
      { sql: SELECT_TOUCHED, bound: [this.#version ?? Number.MAX_SAFE_INTEGER] },
    ];
    await turns.next();
    const answers = await fromDatabase(() =>
      database.batch<ReadRow>(all.map(({ sql, bound }) => database.prepare(sql).bind(...bound))),
    );
    this.#rowsRead += answers.reduce((sum, { meta }) => sum + meta.rows_read, 0);
    const results = answers.map((answer) => answer.results);
    let at = 0;
    const take = (count: number) => {
      at += count;
      return results.slice(at - count, at);
    };
    const rows = statements.map((plots) => plots.map(({ length }) => take(length)));
    if (this.#objects === null) this.#objects = take(shares.length) as unknown as ColdObject[][];
    const [cold = [], version = [], touched = []] = take(3);
    this.#checkPlace(coldMarkOf(cold as unknown as MarkRow[], buckets), since);
    this.#look(Number(version[0]?.["version"] ?? 0), touched as unknown as TouchedRow[]);
    if (reads.every((read) => read.version < 0)) this.#count(rows.flat(2));
    for (const [index, read] of reads.entries()) {
      read.rows = rows[index] ?? [];
      read.version = this.#version ?? 0;
    }
  }

  #look(version: number, touched: readonly TouchedRow[]): void {
    const before = this.#version;
    this.#version = version;
    if (before === null) return;
    const touches = touchesSince(touched, before);
    if (touches === null) this.#knownFrom = version;
    else this.#touches.push(...touches);
  }

  #count(lists: readonly (readonly ReadRow[])[]): void {
    this.#rows += lists.reduce((sum, { length }) => sum + length, 0);
    if (this.#rows > SLICED_ROWS_MAX) throw new TooManyRows();
  }

  #statements(plot: Plot): Statement[] {
    const { page } = this.#ask.shares[plot.share] ?? {};
    return page === undefined ? [] : readStatements(plot.read, { ...selectionOf(plot, this.#ask), page });
  }

  /** Rows of one reading are where they were, or it is none. */
  #checkPlace(cold: ColdMark, since: ColdMark): void {
    if (cold.mark > since.mark) throw new Moved();
    this.#cold ??= cold;
    const reads = this.#ask.shares.flatMap(({ reads }) => reads);
    if (movedReads(reads).length > 0 && cold.generation !== this.#cold.generation) throw new Moved();
  }

  async #snapshot(): Promise<Snapshot> {
    const { shares } = this.#ask;
    const reads = this.#sets.flat();
    const parts = shares.map((_, share): PartRead => {
      const ours = reads.flatMap(({ slice, rows }) =>
        slice.plots.flatMap((plot, at) => (plot.share === share ? (rows[at] ?? []) : [])),
      );
      const plots = reads.flatMap(({ slice }) => slice.plots).filter((plot) => plot.share === share);
      return {
        rows: ours,
        objects: this.#objects?.[share] ?? [],
        looks: plots.map((plot) => ({ read: plot.read, selection: selectionOf(plot, this.#ask) })),
      };
    });
    return { parts, cold: this.#cold ?? this.#ask.since, rowsRead: this.#rowsRead };
  }
}
