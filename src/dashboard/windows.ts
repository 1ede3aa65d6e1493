/**
 * How far each window of a series may be believed.
 *
 *   future                 has not begun
 *   open                   still filling: the watermark has not passed its end
 *   provisional            ended before the watermark; late clicks, conversions and corrections may still change it
 *   reconciled, billed     come with the audit, from the API
 *
 * Keeps: pure. Windows are those of an answer, each named by its start; the last one ends where the range does.
 */
export type WindowState = "billed" | "reconciled" | "provisional" | "open" | "future";

/** The states there are, in the order of their certainty, with what each says. */
export const STATE_MEANINGS: Readonly<Record<Exclude<WindowState, "future">, string>> = {
  billed: "on a final statement",
  reconciled: "audited and equal to the archive",
  provisional: "counted; late clicks, conversions and corrections may still change it",
  open: "still being counted",
};

export type Span = { readonly fromMs: number; readonly toMs: number };

/** Windows from the instants at which they start. */
export function spansOf(starts: readonly number[], endMs: number): Span[] {
  return starts.map((fromMs, at) => ({ fromMs, toMs: starts[at + 1] ?? endMs }));
}

export function stateOf({ fromMs, toMs }: Span, watermarkMs: number | null, nowMs: number): WindowState {
  if (fromMs > nowMs) return "future";
  return watermarkMs !== null && toMs <= watermarkMs ? "provisional" : "open";
}

/** Whether figures over some windows may still change, in a sentence. */
export function finality(states: readonly WindowState[]): string {
  const begun = states.filter((state) => state !== "future");
  const billed = begun.filter((state) => state === "billed").length;
  if (billed === 0) return "Not final yet.";
  return billed === begun.length ? "Final: on a statement." : "Final in part: what is billed.";
}

/** Where an instant lies across windows of equal width, 0 to 1; null outside of them. */
export function placeOf(ms: number | null, spans: readonly Span[]): number | null {
  if (ms === null) return null;
  const at = spans.findIndex(({ fromMs, toMs }) => fromMs <= ms && ms < toMs);
  const span = spans[at];
  if (span === undefined) return null;
  return (at + (ms - span.fromMs) / (span.toMs - span.fromMs)) / spans.length;
}

/** Whether a line may reach the window: one that fell to a window which is still filling would look like a loss. */
export function isWhole(state: WindowState | undefined): boolean {
  return state !== "open" && state !== "future";
}
