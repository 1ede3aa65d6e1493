/**
 * Reasons: how often each stands in a period, what it means, and how that went over time.
 *
 * Keeps: one request. What a reason means is the methodology's sentence. At most five have a line, the most frequent;
 * the table behind has all.
 */
import { reasonDefinitions } from "../well-known/definitions.ts";
import type { ApiClient } from "./api-client.ts";
import { AsCurl } from "./behind.tsx";
import { ChartPicture, LINES_MAX } from "./chart.tsx";
import { NAMES, TICKS } from "./chart-figure.tsx";
import { reasonEntries } from "./explore-table.tsx";
import type { Writer } from "./figures.ts";
import { figureIn, type SeriesAnswer } from "./report-answer.ts";
import { readSeries, type SeriesRead } from "./series.ts";
import { ReportTrouble } from "./trouble.tsx";
import type { View } from "./view.ts";
import { isWhole } from "./windows.ts";

type Of = "clicks" | "conversions";
type Props = {
  readonly api: ApiClient;
  readonly view: View;
  readonly writer: Writer;
  readonly nowMs: number;
  readonly of: Of;
};

const CONVERSION = "conversion.";
const IMPRESSION = "impression.";

export async function ReasonsFigure({ api, view, writer, nowMs, of }: Props) {
  const metrics = of === "clicks" ? (["reasons", "gross_clicks"] as const) : (["reasons"] as const);
  const plain = { ...view, isCompared: false };
  const read = await readSeries(api, plain, { metrics, nowMs });
  if (!read.ok) {
    return <ReportTrouble problem={read.error} view={view} title="Reasons cannot be shown here" />;
  }
  const { answer } = read.value;
  const entries = reasonEntries(answer.meta.totals?.["reasons"]).filter(([reason]) => isOf(of, reason));
  const gross = of === "clicks" ? Number(figureIn(answer.meta.totals, "gross_clicks") ?? 0) : 0;
  return (
    <section aria-label="Reasons">
      <h2>Reasons</h2>
      {entries.length === 0 ? (
        <p class="nothing">Nothing in this period has a reason: what came was plainly counted.</p>
      ) : (
        <>
          <ReasonLines {...{ read: read.value, entries, writer }} />
          <ReasonTable {...{ entries, gross, writer }} />
          <OverTime {...{ read: read.value, entries, writer }} />
          <AsCurl path={read.value.path} />
        </>
      )}
    </section>
  );
}

function isOf(of: Of, reason: string): boolean {
  return of === "conversions"
    ? reason.startsWith(CONVERSION)
    : !reason.startsWith(CONVERSION) && !reason.startsWith(IMPRESSION);
}

type Shown = { readonly read: SeriesRead; readonly entries: readonly [string, number][]; readonly writer: Writer };

function ReasonLines({ read, entries, writer }: Shown) {
  const points = pointsOf(read.answer);
  const shown = entries.slice(0, LINES_MAX);
  const lines = shown.map(([reason]) => ({
    name: shortName(reason),
    values: points.map((point, at) => (isWhole(read.states[at]) ? countOf(point["reasons"], reason) : null)),
  }));
  return (
    <div class="plot" data-chart>
      <ChartPicture
        points={points.map((point, at) => ({
          tick: writer.instant(read.spans[at]?.fromMs ?? 0, TICKS[read.granularity]),
          title: `${nameAt(read, at, writer)}: ${titleOf(shown, point["reasons"], writer)}`,
          ...{ value: null, before: null, band: 0, href: null, state: read.states[at] ?? "open" },
        }))}
        {...{ lines, isSum: true, watermark: null, watermarkLabel: "", short: (value) => writer.short(value) }}
      />
    </div>
  );
}

function titleOf(shown: readonly [string, number][], counts: unknown, writer: Writer): string {
  return shown.map(([reason]) => `${shortName(reason)} ${writer.count(countOf(counts, reason))}`).join(", ");
}

function ReasonTable({ entries, gross, writer }: Omit<Shown, "read"> & { gross: number }) {
  const meanings = new Map(reasonDefinitions().map(({ name, means }) => [name, means]));
  return (
    <section class="scroll" tabindex={0} aria-label="Reasons, with what they mean">
      <table class="wide">
        <thead>
          <tr>
            <th scope="col">Reason</th>
            <th scope="col">What it means</th>
            <th scope="col" class="number">
              Count
            </th>
            {gross > 0 ? (
              <th scope="col" class="number">
                of gross
              </th>
            ) : null}
          </tr>
        </thead>
        <tbody>
          {entries.map(([reason, count]) => (
            <tr>
              <th scope="row">
                <code>{reason}</code>
              </th>
              <td class="meaning">{meanings.get(reason) ?? "Of rules that are no more."}</td>
              <td class="number">{writer.count(count)}</td>
              {gross > 0 ? <td class="number soft">{writer.percent(count / gross)}</td> : null}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** All reasons by window, behind the lines. */
function OverTime({ read, entries, writer }: Shown) {
  return (
    <details class="behind">
      <summary>The same by {read.granularity}, as a table</summary>
      <section class="scroll" tabindex={0} aria-label={`Reasons by ${read.granularity}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">{read.granularity}</th>
              {entries.map(([reason]) => (
                <th scope="col" class="number">
                  {reason}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {pointsOf(read.answer).map((point, at) =>
              read.states[at] === "future" ? null : (
                <tr>
                  <th scope="row">{nameAt(read, at, writer)}</th>
                  {entries.map(([reason]) => (
                    <td class="number">{writer.count(countOf(point["reasons"], reason))}</td>
                  ))}
                </tr>
              ),
            )}
          </tbody>
        </table>
      </section>
    </details>
  );
}

function pointsOf({ series }: SeriesAnswer) {
  return series[0]?.points ?? [];
}

function nameAt(read: SeriesRead, at: number, writer: Writer): string {
  return writer.instant(read.spans[at]?.fromMs ?? 0, NAMES[read.granularity]);
}

function countOf(counts: unknown, reason: string): number {
  return typeof counts === "object" && counts !== null ? Number((counts as Record<string, unknown>)[reason] ?? 0) : 0;
}

function shortName(reason: string): string {
  return reason.replace(CONVERSION, "").replaceAll("_", " ");
}
