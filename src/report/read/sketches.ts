/**
 * Sketches of unique users as a report reads them: step by step, some megabytes each, one database after the other,
 * united by group as they come.
 *
 *   step 0: parts [0, 8)      step 1: parts [8, 16)      …      until a step does not reach its last part
 *
 * Keeps: at most one step is held as text, and a query reads so many characters of sketches and no more. Parts are cut
 * between sketches, so any step decodes by itself. A user that two steps show counts once, in whichever databases they
 * are.
 */

import { fromDatabase } from "../../access/database.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { Sketch } from "../../core/sketch.ts";
import { SKETCH_CHARS_MAX, SKETCH_PARTS_PER_READ, UNIQUES_GROUPS_MAX } from "../limits.ts";
import { isOpen, type Read } from "../plan/plan.ts";
import type { ReportProblem } from "../problems.ts";
import { type Group, groupKey, keyOfRow, type ReadRow } from "./groups.ts";
import { type SketchReader, sketchStatement } from "./segments-sql.ts";
import type { Selection } from "./source-sql.ts";

/** Groups with nothing but their users. */
export type Sketched = { readonly groups: readonly Group[]; readonly rowsRead: number };

/** One read of sketches, and what it selects: of a report in slices, the part of one. */
export type SketchLook = { readonly read: Read; readonly selection: Selection };

/** A database, and what is waited for before each statement. */
export type SketchPlace = { readonly database: D1Database; readonly turn: () => Promise<void> };
type SketchSource = SketchPlace & { readonly looks: readonly SketchLook[] };

/** The users of each group of all that is looked at, one database after the other. Throws DatabaseFault. */
export async function readSketches(
  places: readonly SketchSource[],
  { query, upTo }: Pick<SketchReader, "query" | "upTo">,
): Promise<Result<Sketched, ReportProblem>> {
  const groups = new Map<string, Group & { sketch: Sketch }>();
  let rowsRead = 0;
  let chars = 0;
  for (const { database, read, selection, turn } of places.flatMap(looksOfPlace)) {
    for (let from = 0, hasMore = true; hasMore; from += SKETCH_PARTS_PER_READ) {
      const { sql, bound } = sketchStatement(read, { ...selection, upTo }, [from, from + SKETCH_PARTS_PER_READ]);
      await turn();
      const step = await fromDatabase(() =>
        database
          .prepare(sql)
          .bind(...bound)
          .all<ReadRow>(),
      );
      rowsRead += step.meta.rows_read;
      chars += step.results.reduce((sum, row) => sum + String(row["sketches"]).length, 0);
      if (chars > SKETCH_CHARS_MAX) return err(tooMuch("Too many clicks by users to be united at once."));
      unite(groups, step.results, { query });
      hasMore = step.results.some((row) => row["sketch_part"] === from + SKETCH_PARTS_PER_READ - 1);
      if (groups.size > UNIQUES_GROUPS_MAX * 2)
        return err(tooMuch(`More than ${UNIQUES_GROUPS_MAX} groups have users.`));
    }
  }
  return ok({ groups: [...groups.values()], rowsRead });
}

/** What is open is looked at first: what is posted meanwhile is seen with the facts. */
function looksOfPlace({ looks, ...place }: SketchSource) {
  const inOrder = [...looks.filter(({ read }) => isOpen(read)), ...looks.filter(({ read }) => !isOpen(read))];
  return inOrder.map((look) => ({ ...place, ...look }));
}

/** Adds a step to the groups, in place. */
function unite(
  groups: Map<string, Group & { sketch: Sketch }>,
  rows: readonly ReadRow[],
  { query }: Pick<SketchReader, "query">,
): void {
  for (const row of rows) {
    const text = String(row["sketches"]);
    const { window, dimensions } = keyOfRow(row, query);
    const key = groupKey(window, dimensions);
    const group = groups.get(key);
    if (group !== undefined) group.sketch.mergeStored(text);
    else groups.set(key, { window, dimensions, sums: [], reasons: {}, sketch: Sketch.decode(text) });
  }
}

function tooMuch(detail: string): ReportProblem {
  return {
    reason: "too_many_rows",
    detail: detail.concat(" Ask unique_users for fewer days, ads or windows."),
    field: "metrics",
  };
}
