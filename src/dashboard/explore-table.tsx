/**
 * A table of the API as people read it: names beside ids, shares, what was before, totals.
 *
 * Keeps: the numbers are the answer's. Shares are of the total that the API gives, and only of what can be added up;
 * money of several currencies has a total for each. A value filters, a window of time opens.
 */
import { UNSET } from "../report/query/fields.ts";
import { currencyOf } from "./breakdown.tsx";
import { addDays, dayIn, lastOfMonth } from "./calendar.ts";
import { NAMES, Warnings } from "./chart-figure.tsx";
import { type Choice, type GroupWord, isTime, orderAfter } from "./explore-choice.ts";
import { isMoney, isSum, labelOf, type MetricName, NOTHING, type Writer } from "./figures.ts";
import { toHour } from "./hours.ts";
import { OpenLink } from "./open-link.tsx";
import { byCurrency, type Counted, figureIn, previousOf, type TableAnswer, textOf } from "./report-answer.ts";
import { addressOf, type View, withFilter } from "./view.ts";
import { dimensionLabel, valueLabel } from "./words.ts";

type Props = {
  readonly answer: TableAnswer;
  readonly view: View;
  readonly writer: Writer;
  readonly choice: Choice;
  readonly parts?: Parts;
};

/** Columns beside which stands their share of another of the same row, instead of what else stands beside one. */
export type Parts = { readonly of: MetricName; readonly label: string; readonly columns: readonly MetricName[] };

export function ExploreTable(props: Props) {
  const { answer, view, choice } = props;
  const { rows, meta } = answer;
  const isFirst = choice.cursor === null;
  return (
    <section aria-label="Table">
      <Warnings meta={meta} />
      {rows.length === 0 ? (
        <p class="nothing">
          {isFirst ? "Nothing was counted in this period with these filters." : "There are no further rows."}
        </p>
      ) : (
        <section class="scroll" tabindex={0} aria-label="Rows">
          <table class="wide">
            <Head {...props} />
            <tbody>
              {rows.map((row) => (
                <Row {...props} row={row} />
              ))}
            </tbody>
            <Totals {...props} />
          </table>
        </section>
      )}
      <p class="pages">
        {isFirst ? null : <a href={addressOf(view, { own: { cursor: null } })}>First page</a>}
        {meta.nextCursor === null ? (
          <span class="soft">{rows.length === 0 ? "" : isFirst ? "These are all rows." : "The last page."}</span>
        ) : (
          <a href={addressOf(view, { own: { cursor: meta.nextCursor } })} rel="next" data-key="n">
            Next page
          </a>
        )}
      </p>
    </section>
  );
}

function hasCurrency({ answer: { rows } }: Props): boolean {
  return rows.some((row) => typeof row["currency"] === "string");
}

function Head(props: Props) {
  const { view, choice } = props;
  const isCurrencyMore = hasCurrency(props) && !choice.groupBy.includes("currency");
  return (
    <thead>
      <tr>
        {choice.groupBy.map((word) => (
          <SortHead {...{ view, choice, column: word, label: wordLabel(word) }} />
        ))}
        {isCurrencyMore ? <th scope="col">Currency</th> : null}
        {choice.metrics.map((metric) => (
          <>
            {metric === "reasons" ? (
              <th scope="col">{labelOf(metric)}</th>
            ) : (
              <SortHead {...{ view, choice, column: metric, label: labelOf(metric), isNumber: true }} />
            )}
            {besideOf(props, metric).map((label) => (
              <th scope="col" class="number">
                {label}
              </th>
            ))}
          </>
        ))}
      </tr>
    </thead>
  );
}

/** What stands beside the column that sorts. */
function besideOf({ view, choice, parts }: Props, metric: MetricName): readonly string[] {
  if (parts !== undefined) return parts.columns.includes(metric) ? [parts.label] : [];
  const lead = choice.order !== null && isShownMetric(choice, choice.order.by) ? choice.order.by : choice.metrics[0];
  if (metric !== lead || metric === "reasons") return [];
  return [...(isSum(metric) ? ["share"] : []), ...(view.isCompared ? ["before"] : [])];
}

