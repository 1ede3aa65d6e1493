/**
 * The facts of the data set, row by row in the order of their keys, so that a table is written from front to back.
 *
 *                     two years            a day three months ago, and the last 31 days        the last day
 *   sampled tenth     days, hours          days, hours, minutes                                days, hours, minutes
 *   everyone else     days                 days                                                days, hours, minutes
 *
 * Keeps: where a finer tier has rows, a row is their fold, as rolls make it: a sampled advertiser has one answer in every
 * tier. gross = valid + duplicate + invalid + late in every cell. `reasons` names exactly the invalid clicks.
 * The same catalogue and seed make the same rows.
 */
import { MEASURES, type Measure } from "../../src/core/fields.ts";
import { Sketch } from "../../src/core/sketch.ts";
import type { Tier } from "../../src/facts/facts-schema.ts";
import { type Calendar, hasMinutes } from "./calendar.ts";
import { type Ad, type Advertiser, activeProbability, type Catalog, randomOf } from "./catalog.ts";

export type FactsRow = {
  readonly tier: Tier;
  readonly advertiserId: string;
  readonly window: number;
  readonly ad: Ad;
  /** One sum for each measure. */
  readonly totals: Float64Array;
  readonly cells: string;
  readonly cellCount: number;
  readonly reasons: string;
  readonly sketch: string | null;
};

const WIDTH = MEASURES.length;
const HOURS = 24;
const MINUTES = 60;
/** Cells that a minute of an ad touches at most. */
const CELLS_OF_MINUTE = 20;
/** People among the clicks of a cell at most. */
const USERS_OF_CELL = 8;
/** Places of the counts that a click makes. */
const AT = Object.fromEntries(MEASURES.map((measure, at) => [measure, at])) as Record<Measure, number>;

/** What is counted of an ad in a window: counts of each cell, and who clicked. */
class Tally {
  readonly ad: Ad;
  readonly counts: Float64Array;
  readonly users = new Set<number>();
  isEmpty = true;

  constructor(ad: Ad) {
    this.ad = ad;
    this.counts = new Float64Array(ad.cells.length * WIDTH);
  }

  add(other: Tally): void {
    for (let at = 0; at < this.counts.length; at++) this.counts[at] = (this.counts[at] ?? 0) + (other.counts[at] ?? 0);
    for (const user of other.users) this.users.add(user);
    this.isEmpty = false;
  }

  clear(): void {
    this.counts.fill(0);
    this.users.clear();
    this.isEmpty = true;
  }

  toRow(key: Pick<FactsRow, "tier" | "advertiserId" | "window">): FactsRow {
    const totals = new Float64Array(WIDTH);
    const cells: string[] = [];
    for (const [cell, prefix] of this.ad.cells.entries()) {
      const start = cell * WIDTH;
      const isTouched = this.counts[start + AT.gross] !== 0;
      if (!isTouched) continue;
      const counts = this.counts.subarray(start, start + WIDTH);
      for (let at = 0; at < WIDTH; at++) totals[at] = (totals[at] ?? 0) + (counts[at] ?? 0);
      cells.push(prefix.concat(counts.join(","), "]]"));
    }
    const invalid = totals[AT.invalid] ?? 0;
    return {
      ...key,
      ad: this.ad,
      totals,
      cells: `[${cells.join(",")}]`,
      cellCount: cells.length,
      reasons: invalid === 0 ? "{}" : `{"declared_crawler":${invalid}}`,
      sketch: this.users.size === 0 ? null : Sketch.of(this.users).encode(),
    };
  }
}

/** Every row of the data set, advertiser by advertiser; of each tier in the order of its primary key. */
export function* generateRows(catalog: Catalog, calendar: Calendar, seed: number): Generator<FactsRow, void> {
  const random = randomOf(seed);
  for (const advertiser of catalog.advertisers) {
    const tallies = () => advertiser.ads.map((ad) => new Tally(ad));
    const scratch: Scratch = { minute: tallies(), hour: tallies(), day: tallies(), random };
    for (let day = calendar.fromDay; day < calendar.toDay; day++) {
      yield* dayRows(advertiser, day, { calendar, scratch });
    }
  }
}

type Scratch = Readonly<Record<Tier, readonly Tally[]>> & { readonly random: () => number };
type Context = { readonly calendar: Calendar; readonly scratch: Scratch };

