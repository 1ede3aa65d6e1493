/**
 * The whole history, as planned: made once for all objects of an isolate that ask for the same one.
 *
 *   clicks (clicks.ts) ─▶ orders (orders.ts)        impressions (impressions.ts)
 */
import { DAY_MS } from "../../core/limits.ts";
import { clicksOfDay, type PlannedClick } from "./clicks.ts";
import { type PlannedUpload, uploadsOfDay } from "./impressions.ts";
import { orderOf, type PlannedOrder } from "./orders.ts";

/** How far the history reaches back, in whole UTC days before the one in which it ends. */
export type HistorySpan = { readonly endMs: number; readonly days: number };

/** By receipt. */
export function plannedClicks(span: HistorySpan): readonly PlannedClick[] {
  return planOf(span).clicks;
}

export function plannedOrders(span: HistorySpan): readonly PlannedOrder[] {
  return planOf(span).orders;
}

export function plannedUploads(span: HistorySpan): readonly PlannedUpload[] {
  return daysOf(span).flatMap((day) => uploadsOfDay(day, span.endMs));
}

type Plan = { readonly clicks: readonly PlannedClick[]; readonly orders: readonly PlannedOrder[] };

let made: { readonly name: string; readonly plan: Plan } | null = null;

function planOf(span: HistorySpan): Plan {
  const name = `${span.endMs}/${span.days}`;
  if (made?.name !== name) made = { name, plan: makePlan(span) };
  return made.plan;
}

function makePlan(span: HistorySpan): Plan {
  const clicks = daysOf(span)
    .flatMap((day) => clicksOfDay(day, span.endMs))
    .sort((left, right) => left.receivedAtMs - right.receivedAtMs);
  const orders = clicks.flatMap((click) => {
    const order = orderOf(click, span.endMs);
    return order === null ? [] : [order];
  });
  return { clicks, orders };
}

/** Oldest first; the last may not be over. */
function daysOf({ endMs, days }: HistorySpan): number[] {
  const last = Math.floor(endMs / DAY_MS);
  return Array.from({ length: days + 1 }, (_, index) => last - days + index);
}
