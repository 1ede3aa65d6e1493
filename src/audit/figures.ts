/**
 * Figures: facts with their users as stored sketches, as an audit adds them up from folds and from report databases,
 * and what one has that another lacks.
 *
 * Keeps: adding is the fold of core/facts.ts; a difference is what has to be added to the one to get the other. Users
 * are a union and are never taken away, so only users that are missing are a difference.
 */
import type { MinuteRow } from "../cold/parquet.ts";
import { parseJson } from "../core/base64url.ts";
import { toExact } from "../core/exact.ts";
import { cellDimensionsOf, cellKeyOfStored, type Facts, type FactsRow, factsKeyOf, totalsOf } from "../core/facts.ts";
import { addCounts, isZero, zeroCounts } from "../core/measures.ts";
import { Sketch } from "../core/sketch.ts";

type RowIds = Omit<FactsRow, "cells" | "reasons" | "users">;
export type FigureRow = RowIds & {
  readonly cells: Map<string, number[]>;
  readonly reasons: Map<string, number>;
  /** Stored sketches, one behind the other. */
  sketch: string;
};

/** What is to be added to one row to make it another. */
export type Lack = { readonly row: FigureRow; readonly lacksUsers: boolean };

export class Figures {
  readonly rows = new Map<string, FigureRow>();

  /** Adds a row as it is stored, in windows `size` times as long. */
  addStored({ advertiserId, campaignId, adGroupId, adId, minute, cells, reasons, sketch }: MinuteRow, size = 1): void {
    const row = this.#rowOf({ advertiserId, campaignId, adGroupId, adId, window: Math.floor(minute / size) });
    for (const [dimensions, counts] of parseJson(cells) as [string[], number[]][]) {
      addCell(row, cellKeyOfStored(dimensions), counts);
    }
    for (const [reason, count] of Object.entries(parseJson(reasons) as Record<string, number>)) {
      addReason(row, reason, count);
    }
    row.sketch += sketch ?? "";
  }

  addFacts(facts: Facts): void {
    for (const from of facts.values()) {
      const { cells, reasons, users, ...ids } = from;
      const row = this.#rowOf(ids);
      for (const [key, counts] of cells) addCell(row, key, counts);
      for (const [reason, count] of reasons) addReason(row, reason, count);
      if (users.size > 0) row.sketch += Sketch.of(users).encode();
    }
  }

  add(row: FigureRow, size = 1): void {
    const { advertiserId, campaignId, adGroupId, adId, window } = row;
    const own = this.#rowOf({ advertiserId, campaignId, adGroupId, adId, window: Math.floor(window / size) });
    for (const [key, counts] of row.cells) addCell(own, key, counts);
    for (const [reason, count] of row.reasons) addReason(own, reason, count);
    own.sketch += row.sketch;
  }

  widened(size: number): Figures {
    const wide = new Figures();
    for (const row of this.rows.values()) wide.add(row, size);
    return wide;
  }

  /** What has to be added to these to make them `truth`, row by row. */
  lacks(truth: Figures): Lack[] {
    const keys = new Set([...this.rows.keys(), ...truth.rows.keys()]);
    return Array.from(keys).flatMap((key) => {
      const lack = lackOf(truth.rows.get(key), this.rows.get(key));
      return lack === null ? [] : [lack];
    });
  }

  #rowOf(ids: RowIds): FigureRow {
    const key = factsKeyOf(ids);
    const known = this.rows.get(key);
    if (known !== undefined) return known;
    const row: FigureRow = { ...ids, cells: new Map(), reasons: new Map(), sketch: "" };
    this.rows.set(key, row);
    return row;
  }
}

function addCell(row: FigureRow, key: string, counts: readonly number[], sign = 1): void {
  const sum = row.cells.get(key) ?? zeroCounts();
  addCounts(sum, sign === 1 ? counts : counts.map((count) => -count));
  row.cells.set(key, sum);
}

function addReason(row: FigureRow, reason: string, count: number): void {
  row.reasons.set(reason, (row.reasons.get(reason) ?? 0) + count);
}

function lackOf(truth: FigureRow | undefined, have: FigureRow | undefined): Lack | null {
  const ids = truth ?? have;
  if (ids === undefined) return null;
  const { advertiserId, window, campaignId, adGroupId, adId } = ids;
  const row: FigureRow = {
    ...{ advertiserId, window, campaignId, adGroupId, adId },
    ...{ cells: new Map(), reasons: new Map(), sketch: "" },
  };
  for (const [key, counts] of truth?.cells ?? []) addCell(row, key, counts);
  for (const [key, counts] of have?.cells ?? []) addCell(row, key, counts, -1);
  for (const [reason, count] of truth?.reasons ?? []) addReason(row, reason, count);
  for (const [reason, count] of have?.reasons ?? []) addReason(row, reason, -count);
  for (const [key, counts] of row.cells) if (isZero(counts)) row.cells.delete(key);
  for (const [reason, count] of row.reasons) if (count === 0) row.reasons.delete(reason);
  const [theirs, ours] = [truth?.sketch ?? "", have?.sketch ?? ""];
  const lacksUsers = theirs !== ours && Sketch.decode(theirs + ours).encode() !== Sketch.decode(ours).encode();
  if (lacksUsers) row.sketch = Sketch.decode(theirs).encode();
  return row.cells.size > 0 || row.reasons.size > 0 || lacksUsers ? { row, lacksUsers } : null;
}

/** The row as it is stored, whole. */
export function toStored(row: FigureRow): MinuteRow {
  const { advertiserId, campaignId, adGroupId, adId, window: minute, cells, reasons, sketch } = row;
  const users = sketch === "" ? null : Sketch.decode(sketch).encode();
  return {
    ...{ advertiserId, campaignId, adGroupId, adId, minute, part: 0, sketch: users },
    counts: totalsOf(row).map(toExact),
    reasons: JSON.stringify(Object.fromEntries(reasons)),
    cells: JSON.stringify(Array.from(cells, ([key, counts]) => [cellDimensionsOf(key), counts])),
  };
}
