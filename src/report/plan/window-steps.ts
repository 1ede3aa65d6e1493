/**
 * A read in steps of windows, each four times as long as the one before, so that a page that is ordered by time and
 * split by something of many values ends the reading when it is full.
 *
 *   90 days by day and ad, first 10 000 rows:   day 1 │ 2–5 │ 6–21 │ 22–85 │ 86–90   as one statement, step after step
 *
 * Keeps: steps cover the read exactly, cut at edges of windows, in the order of the answer; they are parts of one
 * statement and so of one moment. SQLite works a compound of UNION ALL off from the left, and stops at its limit.
 */
import { MINUTE_MS } from "../../core/limits.ts";
import { isManyValued } from "../query/fields.ts";
import type { ReportQuery } from "../query/query.ts";
import { windowEdges } from "../query/windows.ts";
import { joinClauses, type Statement } from "../read/statement.ts";
import { isOpen, type Page, type Read, TIER_MS, timeOrderOf } from "./plan.ts";

const GROWTH = 4;
/** D1 takes five terms of a compound; five steps are this many times the first. */
const OF_FIRST_STEP = 1 + 4 + 16 + 64 + 256;
/** What D1 binds at most in one statement. */
const BOUND_MAX = 100;

/** The steps of a read, in the order of the answer; the read itself where steps would not end it sooner. */
export function stepsOf(read: Read, query: ReportQuery, page: Page): Read[] {
  const first = timeOrderOf(page);
  // The key of sums begins with the window: a page ends their reading by itself. What is open is unfolded whole anyway.
  if (read.source.kind === "day_sums" || isOpen(read) || read.kind !== "span" || read.phase !== null || first === null)
    return [read];
  // What so few groups have that a page holds them all is read at once: a step costs a look at every advertiser.
  if (!query.dimensions.some(({ dimension }) => isManyValued(dimension))) return [read];
  const { segment } = read;
  const tierMs = TIER_MS[segment.tier];
  const range = { fromMs: segment.from * tierMs, toMs: segment.to * tierMs };
  const edges = windowEdges(range, query).map((edge) => (edge * MINUTE_MS) / tierMs);
  const inner = edges.filter((edge) => edge > segment.from && edge < segment.to);
  const cuts = cutsOf(first.isDescending ? inner.toReversed() : inner);
  const stops = [segment.from, ...cuts.toSorted((left, right) => left - right), segment.to];
  const steps = stops.slice(1).map((to, at): Read => ({ ...read, segment: { ...segment, from: stops[at] ?? 0, to } }));
  return first.isDescending ? steps.toReversed() : steps;
}

/** Of the edges between windows, those between steps. */
function cutsOf(edges: readonly number[]): number[] {
  const cuts: number[] = [];
  let step = Math.ceil((edges.length + 1) / OF_FIRST_STEP);
  for (let windows = step; windows <= edges.length; windows += step) {
    cuts.push(edges[windows - 1] ?? 0);
    step *= GROWTH;
  }
  return cuts;
}

/** One statement of the steps' statements, up to `limit` rows; null where they bind too much. */
export function joinSteps(steps: readonly Statement[], limit: number): Statement | null {
  const sql = steps.map((step) => "SELECT * FROM (\n".concat(step.sql, "\n)")).join("\nUNION ALL\n");
  const joined = joinClauses([
    { sql, bound: steps.flatMap(({ bound }) => bound) },
    { sql: "LIMIT ?", bound: [limit] },
  ]);
  return joined.bound.length <= BOUND_MAX ? joined : null;
}
