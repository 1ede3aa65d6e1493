/**
 * An hour minute by minute, and its day: the hours to go to, and where scripts run the whole day as one curve.
 *
 *   00 01 02 … 23        each leads to its hour        [The whole day, minute by minute] → islands/minutes.ts
 *
 * Keeps: the curve is loaded when somebody opens it, and holds what the file of the same request holds. Without
 * scripts there are the hours, their charts and their tables.
 */

import { staticAddress } from "../static-files.ts";
import { addressOfQuery } from "./api-client.ts";
import { decimalsOf, labelOf, type MetricName, type Writer } from "./figures.ts";
import { hoursOf, toHour } from "./hours.ts";
import type { Meta } from "./report-answer.ts";
import { SERIES_PATH, type SeriesRead } from "./series.ts";
import { addressOf, queryOf, type View } from "./view.ts";
import type { Span } from "./windows.ts";

type Props = {
  readonly answer: SeriesRead;
  readonly view: View;
  readonly writer: Writer;
  readonly metric: MetricName;
  readonly nowMs: number;
  readonly hour: Span;
};

export function HoursOfDay({ view, writer, nowMs, hour }: Props) {
  return (
    <nav aria-label="Hours of the day">
      <ul class="tabs">
        <li>
          <a href={addressOf(view, { period: view.days })}>the whole day</a>
        </li>
        {hoursOf(view.days.from, view.zone).map((one) => (
          <li>
            <HourLink {...{ view, writer, one, isShown: one.fromMs === hour.fromMs, hasBegun: one.fromMs <= nowMs }} />
          </li>
        ))}
      </ul>
    </nav>
  );
}

type LinkProps = Pick<Props, "view" | "writer"> & {
  readonly one: Span;
  readonly isShown: boolean;
  readonly hasBegun: boolean;
};

function HourLink({ view, writer, one, isShown, hasBegun }: LinkProps) {
  const name = writer.instant(one.fromMs, { hour: "2-digit" });
  if (!hasBegun) return <span class="soft">{name}</span>;
  return (
    <a href={addressOf(view, toHour(one, view.zone))} aria-current={isShown ? "true" : undefined}>
      {name}
    </a>
  );
}

/** What the script needs that draws the day: where it is read, how it is written, and what is shaded. */
export function DayByMinute({ answer, view, writer, metric, nowMs, hour }: Props) {
  const { compare: _, ...query } = queryOf({ ...view, hour: null });
  const path = addressOfQuery(SERIES_PATH, { ...query, granularity: "minute", metrics: metric });
  return (
    <section
      class="minutes"
      data-minutes={`/export${path}`}
      data-metric={metric}
      data-label={labelOf(metric)}
      data-format={JSON.stringify(formatOf(metric, answer.answer.meta, writer))}
      data-zone={view.zone}
      data-locale={writer.locale}
      data-hour={`${hour.fromMs},${hour.toMs}`}
      data-until={String(answer.watermarkMs ?? 0)}
      data-now={String(nowMs)}
      data-hours={hoursOf(view.days.from, view.zone)
        .map(({ fromMs }) => fromMs)
        .join(",")}
      data-to={addressOf(view, { own: { at: null } })}
    >
      <p>
        <button type="button" class="quiet" data-opens={staticAddress("minutes.js")} hidden>
          The whole day, minute by minute
        </button>
      </p>
    </section>
  );
}

/** How a value is written, as `Intl.NumberFormat` takes it, and by what the file's value is divided for that. */
function formatOf(metric: MetricName, { currency = null }: Meta, writer: Writer) {
  return { ...decimalsOf(metric, currency), locale: writer.locale };
}
