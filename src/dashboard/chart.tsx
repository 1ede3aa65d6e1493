/**
 * A chart as SVG, drawn by one pure function; the same figures stand in a table behind it (chart-table.tsx).
 *
 *   columns from zero for what can be added up, points on a line for what cannot; before: what the previous period had
 *
 * Keeps: what is not complete never looks complete: a window is drawn by its state, `billed` solid, `reconciled` solid
 * and lighter, `provisional` hatched, `blocked` dashed in the accent, `open` outlined, and one that has not begun not
 * at all. Axes of counts start at zero, gaps are gaps. Positions across are percents and heights are pixels, so that it
 * fills any width without scripts and without stretching its words. It holds no style of its own: colours are classes
 * of the style sheet.
 * The picture is hidden from screen readers, which have the table.
 */
import { scaleOf } from "./scale.ts";
import type { WindowState } from "./windows.ts";

export type ChartPoint = {
  /** On the axis, short. */
  readonly tick: string;
  /** In words, with its figure: what a pointer over it says. */
  readonly title: string;
  readonly value: number | null;
  readonly before: number | null;
  /** Relative width of a band around the value, 0 for none. */
  readonly band: number;
  readonly state: WindowState;
  /** Where a click on it leads. */
  readonly href: string | null;
};

export type ChartLine = { readonly name: string; readonly values: readonly (number | null)[] };

export type Chart = {
  readonly points: readonly ChartPoint[];
  readonly isSum: boolean;
  /** Further series, named at their ends; then points have no values of their own. At most five. */
  readonly lines?: readonly ChartLine[];
  /** Where it is counted up to, from 0 to 1 across; null where that is outside. */
  readonly watermark: number | null;
  readonly watermarkLabel: string;
  readonly short: (value: number) => string;
};

const HEIGHT = 240;
const AXIS = 26;
const TOP = 18;
const PLOT = HEIGHT - AXIS - TOP;
/** Slots narrower than this share of the width stand without gaps. */
const DENSE = 140;
const TICKS_WIDE = 10;
const TICKS_NARROW = 4;
const LINE_NAMES = "12%";
const NAME_HEIGHT = 14;

export const LINES_MAX = 5;

export function ChartPicture(chart: Chart) {
  const { points, lines = [], short, watermark, watermarkLabel } = chart;
  const highest = Math.max(0, ...points.flatMap(reach), ...lines.flatMap(({ values }) => values.map((v) => v ?? 0)));
  const scale = scaleOf(highest);
  const y = (value: number) => round(TOP + PLOT * (1 - value / scale.top));
  const width = lines.length > 0 ? `${100 - Number.parseInt(LINE_NAMES, 10)}%` : "100%";
  return (
    <div class="chart-grid">
      <svg class="chart scale" width="100%" height={HEIGHT} aria-hidden="true" focusable="false">
        {scale.steps.map((step) => (
          <text x="0" y={y(step) + 4}>
            {short(step)}
          </text>
        ))}
      </svg>
      <svg class="chart" width="100%" height={HEIGHT} aria-hidden="true" focusable="false">
        <defs>
          <pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <rect class="hatch-ground" width="5" height="5" />
            <rect class="hatch-line" width="1" height="5" />
          </pattern>
        </defs>
        {scale.steps.map((step) => (
          <g class={step === 0 ? "zero" : "grid"}>
            <line x1="0" x2="100%" y1={y(step)} y2={y(step)} />
          </g>
        ))}
        <svg width={width} height={HEIGHT} overflow="visible">
          {chart.isSum && lines.length === 0 ? columns(points, y) : null}
          {!chart.isSum && lines.length === 0 ? polyline(points.map(shownValue), y, "line") : null}
          {lines.map(({ values }, at) => polyline(values, y, `line series-${at + 1}`))}
          {points.some(({ before }) => before !== null) && lines.length === 0 ? steps(points, y) : null}
          {watermark === null ? null : (
            <g class="watermark">
              <line x1={percent(watermark)} x2={percent(watermark)} y1={TOP - 6} y2={TOP + PLOT} />
              <text x={percent(watermark)} y={TOP - 8} text-anchor={watermark > 0.5 ? "end" : "start"}>
                {watermarkLabel}
              </text>
            </g>
          )}
          {ticks(points)}
          {points.map((point, at) => slot(point, at, points.length))}
        </svg>
        {endNames(lines, { y, width })}
      </svg>
      {lines.length === 0 ? null : <LineNames lines={lines} />}
    </div>
  );
}

/** The names of lines where there is no room at their ends. */
function LineNames({ lines }: { lines: readonly ChartLine[] }) {
  return (
    <ul class="legend line-names">
      {lines.map(({ name }, at) => (
        <li>
          <svg class="key" width="14" height="14" aria-hidden="true" focusable="false">
            <g class={`line series-${at + 1}`}>
              <line x1="0" x2="14" y1="7" y2="7" />
            </g>
          </svg>
          <bdi>{name}</bdi>
        </li>
      ))}
    </ul>
  );
}

