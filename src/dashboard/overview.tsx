/**
 * The overview: five figures, one chart, three cards of breakdowns. Four requests of reports, the chart's first.
 */
import { raw } from "hono/html";
import { BreakdownCard, cardsOf } from "./breakdown.tsx";
import { ChartFigure } from "./chart-figure.tsx";
import { Controls } from "./controls.tsx";
import { FigureStrip } from "./figure-strip.tsx";
import { Writer } from "./figures.ts";
import type { ScreenAsked } from "./screens.ts";
import { metricsOf, readSeries } from "./series.ts";
import { sendPage } from "./shell.tsx";
import { ReportTrouble } from "./trouble.tsx";
import { viewOf } from "./view.ts";

export function drawOverview({ asked, viewer, api }: ScreenAsked): Response {
  const { nowMs, request } = asked;
  const view = viewOf(new URL(request.url), { profileZone: viewer.zone, nowMs });
  const writer = new Writer(viewer.locale, view.zone);
  const metric = metricsOf(viewer).find((name) => name === view.own["metric"]) ?? "clicks";
  const series = readSeries(api, view, { metrics: metricsOf(viewer), nowMs });
  const cards = cardsOf(viewer).map((tabs, at) => BreakdownCard({ api, view, writer, viewer, metric, tabs, at }));
  const shown = series.then((answer) =>
    answer.ok ? (
      <>
        <FigureStrip {...{ answer: answer.value, view, writer, viewer, metric }} />
        <ChartFigure {...{ answer: answer.value, view, writer, metric, nowMs }} />
      </>
    ) : (
      <ReportTrouble problem={answer.error} view={view} />
    ),
  );
  return sendPage({
    title: "Overview",
    path: "/",
    viewer,
    sections: [
      <h1 class="for-ears">Overview</h1>,
      view.own["welcome"] === undefined ? null : <Welcome viewer={viewer} />,
      <Controls {...{ view, writer, nowMs }} />,
      shown,
      raw('<div class="cards">'),
      ...cards,
      raw("</div>"),
    ],
  });
}

/** Said once, where a local run has signed somebody in. */
function Welcome({ viewer }: Pick<ScreenAsked, "viewer">) {
  return (
    <p class="note" role="status">
      This local run has signed you in: {viewer.name}, {viewer.kind} of the demonstration.{" "}
      <a href="/demo/sign-in">Look as somebody else</a> · <a href="/demo">Click on some ads</a>
    </p>
  );
}
