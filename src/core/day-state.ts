/**
 * How far the figures of a stretch of time may be believed, by what is sealed and audited.
 *
 *   open          not over: the watermark has not passed its end
 *   provisional   counted; late clicks, conversions and corrections may still change it
 *   reconciled    every log day that begins before its end and the grace is sealed and clean, without a gap, and so is
 *                 each later one in which such a day was mended
 *   blocked       one of these log days has a discrepancy that is neither mended nor accepted
 *   billed        a final statement covers it
 *
 * A stretch has the least state of its days. What a day needs is a prefix of the log days, so the state depends on the
 * end alone, and three instants tell it for every stretch there is, in any zone.
 *
 * Keeps: pure and total. Nothing is reconciled before the first log day is clean, what lies before that day included.
 */
import { DAY_MS } from "./limits.ts";

/** From the least to the most certain. */
export const DAY_STATES = ["open", "blocked", "provisional", "reconciled", "billed"] as const;
export type DayState = (typeof DAY_STATES)[number];

export type ClosedDay = {
  readonly day: string;
  readonly state: "sealed" | "clean" | "blocked";
  /** The later log day with which it is right: corrections are logged when they are made. */
  readonly mendedOn?: string | null;
};

/** What ends at `reconciledUntilMs` or earlier is reconciled, what ends later than `blockedAfterMs` is blocked. */
export type Closing = {
  readonly reconciledUntilMs: number;
  readonly blockedAfterMs: number;
  readonly billedUntilMs: number;
};

/** Nothing is known of any log day. */
export const NOTHING_CLOSED: Closing = {
  reconciledUntilMs: Number.NEGATIVE_INFINITY,
  blockedAfterMs: Number.POSITIVE_INFINITY,
  billedUntilMs: Number.NEGATIVE_INFINITY,
};

/** What the log days, in their order, say of every stretch. O(log days). */
export function closingOf(logDays: readonly ClosedDay[], graceMs: number): Closing {
  const starts = logDays.map(({ day }) => Date.parse(day));
  const first = starts[0];
  if (first === undefined) return NOTHING_CLOSED;
  const cleanDays = cleanDaysOf(logDays, first);
  const blocked = logDays.findIndex(({ state }) => state === "blocked");
  const reach = (startMs: number) => startMs - graceMs;
  const blockedAfterMs = reach(starts[blocked] ?? Number.POSITIVE_INFINITY);
  return {
    ...NOTHING_CLOSED,
    ...(cleanDays === 0 ? {} : { reconciledUntilMs: reach(first + cleanDays * DAY_MS) }),
    // The first log day is asked of every stretch, however early.
    blockedAfterMs: blocked === 0 ? Number.NEGATIVE_INFINITY : blockedAfterMs,
  };
}

/** How many of the log days from the first on are clean without a gap, with what mended them. */
function cleanDaysOf(logDays: readonly ClosedDay[], firstMs: number): number {
  const numberOf = (day: string) => (Date.parse(day) - firstMs) / DAY_MS;
  let clean = 0;
  while (logDays[clean]?.state === "clean" && numberOf(logDays[clean]?.day ?? "") === clean) clean++;
  for (;;) {
    const waiting = logDays.slice(0, clean).findIndex(({ mendedOn }) => mendedOn && numberOf(mendedOn) >= clean);
    if (waiting < 0) return clean;
    clean = waiting;
  }
}

/** The state of what ends at `toMs`, counted up to the watermark. */
export function dayStateOf(toMs: number, watermarkMs: number | null, closing: Closing): DayState {
  if (watermarkMs === null || watermarkMs < toMs) return "open";
  if (toMs <= closing.billedUntilMs) return "billed";
  if (toMs > closing.blockedAfterMs) return "blocked";
  return toMs <= closing.reconciledUntilMs ? "reconciled" : "provisional";
}

export type StatePart = { readonly state: DayState; readonly fromMs: number; readonly toMs: number };

/** A range in parts of one state each; a window has the state of the part in which it ends. */
export function statesIn(
  { fromMs, toMs }: { fromMs: number; toMs: number },
  watermarkMs: number | null,
  closing: Closing,
): StatePart[] {
  const { reconciledUntilMs, blockedAfterMs, billedUntilMs } = closing;
  const cuts = [watermarkMs ?? fromMs, reconciledUntilMs, blockedAfterMs, billedUntilMs];
  const inside = cuts.filter((cut) => cut > fromMs && cut < toMs);
  const ends = [...new Set([...inside, toMs])].sort((left, right) => left - right);
  const parts: StatePart[] = [];
  for (const end of ends) {
    const state = dayStateOf(end, watermarkMs, closing);
    const last = parts.at(-1);
    if (last?.state === state) parts[parts.length - 1] = { ...last, toMs: end };
    else parts.push({ state, fromMs: last?.toMs ?? fromMs, toMs: end });
  }
  return parts;
}
