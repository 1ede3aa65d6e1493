/**
 * What screens over reports have in common: the view of an address and how its reader writes, the figures with their
 * chart, the cards, and a table with the way to choose another.
 *
 * Keeps: what is asked for here is asked at once, so a screen calls these in the order in which its requests matter.
 */
import { raw } from "hono/html";
import type { Child } from "hono/jsx";
import type { Result } from "../core/result.ts";
import type { ProblemJson } from "../problem.ts";
import type { Dimension } from "../report/query/fields.ts";
import type { ApiClient } from "./api-client.ts";
import { BreakdownCard, TABLE_PATH } from "./breakdown.tsx";
import { ChartFigure } from "./chart-figure.tsx";
import { choiceOf, tableQueryOf } from "./explore-choice.ts";
import { ExploreTable, type Parts } from "./explore-table.tsx";
import { FigureStrip } from "./figure-strip.tsx";
import { type MetricName, Writer } from "./figures.ts";
import type { TableAnswer } from "./report-answer.ts";
import type { ScreenAsked } from "./screens.ts";
import { metricsOf, type SeriesRead } from "./series.ts";
import type { Section } from "./shell.tsx";
import { ReportTrouble } from "./trouble.tsx";
import { addressOf, type View, viewOf } from "./view.ts";

export type Look = {
  readonly view: View;
  readonly writer: Writer;
  readonly nowMs: number;
  /** What stands on top, and the one of it that is charted. */
  readonly metrics: readonly MetricName[];
  readonly metric: MetricName;
};

/** What an address asks a screen to show; `about` is the dimension of which the screen shows one value. */
export function lookOf(
  { asked, viewer }: ScreenAsked,
  { metrics = metricsOf(viewer), about = null }: { metrics?: readonly MetricName[]; about?: Dimension | null } = {},
): Look {
  const { nowMs, request } = asked;
  const view = viewOf(new URL(request.url), { profileZone: viewer.zone, nowMs, about });
  const metric = metrics.find((name) => name === view.own["metric"]) ?? metrics[0] ?? "clicks";
  return { view, writer: new Writer(viewer.locale, view.zone), nowMs, metrics, metric };
}

type FiguresProps = {
  readonly series: Promise<Result<SeriesRead, ProblemJson>>;
  readonly look: Look;
  /** What stands above them, of the same answer. */
  readonly above?: (answer: SeriesRead) => Child;
};

export async function FiguresAndChart({ series, look, above }: FiguresProps) {
  const answer = await series;
  if (!answer.ok) return <ReportTrouble problem={answer.error} view={look.view} />;
  return (
    <>
      {above?.(answer.value)}
      <FigureStrip answer={answer.value} {...look} />
      <ChartFigure answer={answer.value} {...look} />
    </>
  );
}

/** A card for each list of tabs. */
export function cardSections(api: ApiClient, look: Look, cards: readonly (readonly Dimension[])[]): Section[] {
  return [
    raw('<div class="cards">'),
    ...cards.map((tabs, at) => BreakdownCard({ api, ...look, tabs, at })),
    raw("</div>"),
  ];
}

type TableProps = {
  readonly api: ApiClient;
  readonly look: Look;
  readonly by: string;
  readonly metrics: string;
  readonly order: string;
  readonly parts?: Parts;
};

const ROWS = "25";

/** A table of Explore with its own rows and columns, and the way to choose others. */
export async function TableBelow({ api, look, by, metrics, order, parts }: TableProps) {
  const { view, writer } = look;
  const choice = choiceOf({ ...view.own, group_by: by, metrics, order: view.own["order"] ?? order });
  const page = choice.cursor === null ? {} : { cursor: choice.cursor };
  const query = tableQueryOf(parts === undefined ? view : { ...view, isCompared: false }, choice);
  const answer = await api.get<TableAnswer>(TABLE_PATH, { ...query, limit: ROWS, ...page });
  const own = { group_by: by, metrics, metric: null, order: null };
  return (
    <>
      {answer.ok ? (
        <ExploreTable {...{ answer: answer.value, view, writer, choice, ...(parts === undefined ? {} : { parts }) }} />
      ) : (
        <ReportTrouble problem={answer.error} view={view} />
      )}
      <p class="more">
        <a href={addressOf(view, { path: "/explore", own })}>Choose rows and columns</a>
      </p>
    </>
  );
}
