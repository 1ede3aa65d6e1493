/**
 * The rules on orders and batches, written a second time and from the outside: what is to be counted, given everything that
 * was submitted, in the order in which it reached the object that decides. Each rule looks at the whole list; none keeps a
 * state, as the deciding code does.
 *
 *   an order exists from its first record on, with that record's value, until its first retraction
 *   it is credited to the latest of its clicks that are in the window and no test: by minute, then by receipt, as ids sort
 *   it occurred when the first call that could be credited says so
 *   each correction counts once, unless less than nothing would be left
 *
 * Sources: DESIGN on conversions: one order is one conversion; last click; the first word stands where two contradict.
 */
import type { ClickIdentity } from "../../src/core/click-id.ts";
import type { ConversionEvent } from "../../src/core/conversion.ts";
import { DAY_MS } from "../../src/core/limits.ts";

export type OrderTruth = {
  /** What the order adds to the figures; null for nothing. */
  readonly credit: {
    readonly click: ClickIdentity;
    readonly valueMicros: number;
    readonly occurredAtMs: number;
  } | null;
  /** The calls that contradict what was said before, by their place. */
  readonly refused: ReadonlySet<number>;
};

/** What makes two calls speak of one order. */
export function orderNameOf({ click, kind, orderId }: ConversionEvent): string {
  return [click.advertiserId, kind, orderId === null ? `click ${click.eventId}` : `order ${orderId}`].join(" ");
}

/** The truth of one order, of all calls that speak of it. */
export function truthOf(calls: readonly ConversionEvent[]): OrderTruth {
  const born = calls.findIndex(({ action }) => action === "record");
  const ended = calls.findIndex(({ action }, at) => action === "retract" && born !== -1 && at > born);
  const lives = (at: number) => born !== -1 && at >= born && (ended === -1 || at < ended);
  const value = calls[born]?.valueMicros ?? 0;
  const records = calls.filter((call, at) => lives(at) && call.action === "record" && call.valueMicros === value);
  const { sum, refused } = correctionsOf(calls, lives, value);
  for (const [at, { action, valueMicros }] of calls.entries()) {
    if (action === "record" && (!lives(at) || valueMicros !== value)) refused.add(at);
    if (action === "retract" && (born === -1 || at < born)) refused.add(at);
  }
  // What was said of a click first is what counts for that click.
  const byClick = records.filter(
    ({ click }, at) => records.findIndex((other) => other.click.eventId === click.eventId) === at,
  );
  const credited = byClick.filter(
    ({ click, occurredAtMs, windowDays }) => !click.isTest && occurredAtMs <= click.clickedAtMs + windowDays * DAY_MS,
  );
  const first = credited[0];
  if (ended !== -1 || first === undefined) return { credit: null, refused };
  const latestMs = Math.max(...credited.map(({ click }) => click.clickedAtMs));
  const inMinute = credited.filter(({ click }) => click.clickedAtMs === latestMs).map(({ click }) => click);
  const click = inMinute.sort((a, b) => (a.eventId < b.eventId ? -1 : 1)).at(-1) ?? first.click;
  return { credit: { click, valueMicros: value + sum, occurredAtMs: first.occurredAtMs }, refused };
}

function correctionsOf(
  calls: readonly ConversionEvent[],
  lives: (at: number) => boolean,
  value: number,
): { sum: number; refused: Set<number> } {
  const accepted = new Map<string, number>();
  const refused = new Set<number>();
  let sum = 0;
  for (const [at, { action, correctionId, valueMicros }] of calls.entries()) {
    if (action !== "correct") continue;
    const name = correctionId ?? "(the only one)";
    const same = accepted.get(name);
    if (same === valueMicros) continue;
    if (same !== undefined || !lives(at) || value + sum + valueMicros < 0) {
      refused.add(at);
      continue;
    }
    accepted.set(name, valueMicros);
    sum += valueMicros;
  }
  return { sum, refused };
}
