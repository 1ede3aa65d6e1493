/**
 * What advertisers report about their orders, and what of it counts in the end: the demonstration's own reading of the
 * contract, folded over everything that was said of an order and not decided word by word.
 *
 *   credited to    the latest click that the order was recorded under: by its minute, then by its receipt
 *   worth          its value plus each correction once      taken back, it is worth nothing and credited to nobody
 *
 * Keeps: uses no rule of the Worker's code.
 */
import { count, type Tallies } from "./figures.ts";
import type { CountedClick } from "./ledger.ts";

/** How a report travels: as a row of a call, as a signed URL of the advertiser's server, or as a pixel of its page. */
export type Way = "row" | "postback" | "pixel";

export type Fields = Readonly<Record<string, string | number | boolean>>;

/** One word about an order. */
export type Report = {
  readonly click: CountedClick;
  /** Without the click id, which `click` has; fields given here replace it. */
  readonly fields: Fields;
  readonly way: Way;
  /** What the advertiser must be told. */
  readonly expect: string;
  /** What the word does, when it is taken and is new; null where it does nothing. */
  readonly effect: "record" | "correct" | "retract" | null;
  /** When it is said to have happened. */
  readonly occurredMinute: string;
};

/** Everything that is said about one order, in its order. */
export type Order = readonly Report[];

/** Adds what an order is worth in the end to the truth. */
export function addOrder(order: Order, tallies: Tallies): void {
  let credit: { click: CountedClick; occurredMinute: string } | null = null;
  let value = 0;
  for (const { click, fields, effect, occurredMinute } of order) {
    if (effect === null) continue;
    const amount = Number(fields["value_micros"] ?? 0);
    if (effect === "record") {
      if (click.reason === "test") {
        countReason(tallies, click, "test");
        continue;
      }
      if (credit === null) {
        credit = { click, occurredMinute };
        value = amount;
      } else if (isLater(click, credit.click)) {
        credit = { click, occurredMinute: credit.occurredMinute };
        countReason(tallies, click, "later_click");
      } else {
        countReason(tallies, click, "same_order");
      }
      continue;
    }
    if (credit === null) throw new Error("a scenario corrects only what is recorded");
    countReason(tallies, credit.click, effect === "correct" ? "corrected" : "retracted");
    if (effect === "correct") value += amount;
    else credit = null;
  }
  if (credit === null) return;
  const { click, occurredMinute } = credit;
  const byClick = tallies.at({ ...click.ids, minute: click.minute }).sums;
  byClick.conversions++;
  byClick.conversion_value_micros += value;
  const byTime = tallies.at({ ...click.ids, minute: occurredMinute }).sums;
  byTime.conversions_by_time++;
  byTime.conversion_value_by_time_micros += value;
}

/** Whether a click came after another. */
export function isLater(click: CountedClick, than: CountedClick): boolean {
  return click.minute === than.minute ? click.receivedAtMs > than.receivedAtMs : click.minute > than.minute;
}

function countReason(tallies: Tallies, { ids, minute }: CountedClick, reason: string): void {
  count(tallies.at({ ...ids, minute }).reasons, `conversion.${reason}`);
}
