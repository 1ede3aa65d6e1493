/**
 * Quality: what of the gross clicks was counted, and why the others were not.
 *
 *   gross = valid + duplicate + invalid + late     one bar; a chart of each; reasons with what they mean; by publisher
 *
 * Keeps: three requests of reports, the chart's first. Reasons are kept by ad, not by publisher, country or device:
 * where the API cannot split them, its sentence stands in their place and the rest is shown.
 */
import type { Dimension } from "../report/query/fields.ts";
import { TABLE_PATH } from "./breakdown.tsx";
import { ChartFigure } from "./chart-figure.tsx";
import { Controls } from "./controls.tsx";
import { choiceOf, tableQueryOf } from "./explore-choice.ts";
import { ExploreTable } from "./explore-table.tsx";
import { FigureStrip } from "./figure-strip.tsx";
import { type MetricName, Writer } from "./figures.ts";
import { ReasonsFigure } from "./reasons-figure.tsx";
import { figureIn, type TableAnswer } from "./report-answer.ts";
import type { ScreenAsked } from "./screens.ts";
import { readSeries, type SeriesRead } from "./series.ts";
import { sendPage } from "./shell.tsx";
import { SplitBar } from "./split-bar.tsx";
import { ReportTrouble } from "./trouble.tsx";
import { addressOf, viewOf } from "./view.ts";

const PARTS: readonly MetricName[] = ["clicks", "duplicate_clicks", "invalid_clicks", "late_clicks"];
const METRICS: readonly MetricName[] = ["invalid_clicks", "duplicate_clicks", "late_clicks", "clicks", "gross_clicks"];
const TABLE = "gross_clicks,clicks,duplicate_clicks,invalid_clicks,givt_clicks,late_clicks";
const SHARES = { of: "gross_clicks", label: "of gross", columns: ["invalid_clicks", "givt_clicks"] } as const;

export function drawQuality({ asked, viewer, api }: ScreenAsked): Response {
  const { nowMs, request } = asked;
  const view = viewOf(new URL(request.url), { profileZone: viewer.zone, nowMs });
  const writer = new Writer(viewer.locale, view.zone);
  const metric = METRICS.find((name) => name === view.own["metric"]) ?? "invalid_clicks";
  const by: Dimension = viewer.kind === "publisher" ? "placement_id" : "publisher_id";
  const choice = choiceOf({ ...view.own, group_by: by, metrics: TABLE, order: view.own["order"] ?? "-gross_clicks" });
  const page = choice.cursor === null ? {} : { cursor: choice.cursor };
  const series = readSeries(api, view, { metrics: METRICS, nowMs });
  const table = api.get<TableAnswer>(TABLE_PATH, {
    ...tableQueryOf({ ...view, isCompared: false }, choice),
    limit: "25",
    ...page,
  });
  return sendPage({
    ...{ title: "Quality", path: "/quality", viewer },
    sections: [
      <h1 class="for-ears">Quality</h1>,
      <Controls {...{ view, writer, nowMs }} />,
      series.then((answer) =>
        answer.ok ? (
          <>
            <Parts answer={answer.value} writer={writer} isPublisher={viewer.kind === "publisher"} />
            <FigureStrip {...{ answer: answer.value, view, writer, viewer, metric, metrics: METRICS }} />
            <ChartFigure {...{ answer: answer.value, view, writer, metric, nowMs }} />
          </>
        ) : (
          <ReportTrouble problem={answer.error} view={view} />
        ),
      ),
      viewer.kind === "publisher" ? (
        <p class="soft">
          Reasons are kept for each ad and not for each publisher. What is a machine by the lists of the trade is in the
          table, as general invalid clicks; <a href="/clicks">the story of a single click</a> says its reason.
        </p>
      ) : (
        ReasonsFigure({ api, view, writer, nowMs, of: "clicks" })
      ),
      <h2>{viewer.kind === "publisher" ? "By placement" : "By publisher"}</h2>,
      table.then((answer) =>
        answer.ok ? (
          <ExploreTable {...{ answer: answer.value, view, writer, choice, parts: SHARES }} />
        ) : (
          <ReportTrouble problem={answer.error} view={view} />
        ),
      ),
      <p class="more">
        <a
          href={addressOf(view, { path: "/explore", own: { group_by: by, metrics: TABLE, metric: null, order: null } })}
        >
          Choose rows and columns
        </a>
      </p>,
    ],
  });
}

function Parts({ answer, writer, isPublisher }: { answer: SeriesRead; writer: Writer; isPublisher: boolean }) {
  const { totals } = answer.answer.meta;
  const gross = figureIn(totals, "gross_clicks");
  return (
    <section aria-label="What became of the gross clicks">
      <h2>
        {writer.count(gross)} gross {Number(gross) === 1 ? "click" : "clicks"}
      </h2>
      <p class="soft">
        Every request on a signed link. {isPublisher ? "Paid for are" : "Billed are"} the valid ones; each of the rest
        has a reason.
      </p>
      <SplitBar
        writer={writer}
        total={gross}
        parts={PARTS.map((metric) => ({ metric, value: figureIn(totals, metric) }))}
      />
    </section>
  );
}
