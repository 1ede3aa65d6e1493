/**
 * Quality: what of the gross clicks was counted, and why the others were not.
 *
 *   gross = valid + duplicate + invalid + late     one bar; a chart of each; reasons with what they mean; by publisher
 *
 * Keeps: three requests of reports, the chart's first. Reasons are kept by ad, not by publisher, country or device:
 * where the API cannot split them, its sentence stands in their place and the rest is shown.
 */
import type { Dimension } from "../report/query/fields.ts";
import { Controls } from "./controls.tsx";
import type { MetricName, Writer } from "./figures.ts";
import { FiguresAndChart, lookOf, TableBelow } from "./look.tsx";
import { ReasonsFigure } from "./reasons-figure.tsx";
import { figureIn } from "./report-answer.ts";
import type { ScreenAsked } from "./screens.ts";
import { readSeries, type SeriesRead } from "./series.ts";
import { sendPage } from "./shell.tsx";
import { SplitBar } from "./split-bar.tsx";

const PARTS: readonly MetricName[] = ["clicks", "duplicate_clicks", "invalid_clicks", "late_clicks"];
const METRICS: readonly MetricName[] = ["invalid_clicks", "duplicate_clicks", "late_clicks", "clicks", "gross_clicks"];
const TABLE = "gross_clicks,clicks,duplicate_clicks,invalid_clicks,givt_clicks,late_clicks";
const SHARES = { of: "gross_clicks", label: "of gross", columns: ["invalid_clicks", "givt_clicks"] } as const;

export function drawQuality(screen: ScreenAsked): Response {
  const { viewer, api } = screen;
  const isPublisher = viewer.kind === "publisher";
  const look = lookOf(screen, { metrics: METRICS });
  const series = readSeries(api, look.view, look);
  const above = (answer: SeriesRead) => <GrossSplit {...{ answer, isPublisher, writer: look.writer }} />;
  const by: Dimension = isPublisher ? "placement_id" : "publisher_id";
  const table = TableBelow({ api, look, by, metrics: TABLE, order: "-gross_clicks", parts: SHARES });
  return sendPage({
    ...{ title: "Quality", path: "/quality", viewer },
    sections: [
      <h1 class="for-ears">Quality</h1>,
      Controls({ ...look, viewer, api }),
      FiguresAndChart({ series, look, above }),
      isPublisher ? (
        <p class="soft">
          Reasons are kept for each ad and not for each publisher. What is a machine by the lists of the trade is in the
          table, as general invalid clicks; <a href="/clicks">the story of a single click</a> says its reason.
        </p>
      ) : (
        ReasonsFigure({ api, ...look, of: "clicks" })
      ),
      <h2>{isPublisher ? "By placement" : "By publisher"}</h2>,
      table,
    ],
  });
}

function GrossSplit({ answer, writer, isPublisher }: { answer: SeriesRead; writer: Writer; isPublisher: boolean }) {
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
