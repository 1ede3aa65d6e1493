/**
 * The chart of a screen with all that belongs to it: title, how far it is counted, legend, table, the request behind
 * it.
 *
 * Keeps: chart, table and "as curl" are one answer. A figure that is not complete says so beside itself.
 */
import { AsCurl } from "./behind.tsx";
import { dayIn } from "./calendar.ts";
import { type Chart, ChartPicture, type ChartPoint, LINES_MAX } from "./chart.tsx";
import { definitionOf, isSum, labelOf, type MetricName, type Writer } from "./figures.ts";
import { toHour } from "./hours.ts";
import { DayByMinute, HoursOfDay } from "./minute-explorer.tsx";
import { type Counted, figureIn, type Meta, previousOf, textOf } from "./report-answer.ts";
import { Said } from "./said.tsx";
import type { Granularity, SeriesRead } from "./series.ts";
import { addressOf, type Comparison, type View } from "./view.ts";
import { finality, isWhole, placeOf, STATE_MEANINGS, type WindowState } from "./windows.ts";

type Props = {
  readonly answer: SeriesRead;
  readonly view: View;
  readonly writer: Writer;
  readonly metric: MetricName;
  readonly nowMs: number;
};

/** What a window is called on the axis, and in a row. */
export const TICKS: Readonly<Record<Granularity, Intl.DateTimeFormatOptions>> = {
  minute: { hour: "2-digit", minute: "2-digit" },
  hour: { hour: "2-digit", minute: "2-digit" },
  day: { day: "numeric", month: "short" },
  week: { day: "numeric", month: "short" },
  month: { month: "short", year: "numeric" },
};
export const NAMES: Readonly<Record<Granularity, Intl.DateTimeFormatOptions>> = {
  minute: { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  hour: { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  day: { weekday: "short", day: "numeric", month: "short", year: "numeric" },
  week: { day: "numeric", month: "short", year: "numeric" },
  month: { month: "long", year: "numeric" },
};

export function ChartFigure(props: Props) {
  const { answer, metric, view } = props;
  const { series, meta } = answer.answer;
  const points = toPoints(props);
  const several = series.length > 1;
  const lines = several ? toLines(props) : [];
  const isEmpty = points.every(({ value }) => value === null || value === 0) && !several;
  const short = (value: number) => shortOf(metric, value, props.writer);
  const chart: Chart = {
    points,
    isSum: isSum(metric),
    ...(several ? { lines } : {}),
    watermark: placeOf(answer.watermarkMs, answer.spans),
    watermarkLabel: "counted up to here",
    short,
  };
  return (
    <figure class="chart-figure" id="chart">
      <figcaption>
        <h2>
          {labelOf(metric)} by {answer.granularity}
        </h2>
        <p class="soft">{definitionOf(metric).counts}</p>
        <Freshness {...props} />
      </figcaption>
      {view.hour === null ? null : <HoursOfDay {...props} hour={view.hour} />}
      {isEmpty ? <NothingCounted view={view} /> : null}
      <div class="plot" data-chart>
        <ChartPicture {...chart} />
      </div>
      <Legend
        states={answer.states}
        beside={view.isCompared && !several ? view.comparison : null}
        isBanded={points.some((p) => p.band > 0)}
      />
      {view.hour === null || several ? null : <DayByMinute {...props} hour={view.hour} />}
      <Warnings meta={meta} />
      <details class="behind">
        <summary data-key="t">The same as a table</summary>
        <SeriesTable {...props} />
      </details>
      <AsCurl path={answer.path} />
    </figure>
  );
}

/** The ways on where a period has nothing. */
function NothingCounted({ view }: Pick<Props, "view">) {
  return (
    <p class="nothing">
      Nothing was counted in this period.{" "}
      {view.filters.length === 0 ? null : (
        <>
          <a href={addressOf(view, { filters: [] })}>Without filters</a> ·{" "}
        </>
      )}
      <a href={addressOf(view, { period: "12mo" })}>The last 12 months</a>
    </p>
  );
}

function toPoints({ answer, metric, view, writer }: Props): ChartPoint[] {
  const { series, meta } = answer.answer;
  const points = series[0]?.points ?? [];
  const error = metric === "unique_users" ? (meta.uniqueUsers?.standardError ?? 0) : 0;
  return points.map((point, at) => {
    const span = answer.spans[at] ?? { fromMs: 0, toMs: 0 };
    const state = answer.states[at] ?? "open";
    const value = figureIn(point, metric);
    const before = previousOf(point);
    const shown = writer.value(metric, value, meta.currency ?? null);
    return {
      tick: writer.instant(span.fromMs, TICKS[answer.granularity]),
      title: `${nameOf(span.fromMs, answer.granularity, writer)}: ${shown}`,
      value: value === null ? null : Number(value),
      before: before === null ? null : Number(figureIn(before, metric) ?? 0),
      band: 2 * error,
      state,
      href: drillOf(span, answer.granularity, view, writer),
    };
  });
}

function nameOf(ms: number, granularity: Granularity, writer: Writer): string {
  return `${granularity === "week" ? "Week of " : ""}${writer.instant(ms, NAMES[granularity])}`;
}

/** The finer look that a click on a window gives: its days as a period of their own, an hour as minutes of its day. */
function drillOf(
  { fromMs, toMs }: { fromMs: number; toMs: number },
  granularity: Granularity,
  view: View,
  writer: Writer,
): string | null {
  if (granularity === "minute") return null;
  if (granularity === "hour") return addressOf(view, toHour({ fromMs, toMs }, writer.zone));
  return addressOf(view, { period: { from: dayIn(writer.zone, fromMs), to: dayIn(writer.zone, toMs - 1) } });
}

function toLines({ answer, metric }: Props) {
  return answer.answer.series.slice(0, LINES_MAX).map((one) => ({
    name: Object.entries(one)
      .filter(([name, value]) => name !== "points" && typeof value === "string")
      .map(([, value]) => (value === "" ? "not set" : String(value)))
      .join(" · "),
    values: one.points.map((point, at) => (isWhole(answer.states[at]) ? toNumber(figureIn(point, metric)) : null)),
  }));
}

function toNumber(value: number | bigint | null): number | null {
  return value === null ? null : Number(value);
}

function shortOf(metric: MetricName, value: number, writer: Writer): string {
  const { unit } = definitionOf(metric);
  if (unit === "micros") return writer.short(value / 1_000_000);
  return unit === "ratio" && metric !== "roas" ? writer.percent(value) : writer.short(value);
}

function Freshness({ answer, writer }: Props) {
  const { meta } = answer.answer;
  const until = meta.watermark === null ? null : writer.moment(Date.parse(meta.watermark));
  return (
    <p class={meta.complete ? "fresh" : "fresh incomplete"}>
      {until === null ? "It is not known how far this is counted." : `Every event up to ${until} is counted.`}
      {meta.complete ? " " : answer.states.includes("open") ? " The period is still filling. " : " Not complete yet. "}
      {finality(answer.states)}
    </p>
  );
}

export function Warnings({ meta }: { meta: Meta }) {
  return meta.warnings.length === 0 ? null : (
    <ul class="warnings">
      {meta.warnings.map(({ detail }) => (
        <li>
          <Said text={detail} />
        </li>
      ))}
    </ul>
  );
}

type LegendProps = { states: readonly WindowState[]; beside: Comparison | null; isBanded: boolean };

function Legend({ states, beside, isBanded }: LegendProps) {
  const shown = (Object.keys(STATE_MEANINGS) as (keyof typeof STATE_MEANINGS)[]).filter((state) =>
    states.includes(state),
  );
  return (
    <ul class="legend" aria-label="How to read the chart">
      {shown.map((state) => (
        <li>
          <svg class="key" width="14" height="14" aria-hidden="true" focusable="false">
            <rect
              class={`fill ${state}`}
              fill={state === "provisional" ? "url(#hatch)" : undefined}
              x="1"
              y="1"
              width="12"
              height="12"
            />
          </svg>
          <b>{state}</b>: {STATE_MEANINGS[state]}
        </li>
      ))}
      {beside !== null ? (
        <li>
          <svg class="key" width="14" height="14" aria-hidden="true" focusable="false">
            <g class="before">
              <line x1="0" x2="14" y1="7" y2="7" />
            </g>
          </svg>
          {beside === "previous_year" ? "the same dates a year before" : "the period before"}
        </li>
      ) : null}
      {isBanded ? <li>the band is twice the standard error of an estimate</li> : null}
    </ul>
  );
}

function SeriesTable(props: Props) {
  const { answer, metric, writer, view } = props;
  const { series, meta } = answer.answer;
  const several = series.length > 1;
  const points = series[0]?.points ?? [];
  const currencyOf = (one: Counted) =>
    textOf(one, "currency") === "" ? (meta.currency ?? null) : textOf(one, "currency");
  return (
    <section class="scroll" tabindex={0} aria-label="The chart as a table">
      <table>
        <thead>
          <tr>
            <th scope="col">{answer.granularity}</th>
            {several ? (
              toLines(props).map(({ name }) => (
                <th scope="col" class="number">
                  {name}
                </th>
              ))
            ) : (
              <th scope="col" class="number">
                {labelOf(metric)}
              </th>
            )}
            {view.isCompared && !several ? (
              <th scope="col" class="number">
                before
              </th>
            ) : null}
            <th scope="col">state</th>
          </tr>
        </thead>
        <tbody>
          {points.map((point, at) => {
            const state = answer.states[at] ?? "open";
            const fromMs = answer.spans[at]?.fromMs ?? 0;
            const href =
              state === "future"
                ? null
                : drillOf(answer.spans[at] ?? { fromMs, toMs: fromMs }, answer.granularity, view, writer);
            const name = nameOf(fromMs, answer.granularity, writer);
            return (
              <tr>
                <th scope="row">{href === null ? name : <a href={href}>{name}</a>}</th>
                {(several ? series.slice(0, LINES_MAX) : series.slice(0, 1)).map((one) => (
                  <td class="number">
                    {state === "future" ? "" : writer.value(metric, figureIn(one.points[at], metric), currencyOf(one))}
                  </td>
                ))}
                {view.isCompared && !several ? (
                  <td class="number">
                    {writer.value(metric, figureIn(previousOf(point), metric), meta.currency ?? null)}
                  </td>
                ) : null}
                <td>{state === "future" ? "not begun" : state}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
