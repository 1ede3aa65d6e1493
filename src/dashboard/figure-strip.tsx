/**
 * The figures on top of a screen: each with its name, its change against the period before, and a small series. A
 * figure is a link that charts it.
 *
 * Keeps: totals are the API's. While a period is still filling, it is set beside the whole period before in words and
 * not as a change, which would always be a fall. Money of several currencies stands below each other, never added up.
 */

import { Sparkline } from "./chart.tsx";
import { definitionOf, isMoney, labelOf, type MetricName, type Writer } from "./figures.ts";
import { byCurrency, type Counted, figureIn, previousOf } from "./report-answer.ts";
import type { SeriesRead } from "./series.ts";
import { addressOf, type View } from "./view.ts";

type Props = {
  readonly answer: SeriesRead;
  readonly view: View;
  readonly writer: Writer;
  readonly metric: MetricName;
  readonly metrics: readonly MetricName[];
};

export function FigureStrip(props: Props) {
  return (
    <section class="figures" aria-label="Figures">
      {props.metrics.map((name) => (
        <Figure {...props} name={name} />
      ))}
    </section>
  );
}

function Figure({ answer, view, writer, metric, metrics, name }: Props & { name: MetricName }) {
  const [first] = metrics;
  const { series, meta } = answer.answer;
  const parts = isMoney(name) || name === "roas" ? byCurrency(meta.totals) : null;
  const isOpen = answer.states.some((state) => state === "open" || state === "future");
  const isCharted = name === metric;
  return (
    <article class={isCharted ? "figure charted" : "figure"}>
      <h2>
        <a
          href={addressOf(view, { own: { metric: name === first ? null : name } })}
          aria-current={isCharted ? "true" : undefined}
          title={definitionOf(name).counts}
        >
          {labelOf(name)}
        </a>
      </h2>
      {parts === null ? (
        <Amount {...{ name, writer, isOpen }} counted={meta.totals} currency={meta.currency ?? null} />
      ) : (
        parts.map((part) => (
          <Amount {...{ name, writer, isOpen }} counted={part} currency={String(part["currency"] ?? "")} />
        ))
      )}
      {series.length === 1 ? (
        <Sparkline
          points={(series[0]?.points ?? []).map((point, at) => ({
            value: toNumber(figureIn(point, name)),
            state: answer.states[at] ?? "open",
          }))}
        />
      ) : null}
    </article>
  );
}

type AmountProps = {
  readonly name: MetricName;
  readonly writer: Writer;
  readonly isOpen: boolean;
  readonly counted: Counted | undefined;
  readonly currency: string | null;
};

function Amount({ name, writer, isOpen, counted, currency }: AmountProps) {
  const now = figureIn(counted, name);
  const previous = previousOf(counted);
  const before = previous === null ? null : figureIn(previous, name);
  const change = isOpen ? null : writer.change(now, before);
  return (
    <>
      <p class="amount">{writer.value(name, now, currency)}</p>
      {previous === null ? null : (
        <p class="change">
          {change === null ? "" : <b>{change}</b>} {isOpen ? "so far; " : ""}before{" "}
          {writer.value(name, before, currency)}
        </p>
      )}
    </>
  );
}

function toNumber(value: number | bigint | null): number | null {
  return value === null ? null : Number(value);
}