/** A few columns without axes, beside a figure. */
export function Sparkline({ points }: { points: readonly Pick<ChartPoint, "value" | "state">[] }) {
  const top = Math.max(1e-9, ...points.map(({ value }) => value ?? 0));
  const height = 28;
  return (
    <svg class="spark" width="100%" height={height} aria-hidden="true" focusable="false">
      {points.map(({ value, state }, at) => {
        if (value === null || state === "future") return null;
        const tall = Math.max(value > 0 ? 1 : 0, round((value / top) * height));
        return (
          <rect
            class={`fill ${state}`}
            x={percent(at / points.length)}
            width={percent(0.8 / points.length)}
            y={height - tall}
            height={tall}
          />
        );
      })}
    </svg>
  );
}

/** A bar behind a row, as a share of one. */
export function Bar({ share }: { share: number }) {
  return (
    <svg class="bar" width="100%" height="100%" aria-hidden="true" focusable="false">
      <rect width={percent(Math.max(0, Math.min(1, share)))} height="100%" />
    </svg>
  );
}

function columns(points: readonly ChartPoint[], y: (value: number) => number) {
  const gap = points.length > DENSE ? 0 : 0.14;
  return points.map(({ value, state, band }, at) => {
    if (value === null || state === "future") return null;
    const x = percent((at + gap / 2) / points.length);
    const width = percent((1 - gap) / points.length);
    const tall = round(y(0) - y(value));
    return (
      <>
        <rect
          class={`fill ${state}`}
          fill={state === "provisional" ? "url(#hatch)" : undefined}
          {...{ x, width, y: y(value), height: tall }}
        />
        {band > 0 && value > 0 ? (
          <rect
            class="band"
            {...{ x, width, y: y(value * (1 + band)), height: round(y(value * (1 - band)) - y(value * (1 + band))) }}
          />
        ) : null}
      </>
    );
  });
}

/** A line through points in the middle of their windows, broken where there is none. */
function polyline(values: readonly (number | null)[], y: (value: number) => number, name: string) {
  const middle = (at: number) => percent((at + 0.5) / values.length);
  return (
    <g class={name}>
      {values.map((value, at) => {
        const next = values[at + 1];
        if (value === null) return null;
        const isAlone = (next ?? null) === null && (values[at - 1] ?? null) === null;
        return isAlone || next === undefined || next === null ? (
          <circle cx={middle(at)} cy={y(value)} r={isAlone ? 3 : 2} />
        ) : (
          <line x1={middle(at)} y1={y(value)} x2={middle(at + 1)} y2={y(next)} />
        );
      })}
    </g>
  );
}

function steps(points: readonly ChartPoint[], y: (value: number) => number) {
  return (
    <g class="before">
      {points.map(({ before }, at) =>
        before === null ? null : (
          <line x1={percent(at / points.length)} x2={percent((at + 1) / points.length)} y1={y(before)} y2={y(before)} />
        ),
      )}
    </g>
  );
}

function ticks(points: readonly ChartPoint[]) {
  const every = Math.max(1, Math.ceil(points.length / TICKS_WIDE));
  const narrow = every * Math.max(1, Math.ceil(points.length / every / TICKS_NARROW));
  return (
    <g class="ticks">
      {points.map(({ tick }, at) =>
        at % every === 0 ? (
          <text
            class={at % narrow === 0 ? undefined : "wide-only"}
            x={percent((at + 0.5) / points.length)}
            y={HEIGHT - 8}
            text-anchor={at === 0 && points.length > 2 ? "start" : "middle"}
            dx={at === 0 && points.length > 2 ? "-1%" : undefined}
          >
            {tick}
          </text>
        ) : null,
      )}
    </g>
  );
}

/** The whole height of a window: what a pointer meets. */
function slot({ title, href, state }: ChartPoint, at: number, of: number) {
  if (state === "future") return null;
  const area = (
    <rect class="slot" x={percent(at / of)} width={percent(1 / of)} y={TOP} height={PLOT}>
      <title>{title}</title>
    </rect>
  );
  return href === null ? (
    area
  ) : (
    <a href={href} tabindex={-1}>
      {area}
    </a>
  );
}

type Ends = { readonly y: (value: number) => number; readonly width: string };

/** Names at the ends of their lines, moved apart where lines end together: from the lowest up, none on another. */
function endNames(lines: readonly ChartLine[], { y, width }: Ends) {
  const ends = lines.flatMap(({ name, values }, at) => {
    const last = values.findLast((value) => value !== null) ?? null;
    return last === null ? [] : [{ name, at, y: y(last) + 4 }];
  });
  let above = Number.POSITIVE_INFINITY;
  return ends
    .toSorted((one, other) => other.y - one.y)
    .map(({ name, at, y: wanted }) => {
      above = Math.min(wanted, above - NAME_HEIGHT);
      return (
        <text class={`line-name series-${at + 1}`} x={width} dx="4" y={round(above)}>
          {name}
        </text>
      );
    });
}

function reach({ value, before, band }: ChartPoint): number[] {
  return [(value ?? 0) * (1 + band), before ?? 0];
}

function shownValue({ value, state }: ChartPoint): number | null {
  return state === "future" ? null : value;
}

function percent(share: number): string {
  return `${round(share * 100)}%`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
