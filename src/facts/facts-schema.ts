/**
 * Where facts stand, and how a packed cell is read, from the catalogue (core/fields.ts). The tables themselves are
 * written into migrations by `npm run schema`.
 *
 *   facts_minute, facts_hour, facts_day    one row for each ad and window, its breakdown packed into `cells`
 *   facts_open                             a view: minutes that are shown and not posted yet (src/facts/open-sql.ts)
 *   cells_minute, cells_hour, cells_day,   the same rows unfolded, a row for each cell, so that reports are plain SQL
 *   cells_open
 *   day_sums                               days summed over advertisers (src/facts/day-sums-sql.ts)
 *
 * Keeps: a cell that is older than a dimension or a measure reads as '' or 0 in it, and so does a row that is older
 * than a column.
 */
import { CELL_DIMENSIONS, DIMENSION_FIELDS, DIMENSIONS, type Dimension, MEASURES } from "../core/fields.ts";

export type Tier = "minute" | "hour" | "day";
/** Where rows stand: those of a tier, or minutes that are not posted yet. */
export type Place = Tier | "open";

/** A cell's members as columns, from `cell.value`: as text, or, what is faster to take apart, as JSONB (jsonb_each). */
export const CELL_COLUMNS = [
  ...CELL_DIMENSIONS.map((name, at) => `coalesce(cell.value ->> '$[0][${at}]', '') AS ${name}`),
  ...MEASURES.map((name, at) => `coalesce(cell.value ->> '$[1][${at}]', 0) AS ${name}`),
].join(",\n  ");

/** Each place: its table, its view of cells and its column of time, which counts windows since 1970. */
export const PLACES: Readonly<Record<Place, { readonly table: string; readonly view: string; readonly time: Tier }>> = {
  minute: { table: "facts_minute", view: "cells_minute", time: "minute" },
  hour: { table: "facts_hour", view: "cells_hour", time: "hour" },
  day: { table: "facts_day", view: "cells_day", time: "day" },
  open: { table: "facts_open", view: "cells_open", time: "minute" },
};

/** The dimensions by which everybody's traffic, or one publisher's, is summed; '' is by nothing. */
export function summedBy(traffic: "all" | "publisher"): readonly string[] {
  const summed = DIMENSIONS.filter((name) => (DIMENSION_FIELDS[name].sums as readonly string[]).includes(traffic));
  return ["", ...summed];
}

/** Between the two values of a pair; no value of a pair's dimensions holds it. */
export const PAIR_SEPARATOR = "|";

/** Pairs of dimensions of few values, by which everybody's traffic is summed as well. */
export function pairsSummed(): readonly (readonly [Dimension, Dimension])[] {
  const few = summedBy("all").filter(
    (name): name is Dimension => name !== "" && !DIMENSION_FIELDS[name as Dimension].isMany,
  );
  return few.flatMap((first, at) => few.slice(at + 1).map((second) => [first, second] as const));
}