function* dayRows(advertiser: Advertiser, day: number, context: Context): Generator<FactsRow, void> {
  const { calendar, scratch } = context;
  const isLast = day === calendar.toDay - 1;
  if (isLast || advertiser.isSampled) {
    for (let hour = day * HOURS; hour < (day + 1) * HOURS; hour++) yield* hourRows(advertiser, hour, context);
  } else {
    for (const tally of scratch.day) count(tally, HOURS * MINUTES, scratch.random);
  }
  yield* flush(scratch.day, { tier: "day", advertiserId: advertiser.advertiserId, window: day });
}

function* hourRows(advertiser: Advertiser, hour: number, context: Context): Generator<FactsRow, void> {
  const { calendar, scratch } = context;
  const { advertiserId } = advertiser;
  if (hasMinutes(calendar, Math.floor(hour / HOURS))) {
    for (let minute = hour * MINUTES; minute < (hour + 1) * MINUTES; minute++) {
      for (const tally of scratch.minute) count(tally, 1, scratch.random);
      fold(scratch.minute, scratch.hour);
      yield* flush(scratch.minute, { tier: "minute", advertiserId, window: minute });
    }
  } else {
    for (const tally of scratch.hour) count(tally, MINUTES, scratch.random);
  }
  fold(scratch.hour, scratch.day);
  yield* flush(scratch.hour, { tier: "hour", advertiserId, window: hour });
}

function fold(from: readonly Tally[], to: readonly Tally[]): void {
  for (const [at, tally] of from.entries()) if (!tally.isEmpty) to[at]?.add(tally);
}

function* flush(
  tallies: readonly Tally[],
  key: Pick<FactsRow, "tier" | "advertiserId" | "window">,
): Generator<FactsRow, void> {
  for (const tally of tallies) {
    if (tally.isEmpty) continue;
    yield tally.toRow(key);
    tally.clear();
  }
}

/** Counts the clicks of a window of so many minutes. A day touches all cells of an ad, an hour or minute some. */
function count(tally: Tally, minutes: number, random: () => number): void {
  const { ad } = tally;
  if (minutes === 1 && random() >= activeProbability(ad)) return;
  const clicks = minutes === 1 ? 1 - Math.log(1 - random()) * ad.rate : ad.rate * minutes * (0.5 + random());
  if (clicks < 1) return;
  const most = Math.min(Math.floor(clicks), ad.cells.length, minutes === 1 ? CELLS_OF_MINUTE : Infinity);
  const cells = minutes === HOURS * MINUTES ? most : 1 + Math.floor(random() * most);
  // The first cells of an ad are its busiest.
  const first = Math.floor(ad.cells.length * random() ** 3);
  for (let at = 0; at < cells; at++) {
    const cell = (first + at) % ad.cells.length;
    countCell(tally, cell, { gross: Math.max(1, Math.floor((clicks / cells) * (0.5 + random()))), random });
  }
  tally.isEmpty = false;
}

function countCell(tally: Tally, cell: number, { gross, random }: { gross: number; random: () => number }): void {
  const { ad, counts } = tally;
  const start = cell * WIDTH;
  const add = (measure: Measure, value: number) => {
    counts[start + AT[measure]] = (counts[start + AT[measure]] ?? 0) + value;
  };
  const dice = random();
  const [duplicate, invalid] = [Math.floor(gross * dice * 0.2), Math.floor(gross * (1 - dice) * 0.3)];
  const late = dice < 0.01 && gross > duplicate + invalid ? 1 : 0;
  const valid = gross - duplicate - invalid - late;
  const impressions = valid * 20 + Math.floor(dice * 40);
  const conversions = Math.floor(valid * 0.05 + dice ** 4);
  add("gross", gross);
  add("duplicate", duplicate);
  add("invalid", invalid);
  add("late", late);
  add("valid", valid);
  add("spend_micros", valid * ad.cpcMicros);
  add("impressions", impressions);
  add("gross_impressions", impressions + Math.floor(dice * 5));
  add("conversions", conversions);
  add("conversions_by_time", conversions);
  add("conversion_value_micros", conversions * 12_340_000);
  add("conversion_value_by_time_micros", conversions * 12_340_000);
  if (ad.users.length === 0) return;
  add("valid_with_user", valid);
  for (let click = Math.min(valid, USERS_OF_CELL); click > 0; click--) {
    tally.users.add(ad.users[Math.floor(random() * ad.users.length)] ?? 0);
  }
}
