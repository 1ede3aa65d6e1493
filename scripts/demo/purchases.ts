/**
 * The orders plan: which clicks lead to a purchase, and what their advertisers say about it. A function of the seed and
 * of the clicks that were answered.
 *
 * Keeps: words about one order are in the order in which they are said; orders do not share a click.
 */

import { Random, Weighted } from "../../src/demo/random.ts";
import { isoMinute } from "./figures.ts";
import type { CountedClick } from "./ledger.ts";
import { type Fields, isLater, type Order, type Report, type Way } from "./orders.ts";
import { flip } from "./scenarios.ts";

/** Of valid clicks, this share leads to an order. */
const ORDERS_PER_CLICK = 0.04;
const MICROS = 1_000_000;

type Told = {
  readonly random: Random;
  /** A valid click that no other order has, of one advertiser where that is asked. */
  readonly nextClick: (advertiserId?: string) => CountedClick;
  readonly tests: readonly CountedClick[];
  readonly orderId: string;
  readonly occurredAtMs: number;
};

type Story = (told: Told) => Order;

/** One word; recorded by a row unless told otherwise. */
function report(
  { occurredAtMs }: Told,
  click: CountedClick,
  fields: Fields,
  { way = "row", expect = "recorded", effect = "record" }: Partial<Pick<Report, "way" | "expect" | "effect">> = {},
): Report {
  const timed = { occurred_at: occurredAtMs, ...fields };
  return { click, fields: timed, way, expect, effect, occurredMinute: isoMinute(occurredAtMs) };
}

const NOTHING = { effect: null } as const;
const again = (way: Way = "row") => ({ ...NOTHING, way, expect: "repeated" });
const refusedAs = (expect: string, way: Way = "row") => ({ ...NOTHING, way, expect });

function priceFrom(random: Random): number {
  return (10 + random.below(190)) * MICROS + random.below(100) * 10_000;
}

function purchase(told: Told): Fields {
  return { order_id: told.orderId, value_micros: priceFrom(told.random) };
}

const bought =
  (way: Way): Story =>
  (told) => [report(told, told.nextClick(), purchase(told), { way })];

/** No shop system: the click's one purchase, or sign-up. */
const withoutOrder: Story = (told) => {
  const click = told.nextClick();
  const fields: Fields = { type: told.random.pick(["signup", "lead", "install"]) };
  return [report(told, click, fields), report(told, click, fields, again("pixel"))];
};

/** A queue that delivers twice, a thank-you page that is loaded again. */
const repeated: Story = (told) => {
  const click = told.nextClick();
  const fields = purchase(told);
  const ways = told.random.pick([
    ["row", "row"],
    ["row", "postback"],
    ["pixel", "pixel"],
  ] as const);
  return [report(told, click, fields, { way: ways[0] }), report(told, click, fields, again(ways[1]))];
};

/** The same order is reported under two clicks: the last one has it. */
const twoClicks: Story = (told) => {
  const one = told.nextClick();
  const other = told.nextClick(one.ids.advertiserId);
  const fields = purchase(told);
  return [
    report(told, one, fields),
    report(told, other, fields, { expect: isLater(other, one) ? "reattributed" : "duplicate" }),
    report(told, other, fields, again()),
  ];
};

const corrected: Story = (told) => {
  const click = told.nextClick();
  const fields = purchase(told);
  const part = -Math.floor(Number(fields["value_micros"]) / 4);
  const correct = (valueMicros: number, correctionId: string): Fields => {
    return { order_id: told.orderId, value_micros: valueMicros, correction_id: correctionId };
  };
  return [
    report(told, click, fields),
    report(told, click, correct(part, "return 1"), { expect: "corrected", effect: "correct" }),
    report(told, click, correct(part, "return 1"), again()),
    report(told, click, correct(part - 1, "return 1"), refusedAs("409 correction-conflict")),
    report(
      told,
      click,
      correct(-Number(fields["value_micros"]), "return 2"),
      refusedAs("422 correction-exceeds-value"),
    ),
  ];
};

const retracted: Story = (told) => {
  const click = told.nextClick();
  const fields = purchase(told);
  const retract: Fields = { order_id: told.orderId, retract: true };
  return [
    report(told, click, fields),
    report(told, click, retract, { expect: "retracted", effect: "retract", way: "postback" }),
    report(told, click, retract, again()),
    report(told, click, fields, refusedAs("409 order-retracted")),
  ];
};

