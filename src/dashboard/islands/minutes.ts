/**
 * The minute explorer: a whole day as one curve, minute by minute. Drag to look closer, press the button for all of it,
 * click on a minute for its hour.
 *
 *   [data-minutes="/export/v1/metrics/clicks?…"]   is read once, as a file, when somebody opens it
 *
 * Keeps: adds nothing that the hours and their tables do not say. Minutes that have not ended have no point; the
 * watermark is a line, as in every chart.
 */
import uPlot from "uplot";
import { parseJson } from "../../core/base64url.ts";
import { hourHolding, minutesOf } from "../minutes.ts";

const HEIGHT = 240;
const CLICK_PX = 3;

for (const box of document.querySelectorAll<HTMLElement>("[data-minutes]")) void open(box);

async function open(box: HTMLElement): Promise<void> {
  const said = document.createElement("p");
  said.setAttribute("role", "status");
  said.className = "soft";
  said.textContent = "Reading the day…";
  box.replaceChildren(said);
  const answered = await fetch(box.dataset["minutes"] ?? "").catch(() => null);
  if (answered?.ok !== true) {
    said.textContent = "The day could not be read just now: load the page again, or go by the hours above.";
    return;
  }
  const { metric = "", now = "0" } = box.dataset;
  const data = minutesOf(await answered.text(), { metric, nowMs: Number(now), parts: formatOf(box).parts });
  said.textContent = "Drag to look closer, click on a minute for its hour. ";
  let plot = draw(box, data);
  const all = document.createElement("button");
  all.type = "button";
  all.className = "quiet";
  all.textContent = "All of the day";
  all.addEventListener("click", () => plot.setScale("x", { min: data[0][0] ?? 0, max: data[0].at(-1) ?? 0 }));
  said.append(all);
  // Colours are those of the style sheet, and go with its scheme.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    plot.destroy();
    plot = draw(box, data);
  });
  new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT })).observe(box);
}

type Format = { readonly parts: number; readonly options: Intl.NumberFormatOptions; readonly locale: string };

function formatOf(box: HTMLElement): Format {
  return parseJson(box.dataset["format"] ?? "") as Format;
}

function draw(box: HTMLElement, data: [number[], (number | null)[]]): uPlot {
  const { zone = "UTC", label = "", hour = "", until = "0" } = box.dataset;
  const { locale, options } = formatOf(box);
  const number = new Intl.NumberFormat(locale, options);
  const short = new Intl.NumberFormat(locale, { ...options, notation: "compact" });
  const clock = new Intl.DateTimeFormat(locale, { timeZone: zone, hour: "2-digit", minute: "2-digit" });
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--soft"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: `12px ${style.getPropertyValue("--sans")}`,
  };
  const [fromS = 0, toS = 0] = hour.split(",").map((ms) => Number(ms) / 1_000);
  const plot = new uPlot(
    {
      ...{ width: box.clientWidth, height: HEIGHT },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), zone),
      scales: { y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high : 1] } },
      axes: [
        { ...axis, values: (_, ticks) => ticks.map((seconds) => clock.format(seconds * 1_000)) },
        { ...axis, size: 64, values: (_, ticks) => ticks.map((value) => short.format(value)) },
      ],
      series: [
        { label: "Minute", value: (_, seconds) => (seconds === null ? "–" : clock.format(seconds * 1_000)) },
        {
          ...{ label, stroke: colour("--l1"), fill: `${colour("--l1")}33`, width: 1, spanGaps: false },
          points: { show: false },
          value: (_, value) => (value === null ? "–" : number.format(value)),
        },
      ],
      hooks: {
        drawClear: [(chart) => shade(chart, [fromS, toS], colour("--wash"))],
        draw: [(chart) => line(chart, Number(until) / 1_000, colour("--accent"))],
      },
    },
    data,
    box,
  );
  plot.root.setAttribute("aria-hidden", "true");
  leadToHours(plot, box);
  return plot;
}

/** The hour that the page is about. */
function shade({ ctx, bbox, valToPos }: uPlot, [from, to]: readonly [number, number], colour: string): void {
  const [left, right] = [valToPos(from, "x", true), valToPos(to, "x", true)];
  const inside = (x: number) => Math.max(bbox.left, Math.min(bbox.left + bbox.width, x));
  ctx.fillStyle = colour;
  ctx.fillRect(inside(left), bbox.top, inside(right) - inside(left), bbox.height);
}

/** Up to where it is counted. */
function line({ ctx, bbox, valToPos, scales }: uPlot, at: number, colour: string): void {
  const { min = 0, max = 0 } = scales["x"] ?? {};
  if (at < (min ?? 0) || at > (max ?? 0)) return;
  const x = valToPos(at, "x", true);
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.setLineDash([3, 3]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

function leadToHours(plot: uPlot, box: HTMLElement): void {
  const hours = (box.dataset["hours"] ?? "").split(",").map(Number);
  let downAt = 0;
  plot.over.addEventListener("mousedown", ({ clientX }) => (downAt = clientX));
  plot.over.addEventListener("click", ({ clientX }) => {
    if (Math.abs(clientX - downAt) > CLICK_PX) return;
    const hour = hourHolding(plot.posToVal(plot.cursor.left ?? 0, "x") * 1_000, hours);
    if (hour === null) return;
    const to = new URL(box.dataset["to"] ?? "", location.href);
    to.searchParams.set("at", hour);
    location.assign(to);
  });
}
