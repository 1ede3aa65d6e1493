/**
 * The scale of an axis from zero.
 */

/** Round steps up to the highest value: 1, 2 or 5 times a power of ten, at most four of them above zero. */
export function scaleOf(highest: number): { top: number; steps: number[] } {
  if (highest <= 0) return { top: 1, steps: [0] };
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size * 4 >= highest) ?? rough;
  const count = Math.ceil(highest / step - 1e-9);
  return { top: step * count, steps: Array.from({ length: count + 1 }, (_, at) => at * step) };
}