/** What a shop gets wrong; none of it counts, and the good row among it does. */
const mistaken: Story = (told) => {
  const { random } = told;
  const click = told.nextClick();
  const good = purchase(told);
  const { clickId } = click;
  const [header, mac] = [clickId.slice(0, clickId.lastIndexOf("~") + 1), clickId.slice(clickId.lastIndexOf("~") + 1)];
  const wrong = (fields: Fields, expect: string, way: Way = "row") =>
    report(told, click, { ...good, ...fields }, refusedAs(expect, way));
  return [
    report(told, click, good),
    wrong({ click_id: `${header}${flip(mac, random.below(mac.length - 1))}` }, "403 click-id-refused"),
    wrong({ click_id: "" }, "400 click-id-missing"),
    wrong({ value_micros: 1.5 }, "400 field-invalid"),
    wrong({ type: "purchse" }, "400 unknown-type"),
    wrong({ valu_micros: 1 }, "400 field-unknown"),
    wrong({ occurred_at: told.occurredAtMs + 3_600_000 }, "422 occurred-in-future"),
    wrong({ occurred_at: told.occurredAtMs - 3_600_000 }, "422 occurred-before-click"),
    wrong({ value_micros: Number(good["value_micros"]) + 1 }, "409 order-conflict"),
    wrong({ order_id: `${told.orderId}x`, value_micros: -1 }, "404 order-unknown"),
    wrong({ sig: "A".repeat(43) }, "403 signature-invalid", "postback"),
    // A page gets its pixel whatever the conversion is worth.
    wrong({ sig: "A".repeat(43) }, "pixel", "pixel"),
  ];
};

/** A purchase after a click of test traffic is nobody's. */
const inTest: Story = (told) => {
  const click = told.random.pick(told.tests);
  return [report(told, click, purchase(told), { expect: "not_attributed" })];
};

/** Shares in percent of orders. */
const STORIES: readonly { readonly weight: number; readonly play: Story }[] = [
  { weight: 38, play: bought("row") },
  { weight: 12, play: bought("postback") },
  { weight: 10, play: bought("pixel") },
  { weight: 8, play: withoutOrder },
  { weight: 10, play: repeated },
  { weight: 7, play: twoClicks },
  { weight: 5, play: corrected },
  { weight: 4, play: retracted },
  { weight: 4, play: mistaken },
  { weight: 2, play: inTest },
];

/** The orders that the clicks led to, reported at `nowMs`; an advertiser numbers its orders from `firstOrder` on. */
export function planOrders(
  clicks: readonly CountedClick[],
  { seed, nowMs, firstOrder = 1_000 }: { seed: number; nowMs: number; firstOrder?: number },
): Order[] {
  const random = new Random(seed ^ 0x0de5);
  // In the order of the plan, which unlike that of receipt is the same at every run.
  const planned = clicks.toSorted((a, b) => a.impression - b.impression);
  const tests = planned.filter(({ reason }) => reason === "test");
  const valid = planned.filter(({ verdict }) => verdict === "valid");
  const free = new Map<string, CountedClick[]>();
  for (const click of shuffled(valid, random)) {
    const { advertiserId } = click.ids;
    free.set(advertiserId, [...(free.get(advertiserId) ?? []), click]);
  }
  const stories = new Weighted(
    STORIES.filter(({ play }) => play !== inTest || tests.length > 0),
    ({ weight }) => weight,
  );
  const nextClick = (advertiserId?: string): CountedClick => {
    const known = Array.from(free.keys()).filter((id) => (free.get(id) ?? []).length > 0);
    const click = free.get(advertiserId ?? random.pick(known))?.pop();
    if (click === undefined) throw new Error("more orders than clicks");
    return click;
  };
  return Array.from({ length: Math.floor(valid.length * ORDERS_PER_CLICK) }, (_, index) => {
    const occurredAtMs = nowMs - random.below(1_000);
    return stories.pick(random).play({ random, nextClick, tests, orderId: `A-${firstOrder + index}`, occurredAtMs });
  });
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, at: random.unit() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
