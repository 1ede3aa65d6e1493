/**
 * How far each window of a series may be believed.
 *
 *   future                 has not begun
 *   open                   still filling: the watermark has not passed its end
 *   provisional            ended before the watermark; late clicks, conversions and corrections may still change it
 *   blocked                an audit found something that is not mended yet
 *   reconciled, billed     audited; on a statement
 *
 * Keeps: pure. All but `future` is what the API says of the parts of the range (`meta.states`). Windows are those of an
 * answer, each named by its start; the last one ends where the range does.
 */
export type WindowState = "billed" | "reconciled" | "provisional" | "blocked" | "open" | "future";

/** The states there are, in the order of their certainty, with what each says. */
export const STATE_MEANINGS: Readonly<Record<Exclude<WindowState, "future">, string>> = {
  billed: "on a final statement",
  reconciled: "audited and equal to the archive",
  provisional: "counted; late clicks, conversions and corrections may still change it",
  blocked: "an audit found something that is not mended yet",
  open: "still being counted",
};

export type Span = { readonly fromMs: number; readonly toMs: number };

/** Windows from the instants at which they start. */
export function spansOf(starts: readonly number[], endMs: number): Span[] {
  return starts.map((fromMs, at) => ({ fromMs, toMs: starts[at + 1] ?? endMs }));
}

/** A part of the range, as `meta.states` has it. */
export type StatePart = { readonly state: Exclude<WindowState, "future">; readonly to: string };

/** The state of the part in which the window ends; the last one ends where the range does. */
export function stateOf({ fromMs, toMs }: Span, parts: readonly StatePart[], nowMs: number): WindowState {
  if (fromMs > nowMs) return "future";
  return parts.find(({ to }) => toMs <= Date.parse(to))?.state ?? "open";
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
