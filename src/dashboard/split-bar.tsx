/**
 * One bar for a whole and its parts, as SVG with the figures and shares in words below it.
 *
 * Keeps: parts differ by pattern and by their place, which is that of the list; the figures are the API's.
 */
import { labelOf, type MetricName, type Value, type Writer } from "./figures.ts";

type Part = { readonly metric: MetricName; readonly value: Value };
type Props = { readonly parts: readonly Part[]; readonly total: Value; readonly writer: Writer };

export function SplitBar({ parts, total, writer }: Props) {
  const whole = Number(total ?? 0);
  const shares = parts.map(({ value }) => (whole === 0 ? 0 : Number(value ?? 0) / whole));
  const starts = shares.map((_, at) => shares.slice(0, at).reduce((sum, share) => sum + share, 0));
  return (
    <>
      <svg class="split" width="100%" height="32" aria-hidden="true" focusable="false">
        {shares.map((share, at) => (
          <rect class={`part-${at + 1}`} x={percent(starts[at] ?? 0)} width={percent(share)} y="1" height="30" />
        ))}
        <rect class="outline" x="0" width="100%" y="1" height="30" />
      </svg>
      <ul class="legend">
        {parts.map(({ metric, value }, at) => (
          <li>
            <svg class="key" width="14" height="14" aria-hidden="true" focusable="false">
              <rect class={`part-${at + 1}`} x="1" y="1" width="12" height="12" />
              <rect class="outline" x="1" y="1" width="12" height="12" />
            </svg>
            <b>{writer.count(value)}</b> {labelOf(metric)} · {writer.percent(whole === 0 ? null : (shares[at] ?? 0))}
          </li>
        ))}
      </ul>
    </>
  );
}

function percent(share: number): string {
  return `${Math.round(share * 10_000) / 100}%`;
}
