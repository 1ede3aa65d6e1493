/**
 * The overview: five figures, one chart, three cards of breakdowns. Four requests of reports, the chart's first.
 */
import { cardsOf } from "./breakdown.tsx";
import { Controls } from "./controls.tsx";
import { FirstClick, isNothingYet } from "./first-click.tsx";
import { cardSections, FiguresAndChart, lookOf } from "./look.tsx";
import type { ScreenAsked } from "./screens.ts";
import { readSeries } from "./series.ts";
import { sendPage } from "./shell.tsx";

export function drawOverview(screen: ScreenAsked): Response {
  const { viewer, api } = screen;
  const look = lookOf(screen);
  const series = readSeries(api, look.view, look);
  return sendPage({
    ...{ title: "Overview", path: "/", viewer },
    sections: [
      <h1 class="for-ears">Overview</h1>,
      look.view.own["welcome"] === undefined ? null : <Welcome viewer={viewer} />,
      Controls({ ...look, viewer, api }),
      FiguresAndChart({ series, look }),
      series.then((answer) => (answer.ok && isNothingYet(look, answer.value) ? FirstClick(screen) : null)),
      viewer.kind === "publisher" ? null : (
        <p class="more">
          <a href="/changes">What changed since you last looked</a>
        </p>
      ),
      ...cardSections(api, look, cardsOf(viewer)),
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
