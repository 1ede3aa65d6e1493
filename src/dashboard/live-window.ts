/**
 * The last sixty minutes as columns: the same arithmetic for the page as it is first drawn and for the script that goes
 * on.
 *
 *   gross clicks as an outline from zero, valid clicks filled in it; the newest minute at the right, still open
 *
 * Keeps: pure, and knows no page: the script of the live page has it whole.
 */
import { scaleOf } from "./scale.ts";

export const LIVE_MINUTES = 60;
export const LIVE_HEIGHT = 240;
/** The figures of a minute, by the names that reports and live events have for them. */
export const LIVE_FIGURES = ["clicks", "grossClicks", "impressions", "conversions"] as const;
export type LiveFigure = (typeof LIVE_FIGURES)[number];
export type LiveMinute = { readonly minute: string } & Readonly<Record<LiveFigure, number>>;

const TOP = 18;
const FOOT = 26;
const PLOT = LIVE_HEIGHT - TOP - FOOT;
/** A minute may still get clicks for as long as the pipeline usually takes, and a little more. */
const OPEN_FOR_MS = 15_000;

export type LiveColumn = { readonly y: number; readonly tall: number };

/** Columns of minutes and the value of the highest line. */
export function liveColumns(minutes: readonly LiveMinute[]): {
  top: number;
  gross: readonly LiveColumn[];
  valid: readonly LiveColumn[];
} {
  const { top } = scaleOf(Math.max(0, ...minutes.map(({ grossClicks }) => grossClicks)));
  const columnOf = (value: number) => {
    const tall = Math.round((PLOT * value * 100) / top) / 100;
    return { y: Math.round((TOP + PLOT - tall) * 100) / 100, tall };
  };
  return {
    top,
    gross: minutes.map(({ grossClicks }) => columnOf(grossClicks)),
    valid: minutes.map(({ clicks }) => columnOf(clicks)),
  };
}

/** Where the lines of zero and of the top lie. */
export const LIVE_LINES = { top: TOP, zero: TOP + PLOT, ticks: LIVE_HEIGHT - 8 } as const;

export function isOpenMinute(minute: string, asOfMs: number): boolean {
  return Date.parse(minute) + 60_000 > asOfMs - OPEN_FOR_MS;
}

export function sumOf(minutes: readonly LiveMinute[], figure: LiveFigure): number {
  return minutes.reduce((sum, minute) => sum + minute[figure], 0);
}
