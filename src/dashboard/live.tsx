/**
 * Live: the last sixty minutes, minute by minute, and the newest reasons. Drawn here as the API says it now; where
 * scripts run, live.ts goes on from server-sent events.
 *
 *   GET /live    the page        POST /live    a ticket for the stream, to a script of this page
 *
 * Keeps: one request of reports. A stream takes a ticket and a ticket a key, which a browser does not have: this hands
 * the session's on. The operator's key gets none (an address would show all tenants); its page loads itself again.
 */

import { MINUTE_MS } from "../core/limits.ts";
import { isoSecond } from "../core/time.ts";
import { addressOfQuery } from "./api-client.ts";
import { AsCurl } from "./behind.tsx";
import { ReasonList, reasonEntries } from "./explore-table.tsx";
import { labelOf, type MetricName, Writer } from "./figures.ts";
import {
  isOpenMinute,
  LIVE_FIGURES,
  LIVE_HEIGHT,
  LIVE_LINES,
  LIVE_MINUTES,
  type LiveFigure,
  type LiveMinute,
  liveColumns,
  sumOf,
} from "./live-window.ts";
import type { Counted, SeriesAnswer } from "./report-answer.ts";
import { figureIn } from "./report-answer.ts";
import type { Act, ScreenAsked } from "./screens.ts";
import { SERIES_PATH } from "./series.ts";
import { sendPage } from "./shell.tsx";
import { ReportTrouble } from "./trouble.tsx";
import { viewOf } from "./view.ts";

const METRICS: Readonly<Record<LiveFigure, MetricName>> = {
  ...{ clicks: "clicks", grossClicks: "gross_clicks" },
  ...{ impressions: "impressions", conversions: "conversions" },
};
const REASON_MINUTES = 12;
const TICK_EVERY = 10;

export function drawLive({ asked, viewer, api }: ScreenAsked): Response {
  const { nowMs, request } = asked;
  const view = viewOf(new URL(request.url), { profileZone: viewer.zone, nowMs });
  const writer = new Writer(viewer.locale, view.zone);
  const toMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
  // Reasons are not kept by publisher.
  const reasons = viewer.kind === "publisher" ? [] : ["reasons"];
  const query = {
    ...{ from: isoSecond(toMs - LIVE_MINUTES * MINUTE_MS), to: isoSecond(toMs), granularity: "minute" },
    metrics: [...Object.values(METRICS), ...reasons].join(","),
    totals: "true",
  };
  const shown = api.get<SeriesAnswer>(SERIES_PATH, query).then((answer) => {
    if (!answer.ok) return <ReportTrouble problem={answer.error} view={view} />;
    const points = answer.value.series[0]?.points ?? [];
    const minutes = points.map(toMinute);
    return (
      <section
        data-live={viewer.kind === "operator" ? "again" : "stream"}
        data-locale={viewer.locale}
        data-zone={view.zone}
        data-token={viewer.formToken}
        aria-label="The last sixty minutes"
      >
        <p class="live-state">
          <span class="live-point" aria-hidden="true" />
          <span role="status" data-live-state>
            As of {writer.instant(nowMs, { hour: "2-digit", minute: "2-digit", second: "2-digit" })}, in {view.zone}.
          </span>{" "}
          <a href="/live">Load again</a>
        </p>
        <Figures minutes={minutes} writer={writer} />
        {minutes.some(({ grossClicks, impressions }) => grossClicks + impressions > 0) ? null : (
          <p class="nothing">
            Nothing happened in this hour. A click is here within seconds: <a href="/try">try a link</a>.
          </p>
        )}
        <LiveChart minutes={minutes} writer={writer} nowMs={nowMs} />
        <Minutes minutes={minutes} writer={writer} />
        {reasons.length === 0 ? null : <NewestReasons points={points} writer={writer} />}
        <AsCurl path={addressOfQuery(SERIES_PATH, query)} />
      </section>
    );
  });
  return sendPage({
    ...{ title: "Live", path: "/live", viewer, scripts: ["live.js"] },
    sections: [<h1>The last 60 minutes</h1>, shown],
  });
}

/** A ticket for the stream of the session's key. */
export const handTicket: Act = async ({ api }) => {
  const made = await api.send<{ url: string }>("POST", "/v1/live/tickets", {});
  if (!made.ok)
    return Response.json(made.error, { status: made.error.status, headers: { "Cache-Control": "no-store" } });
  const { pathname } = new URL(made.value.url, "https://own.invalid");
  return Response.json({ path: `${pathname}?minutes=${LIVE_MINUTES}` }, { headers: { "Cache-Control": "no-store" } });
};

function toMinute(point: Counted): LiveMinute {
  const numbers = LIVE_FIGURES.map((name) => [name, Number(figureIn(point, METRICS[name]) ?? 0)]);
  return { minute: String(point["minute"]), ...(Object.fromEntries(numbers) as Record<LiveFigure, number>) };
}