function isShownMetric(choice: Choice, column: string): boolean {
  return choice.metrics.some((metric) => metric === column);
}

type SortProps = Pick<Props, "view" | "choice"> & { column: string; label: string; isNumber?: boolean };

function SortHead({ view, choice, column, label, isNumber = false }: SortProps) {
  const { order } = choice;
  const isSorting = order?.by === column;
  const direction = isSorting ? (order.isDescending ? "descending" : "ascending") : undefined;
  return (
    <th scope="col" class={isNumber ? "number" : undefined} aria-sort={direction}>
      <a href={addressOf(view, { own: { order: orderAfter(column, choice), cursor: null } })}>
        {label}
        {isSorting ? <span aria-hidden="true">{order.isDescending ? " ↓" : " ↑"}</span> : null}
      </a>
    </th>
  );
}

function Row(props: Props & { row: Counted }) {
  const { row, answer, writer, choice, view } = props;
  const currency = currencyOf(row, answer);
  const isCurrencyMore = hasCurrency(props) && !choice.groupBy.includes("currency");
  return (
    <tr>
      {choice.groupBy.map((word) => (
        <th scope="row">
          {isTime(word) ? <WindowLink {...{ ...props, word }} /> : <Value {...{ view, row, word }} />}
        </th>
      ))}
      {isCurrencyMore ? <td>{currency === "" ? "not set" : currency}</td> : null}
      {choice.metrics.map((metric) =>
        metric === "reasons" ? (
          <td>
            <ReasonList counts={row["reasons"]} writer={writer} />
          </td>
        ) : (
          <Cell {...props} metric={metric} currency={currency} />
        ),
      )}
    </tr>
  );
}

function Cell(props: Props & { row: Counted; metric: MetricName; currency: string | null }) {
  const { row, answer, writer, metric, currency } = props;
  const value = figureIn(row, metric);
  return (
    <>
      <td class="number">{writer.value(metric, value, currency)}</td>
      {besideOf(props, metric).map((label) => (
        <td class="number soft">
          {label === "share"
            ? writer.percent(shareOf(value, totalOf(answer, metric, currency)))
            : label === "before"
              ? writer.value(metric, figureIn(previousOf(row), metric), currency)
              : writer.percent(shareOf(value, figureIn(row, props.parts?.of ?? metric)))}
        </td>
      ))}
    </>
  );
}

/** The total that a row is a share of: of its currency, where it is money. */
function totalOf({ meta }: TableAnswer, metric: MetricName, currency: string | null) {
  const parts = isMoney(metric) ? byCurrency(meta.totals) : null;
  return figureIn(parts === null ? meta.totals : parts.find((part) => part["currency"] === currency), metric);
}

function shareOf(value: number | bigint | null, total: number | bigint | null): number | null {
  return value === null || total === null || Number(total) === 0 ? null : Number(value) / Number(total);
}

