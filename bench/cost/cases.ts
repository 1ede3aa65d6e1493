/**
 * The loads of `npm run cost`, and what is wanted of each.
 */
import type { CostCase } from "./measure.ts";

/** The first clicks of a database and of its shards, which write what is written once. */
const FIRST = { clicksPerSecond: 50, seconds: 1 };
/** Where a load does not reach every ad in its time; then the hour's rows are as many as in a whole hour. */
const AN_AD_EACH = { clicksPerSecond: 50, seconds: 20 };
const of = (clicksPerSecond: number, perMessage: number, seconds: number, warm = FIRST) => ({
  ...{ clicksPerSecond, perMessage, seconds, warm, idleMinutes: 60 },
});
const few = (perMessage: number, seconds: number) => ({
  ...of(20, perMessage, seconds, { clicksPerSecond: 20, seconds: 1 }),
  idleMinutes: 3,
});

export const COST_SIZES = {
  full: {
    cases: [
      of(1_157, 10, 60),
      of(50, 10, 120),
      of(1_157, 1, 60),
      of(50, 1, 120),
      of(1, 1, 600, AN_AD_EACH),
      of(1, 10, 600, AN_AD_EACH),
    ],
    // A call and an upsert a click, which take their time here; at 1 157 a part of a minute in which its rows are there.
    naive: [of(1_157, 1, 5, AN_AD_EACH), of(50, 1, 60, AN_AD_EACH), of(1, 1, 120, AN_AD_EACH)],
    edge: { rounds: 3, roundMs: 1_000 },
  },
  small: { cases: [few(10, 6)], naive: [few(1, 3)], edge: { rounds: 1, roundMs: 100 } },
} as const satisfies Record<string, CostSize>;
export type CostSize = {
  readonly cases: readonly CostCase[];
  readonly naive: readonly CostCase[];
  readonly edge: { readonly rounds: number; readonly roundMs: number };
};

/** Rows written a click, in objects and D1 together, that `--check` fails above. */
export const ROWS_WANTED = { clicksPerSecond: 1_157, max: 0.15 } as const;

/** Dollars of a million clicks that are wanted, and only printed. */
const DOLLARS_WANTED = [
  { clicksPerSecond: 1_157, perMessage: 10, max: 0.65 },
  { clicksPerSecond: 1_157, perMessage: 1, max: 1.75 },
  { clicksPerSecond: 50, perMessage: 1, max: 2.2 },
  { clicksPerSecond: 50, perMessage: 10, max: 2.2 },
] as const;

export function dollarsWanted(one: Pick<CostCase, "clicksPerSecond" | "perMessage">): number | null {
  const isOf = (wanted: (typeof DOLLARS_WANTED)[number]) =>
    wanted.clicksPerSecond === one.clicksPerSecond && wanted.perMessage === one.perMessage;
  return DOLLARS_WANTED.find(isOf)?.max ?? null;
}

/** What is missed of the rows, a line each. */
export function rowsMissed(
  billed: readonly { readonly one: CostCase; readonly bill: { readonly rows: { objects: number; d1: number } } }[],
): string[] {
  return billed.flatMap(({ one, bill: { rows } }) => {
    const written = rows.objects + rows.d1;
    if (one.clicksPerSecond !== ROWS_WANTED.clicksPerSecond || Number(written.toFixed(6)) <= ROWS_WANTED.max) return [];
    const split = `objects ${rows.objects.toFixed(3)}, D1 ${rows.d1.toFixed(3)}`;
    return [
      `${one.clicksPerSecond} clicks/s, ${one.perMessage} a message: ${written.toFixed(3)} rows written a click ` +
        `(${split}), wanted at most ${ROWS_WANTED.max}`,
    ];
  });
}
