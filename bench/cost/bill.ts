/**
 * Counters → a bill: each line is a number of units, a price, and their product.
 *
 *   units of a million clicks × dollars of a million units = dollars of a million clicks
 *
 * Keeps: pure functions of counters and prices; nothing here knows how a row came to be written.
 */

import {
  ASSUMED_MS,
  OBJECT_GB,
  OPERATIONS_OF_MESSAGE,
  PRICED_UNITS,
  PRICES,
  type PricedUnit,
  QUEUE_METADATA_BYTES,
  QUEUE_OPERATION_BYTES,
} from "../../src/core/prices.ts";
import { type Counters, minus, plus, times, zeroCounters } from "./counters.ts";

/** What one load was, and what was counted of it. */
export type Measured = {
  readonly clicksPerSecond: number;
  /** While clicks came and until all was carried; its `clicks` are those that came. */
  readonly carried: Counters;
  /** What cron counts in a minute with nothing to do, which every later phase is counted without. */
  readonly idleMinute: Counters;
  /** Once for the hour of those clicks, and once for their day: whatever their number, since rows are summed. */
  readonly hourly: Counters;
  readonly daily: Counters;
  /** When minutes leave the report database; its `clicks` are all whose minutes left. */
  readonly moved: Counters;
  /** Of each click, by the edge and by all that follows. */
  readonly cpuMicros: { readonly edge: number; readonly carried: number };
};

export type Line = { readonly unit: PricedUnit; readonly units: number; readonly dollars: number };
/** Units and dollars are of a million clicks. */
export type Bill = {
  readonly lines: readonly Line[];
  readonly dollars: number;
  /** Rows written a click, in objects and in D1, alarms included, without the later moves. */
  readonly rows: { readonly objects: number; readonly d1: number };
  /** Dollars of what happens when minutes leave; part of `dollars`. */
  readonly moves: number;
};

const MILLION = 1_000_000;
const HOUR_S = 3_600;
const DAY_S = 86_400;
const MONTH_MINUTES = 30 * 1_440;
const MB = 1_000_000;

/** Operations of one message: written, read and deleted, each by 64 KB begun. */
export function queueOperations(bodyBytes: number): number {
  return OPERATIONS_OF_MESSAGE * Math.max(1, Math.ceil((bodyBytes + QUEUE_METADATA_BYTES) / QUEUE_OPERATION_BYTES));
}

/** Units that are billed for counters; those of requests hold the clicks themselves. */
export function unitsOf(counters: Readonly<Counters>, cpuMicrosPerClick = 0): Record<PricedUnit, number> {
  const { objectCalls, alarmsRun, objectD1Calls, objectR2Calls, objectHeldMs } = counters;
  const runs = objectCalls + alarmsRun;
  const waitedMs = objectD1Calls * ASSUMED_MS.d1 + objectR2Calls * ASSUMED_MS.r2;
  const activeMs = runs * ASSUMED_MS.call + waitedMs + objectHeldMs;
  return {
    requests: counters.clicks + counters.consumerRuns + counters.cronRuns,
    cpuMs: (counters.clicks * cpuMicrosPerClick) / 1_000,
    queueOperations: counters.queueOperations,
    objectRequests: runs,
    objectGbS: (activeMs / 1_000) * OBJECT_GB,
    objectRowsWritten: counters.objectRowsWritten + counters.alarmsSet,
    objectRowsRead: counters.objectRowsRead,
    d1RowsWritten: counters.d1RowsWritten,
    d1RowsRead: counters.d1RowsRead,
    classA: counters.classA,
    classB: counters.classB,
    points: counters.points,
    logMb: counters.logBytes / MB,
  };
}

/** The lines of units that were counted. */
export function linesOf(units: Readonly<Record<PricedUnit, number>>): Line[] {
  return PRICED_UNITS.map((unit) => ({
    unit,
    units: units[unit],
    dollars: (units[unit] * PRICES[unit].perMillion) / MILLION,
  }));
}

/** Their sum, without what is only announced. */
export function sumOf(lines: readonly Line[]): number {
  return lines.reduce((sum, { unit, dollars }) => sum + ("isAnnounced" in PRICES[unit] ? 0 : dollars), 0);
}

/** Counters of a million clicks at this rate: what is once an hour or a day is shared by as many as come in one. */
export function ofMillion(measured: Measured): { readonly arriving: Counters; readonly moving: Counters } {
  const { clicksPerSecond, carried, hourly, daily, moved } = measured;
  const arriving = [
    times(carried, MILLION / carried.clicks),
    times({ ...hourly, clicks: 0 }, MILLION / (clicksPerSecond * HOUR_S)),
    times({ ...daily, clicks: 0 }, MILLION / (clicksPerSecond * DAY_S)),
  ].reduce((sum, counters) => plus(sum, counters));
  // Rows move one by one; objects are written once a bucket and day.
  const perDay = MILLION / (clicksPerSecond * DAY_S);
  const perClick = moved.clicks === 0 ? 0 : MILLION / moved.clicks;
  const moving = { ...times(moved, perDay), clicks: 0 };
  for (const name of ["d1RowsWritten", "d1RowsRead", "objectRowsWritten", "objectRowsRead"] as const) {
    moving[name] = moved[name] * perClick;
  }
  return { arriving, moving };
}

export function billOf(measured: Measured): Bill {
  const { arriving, moving } = ofMillion(measured);
  const { edge, carried } = measured.cpuMicros;
  const lines = linesOf(unitsOf(plus(arriving, moving), edge + carried));
  const written = unitsOf(arriving);
  return {
    lines,
    dollars: sumOf(lines),
    rows: { objects: written.objectRowsWritten / MILLION, d1: written.d1RowsWritten / MILLION },
    moves: sumOf(linesOf(unitsOf(moving))),
  };
}

/** Counters of a phase that took some runs of cron, without what those cost with nothing to do. */
export function withoutIdle(phase: Readonly<Counters>, idleMinute: Readonly<Counters>): Counters {
  return { ...minus(phase, times(idleMinute, phase.cronRuns)), clicks: phase.clicks };
}

/** Dollars of 30 days in which nothing is clicked. */
export function idleMonth(idleMinute: Readonly<Counters>): number {
  return sumOf(linesOf(unitsOf(times({ ...idleMinute, clicks: 0 }, MONTH_MINUTES))));
}

/** Nothing counted. */
export const NOTHING: Counters = zeroCounters();
