/**
 * A card of the first rows of one dimension; its tabs choose the dimension, a row filters by its value.
 *
 * Keeps: one request a card, for the tab that is shown. Shares are of the total that the API gives, and only of what
 * can be added up. A name may be anything: it is text, isolated in its own direction.
 */

import type { Dimension } from "../report/query/fields.ts";
import { UNSET } from "../report/query/fields.ts";
import type { ApiClient } from "./api-client.ts";
import { Bar } from "./chart.tsx";
import { isSum, labelOf, type MetricName, type Writer } from "./figures.ts";
import { OpenLink } from "./open-link.tsx";
import { type Counted, figureIn, type TableAnswer, textOf } from "./report-answer.ts";
import { ReportTrouble } from "./trouble.tsx";
import { addressOf, queryOf, type View, withFilter } from "./view.ts";
import type { Viewer } from "./viewer.ts";
import { dimensionLabel, valueLabel } from "./words.ts";

const ROWS = 9;
export const TABLE_PATH = "/v1/reports/clicks";

/** Tabs of each card, for who looks. */
export function cardsOf({ kind }: Pick<Viewer, "kind">): readonly (readonly Dimension[])[] {
  const own: readonly Dimension[] = ["campaign_id", "ad_id", "ad_group_id"];
  const place: readonly Dimension[] = ["publisher_id", "placement_id"];
  const shown: readonly Dimension[] = ["country", "device", "creative_id", "ad_format"];
  if (kind === "publisher")
    return [
      ["placement_id", "ad_format"],
      ["advertiser_id", "campaign_id", "ad_id"],
      ["country", "device"],
    ];
  return kind === "operator" ? [["advertiser_id", ...own], place, shown] : [own, place, shown];
}

type Props = {
  readonly api: ApiClient;
  readonly view: View;
  readonly writer: Writer;
  readonly metric: MetricName;
  readonly tabs: readonly Dimension[];
  readonly at: number;
};

export async function BreakdownCard({ api, view, writer, metric, tabs, at }: Props) {
  const parameter = `card${at + 1}`;
  const tab = tabs.find((name) => name === view.own[parameter]) ?? tabs[0] ?? "campaign_id";
  const { compare: _, ...query } = queryOf(view);
  const asked = {
    ...query,
    group_by: tab,
    metrics: metric === "clicks" ? "clicks" : `${metric},clicks`,
    ...{ order: `-${metric}`, limit: String(ROWS), names: "true", totals: "true" },
  };
  const answer = await api.get<TableAnswer>(TABLE_PATH, asked);
  return (
    <section class="card" id={parameter} aria-label={`By ${dimensionLabel(tab)}`}>
      <ul class="tabs" aria-label="Break down by">
        {tabs.map((name, index) => (
          <li>
            <a
              href={`${addressOf(view, { own: { [parameter]: index === 0 ? null : name } })}#${parameter}`}
              aria-current={name === tab ? "true" : undefined}
            >
              {dimensionLabel(name)}
            </a>
          </li>
        ))}
      </ul>
      {answer.ok ? (
        <Rows {...{ view, writer, metric, tab, answer: answer.value }} />
      ) : (
        <ReportTrouble problem={answer.error} view={view} />
      )}
      <p class="more">
        <a href={addressOf(view, { path: "/explore", own: { group_by: tab, metric: null } })}>
          All of them, as a table
        </a>
      </p>
    </section>
  );
}

type RowsProps = Pick<Props, "view" | "writer" | "metric"> & { tab: Dimension; answer: TableAnswer };

function Rows({ view, writer, metric, tab, answer }: RowsProps) {
  const { rows, meta } = answer;
  if (rows.length === 0) return <p class="nothing">Nothing was counted.</p>;
  const total = Number(figureIn(meta.totals, metric) ?? 0);
  const hasShares = isSum(metric) && total > 0;
  const highest = Math.max(0, ...rows.map((row) => Number(figureIn(row, metric) ?? 0)));
  return (
    <table class="ranking">
      <caption class="for-ears">
        {labelOf(metric)} by {dimensionLabel(tab)}
      </caption>
      <thead>
        <tr>
          <th scope="col">{dimensionLabel(tab)}</th>
          <th scope="col" class="number">
            {labelOf(metric)}
          </th>
          {hasShares ? (
            <th scope="col" class="number">
              share
            </th>
          ) : null}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr>
            <th scope="row">
              <Bar share={highest === 0 ? 0 : Number(figureIn(row, metric) ?? 0) / highest} />
              <span class="value">
                <ValueLink {...{ view, tab, row }} />
                <OpenLink view={view} dimension={tab} value={textOf(row, tab)} name="" />
              </span>
            </th>
            <td class="number">{writer.value(metric, figureIn(row, metric), currencyOf(row, answer))}</td>
            {hasShares ? <td class="number soft">{writer.share(Number(figureIn(row, metric) ?? 0) / total)}</td> : null}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A value that filters by itself. */
export function ValueLink({ view, tab, row }: { view: View; tab: Dimension; row: Counted }) {
  const value = textOf(row, tab);
  const name = textOf(row, tab.replace(/_id$/, "_name"));
  const term = { dimension: tab, isExcluded: false, value: value === "" ? UNSET : value };
  return (
    <a href={addressOf(view, { filters: withFilter(view.filters, term) })} title={value}>
      <bdi>{valueLabel(tab, value, tab.endsWith("_id") ? name : null)}</bdi>
    </a>
  );
}

export function currencyOf(row: Counted, { meta }: TableAnswer): string | null {
  const own = row["currency"];
  return typeof own === "string" ? own : (meta.currency ?? null);
}
