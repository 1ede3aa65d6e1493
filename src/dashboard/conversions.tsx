/**
 * Conversions: by the time of their click, where the cost is, and by their own; what they are worth and what they cost;
 * why some were not credited; how to send them.
 *
 * Keeps: three requests of reports, the chart's first. Money of several currencies is never added up.
 */
import { Controls } from "./controls.tsx";
import type { MetricName } from "./figures.ts";
import { FiguresAndChart, lookOf, TableBelow } from "./look.tsx";
import { ReasonsFigure } from "./reasons-figure.tsx";
import { figureIn } from "./report-answer.ts";
import type { ScreenAsked } from "./screens.ts";
import { readSeries } from "./series.ts";
import { sendPage } from "./shell.tsx";

const METRICS: readonly MetricName[] = [
  ...(["conversions", "conversions_by_time", "conversion_value_micros"] as const),
  ...(["conversion_value_by_time_micros", "cvr", "cpa_micros", "roas"] as const),
];
const TABLE =
  "conversions,conversion_value_micros,cvr,cpa_micros,roas,conversions_by_time,conversion_value_by_time_micros";

export function drawConversions(screen: ScreenAsked): Response {
  const { asked, viewer, api } = screen;
  const look = lookOf(screen, { metrics: METRICS });
  const series = readSeries(api, look.view, look);
  const by = viewer.kind === "operator" ? "advertiser_id,campaign_id" : "campaign_id";
  const table = TableBelow({ api, look, by, metrics: TABLE, order: "-conversions" });
  const isNone = async () => {
    const answer = await series;
    return answer.ok && !METRICS.some((name) => Number(figureIn(answer.value.answer.meta.totals, name) ?? 0) !== 0);
  };
  return sendPage({
    ...{ title: "Conversions", path: "/conversions", viewer },
    sections: [
      <h1 class="for-ears">Conversions</h1>,
      Controls({ ...look, viewer, api }),
      FiguresAndChart({ series, look }),
      <h2>By campaign</h2>,
      table,
      ReasonsFigure({ api, ...look, of: "conversions" }),
      isNone().then((isOpen) => <HowToSend isOpen={isOpen} origin={new URL(asked.request.url).origin} />),
    ],
  });
}

/** The recipe of docs/CONVERSIONS.md, with the address of this system. */
function HowToSend({ isOpen, origin }: { isOpen: boolean; origin: string }) {
  const send = [
    `export KEY=clk_… CLICK_ID=2~…`,
    `curl -sS -H "Authorization: Bearer $KEY" '${origin}/v1/conversions' -d '{"conversions":[`,
    `  {"click_id":"'"$CLICK_ID"'","order_id":"A-1001","value_micros":49900000}]}'`,
  ].join("\n");
  return (
    <details class="behind" open={isOpen}>
      <summary>How to send conversions</summary>
      <div class="teach">
        <ol>
          <li>
            <b>Keep the click id.</b> The landing page is called with <code>click_id=2~…</code>: store it with the
            visitor’s order, unchanged, for as long as your attribution window.
          </li>
          <li>
            <b>Take a key with the scope convert</b> that belongs to your account; the operator makes it.
          </li>
          <li>
            <b>Send the order,</b> as often as you like: the same order is counted once. 49.90 in your currency is{" "}
            <code>49900000</code> micros.
            <pre>
              <code>{send}</code>
            </pre>
          </li>
          <li>
            <b>See it here</b> some five seconds later, in the hour of its click; and by its own time, where your shop’s
            books have it.
          </li>
        </ol>
        <p class="soft">
          Fields, corrections, returns and postbacks without a key: <a href="/docs">reference</a>.
        </p>
      </div>
    </details>
  );
}