function Totals(props: Props) {
  const { answer, choice, writer } = props;
  const { totals, currency = null } = answer.meta;
  if (totals === undefined) return null;
  const parts = byCurrency(totals);
  const columns = choice.groupBy.length + (hasCurrency(props) && !choice.groupBy.includes("currency") ? 1 : 0);
  const lines =
    parts === null || parts.length < 2
      ? [{ label: "Total of all rows", counted: parts?.[0] ?? totals, currency }]
      : [
          { label: "Total of all rows", counted: totals, currency: null },
          ...parts.map((part) => ({
            label: `of it in ${textOf(part, "currency") || "no currency"}`,
            ...{ counted: part, currency: textOf(part, "currency") },
          })),
        ];
  return (
    <tfoot>
      {lines.map(({ label, counted, currency: of }) => (
        <tr>
          <th scope="row" colspan={columns}>
            {label}
          </th>
          {choice.metrics.map((metric) => (
            <>
              <td class={metric === "reasons" ? undefined : "number"}>
                {metric === "reasons" ? (
                  <ReasonList counts={counted["reasons"]} writer={writer} />
                ) : figureIn(counted, metric) === null ? (
                  NOTHING
                ) : (
                  writer.value(metric, figureIn(counted, metric), of)
                )}
              </td>
              {besideOf(props, metric).map((beside) => (
                <td class="number soft">
                  {beside === "share"
                    ? ""
                    : beside === "before"
                      ? writer.value(metric, figureIn(previousOf(counted), metric), of)
                      : writer.percent(
                          shareOf(figureIn(counted, metric), figureIn(counted, props.parts?.of ?? metric)),
                        )}
                </td>
              ))}
            </>
          ))}
        </tr>
      ))}
    </tfoot>
  );
}

/** A value of a dimension: its name, its id, a filter by it, and the page of it. */
function Value({ view, row, word }: { view: View; row: Counted; word: Exclude<GroupWord, "minute"> }) {
  if (isTime(word)) return null;
  const value = textOf(row, word);
  const name = word.endsWith("_id") ? textOf(row, word.replace(/_id$/, "_name")) : "";
  const term = { dimension: word, isExcluded: false, value: value === "" ? UNSET : value };
  return (
    <>
      <a href={addressOf(view, { filters: withFilter(view.filters, term) })}>
        <bdi>{valueLabel(word, value, name)}</bdi>
      </a>
      {name === "" ? null : (
        <>
          {" "}
          <bdi class="soft">{value}</bdi>
        </>
      )}
      <OpenLink {...{ view, dimension: word, value, name }} />
    </>
  );
}

/** A window of time, which opens as a period of its own, more finely. */
function WindowLink({ row, word, writer, view, choice }: Props & { row: Counted; word: GroupWord }) {
  if (!isTime(word)) return null;
  const atMs = Date.parse(textOf(row, word));
  const day = dayIn(writer.zone, atMs);
  const label = `${word === "week" ? "Week of " : ""}${writer.instant(atMs, NAMES[word])}`;
  if (word === "minute") return <>{label}</>;
  if (word === "hour") {
    const { period, own } = toHour({ fromMs: atMs, toMs: atMs }, writer.zone);
    const byMinute = choice.groupBy.map((one) => (one === word ? "minute" : one)).join(",");
    return <a href={addressOf(view, { period, own: { ...own, group_by: byMinute, order: null } })}>{label}</a>;
  }
  const to = { day, week: addDays(day, 6), month: lastOfMonth(day) }[word];
  const finer = { day: "hour", week: "day", month: "day" }[word];
  const groups = choice.groupBy.map((one) => (one === word ? finer : one)).join(",");
  const href = addressOf(view, { period: { from: day, to }, own: { group_by: groups, order: null } });
  return <a href={href}>{label}</a>;
}

/** Reasons with their counts, the most frequent first. */
export function ReasonList({ counts, writer }: { counts: unknown; writer: Writer }) {
  const entries = reasonEntries(counts);
  if (entries.length === 0) return <>{NOTHING}</>;
  return (
    <ul class="reasons">
      {entries.map(([reason, count]) => (
        <li>
          {reason} <b>{writer.count(count)}</b>
        </li>
      ))}
    </ul>
  );
}

export function reasonEntries(counts: unknown): [string, number][] {
  if (typeof counts !== "object" || counts === null) return [];
  const entries = Object.entries(counts).map(([reason, count]): [string, number] => [reason, Number(count)]);
  return entries.toSorted(([, left], [, right]) => right - left);
}

function wordLabel(word: GroupWord): string {
  return isTime(word) ? word : dimensionLabel(word);
}