type Props = { readonly minutes: readonly LiveMinute[]; readonly writer: Writer };

function Figures({ minutes, writer }: Props) {
  const now = minutes.at(-1);
  return (
    <section class="figures of-four" aria-label="Figures">
      {LIVE_FIGURES.map((name) => (
        <article class="figure">
          <h2>{labelOf(METRICS[name])}</h2>
          <p class="amount" data-live-sum={name}>
            {writer.count(sumOf(minutes, name))}
          </p>
          <p class="change">
            this minute <b data-live-now={name}>{writer.count(now?.[name] ?? 0)}</b>
          </p>
        </article>
      ))}
    </section>
  );
}

function LiveChart({ minutes, writer, nowMs }: Props & { nowMs: number }) {
  const { top, gross, valid } = liveColumns(minutes);
  const share = 100 / LIVE_MINUTES;
  return (
    <figure class="chart-figure">
      <figcaption>
        <h2>Clicks by minute</h2>
        <p class="soft">Valid clicks filled, gross clicks outlined; the newest minutes are still open.</p>
      </figcaption>
      <svg class="chart" width="100%" height={LIVE_HEIGHT} aria-hidden="true" focusable="false">
        <g class="grid">
          <line x1="0" x2="100%" y1={LIVE_LINES.top} y2={LIVE_LINES.top} />
          <text x="0" y={LIVE_LINES.top - 4} data-live-top>
            {writer.short(top)}
          </text>
        </g>
        {minutes.map(({ minute }, at) => (
          <g data-live-minute>
            <rect class="gross" {...rectOf(at * share, share, gross[at])} />
            <rect
              class={`fill ${isOpenMinute(minute, nowMs) ? "open" : "live"}`}
              {...rectOf(at * share, share, valid[at])}
            />
            <rect
              class="slot"
              x={`${at * share}%`}
              width={`${share}%`}
              y={LIVE_LINES.top}
              height={LIVE_LINES.zero - LIVE_LINES.top}
            >
              <title>{titleOf(minutes[at], writer)}</title>
            </rect>
          </g>
        ))}
        <g class="zero">
          <line x1="0" x2="100%" y1={LIVE_LINES.zero} y2={LIVE_LINES.zero} />
        </g>
        <g class="ticks">
          {minutes.map(({ minute }, at) =>
            at % TICK_EVERY === 0 ? (
              <text
                class={at % (2 * TICK_EVERY) === 0 ? undefined : "wide-only"}
                {...{ x: `${at * share}%`, y: LIVE_LINES.ticks, "data-live-tick": String(at) }}
              >
                {timeOf(minute, writer)}
              </text>
            ) : null,
          )}
        </g>
      </svg>
    </figure>
  );
}

function rectOf(x: number, share: number, column: { y: number; tall: number } | undefined) {
  return { x: `${x + share * 0.08}%`, width: `${share * 0.84}%`, y: column?.y ?? 0, height: column?.tall ?? 0 };
}

function titleOf(minute: LiveMinute | undefined, writer: Writer): string {
  if (minute === undefined) return "";
  return `${timeOf(minute.minute, writer)}: ${writer.count(minute.clicks)} of ${writer.count(minute.grossClicks)}`;
}

function timeOf(minute: string, writer: Writer): string {
  return writer.instant(Date.parse(minute), { hour: "2-digit", minute: "2-digit" });
}

/** The minutes as a table, the newest first. */
function Minutes({ minutes, writer }: Props) {
  return (
    <details class="behind">
      <summary data-key="t">The same as a table</summary>
      <section class="scroll" tabindex={0} aria-label="The minutes as a table">
        <table>
          <thead>
            <tr>
              <th scope="col">minute</th>
              {LIVE_FIGURES.map((name) => (
                <th scope="col" class="number">
                  {labelOf(METRICS[name])}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {minutes.toReversed().map((minute) => (
              <tr data-live-row>
                <th scope="row">{timeOf(minute.minute, writer)}</th>
                {LIVE_FIGURES.map((name) => (
                  <td class="number">{writer.count(minute[name])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}

/** What was not plainly counted in the newest minutes that have such. */
function NewestReasons({ points, writer }: { points: readonly Counted[]; writer: Writer }) {
  const newest = points
    .filter((point) => reasonEntries(point["reasons"]).length > 0)
    .toReversed()
    .slice(0, REASON_MINUTES);
  return (
    <section id="live-reasons" aria-label="Newest reasons">
      <h2>Newest reasons</h2>
      {newest.length === 0 ? (
        <p class="nothing">In this hour nothing had a reason.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">minute</th>
              <th scope="col">reasons and their counts</th>
            </tr>
          </thead>
          <tbody>
            {newest.map((point) => (
              <tr>
                <th scope="row">{timeOf(String(point["minute"]), writer)}</th>
                <td>
                  <ReasonList counts={point["reasons"]} writer={writer} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
