/**
 * What is counted at the bindings (meter.ts): plain numbers that are added, subtracted and scaled.
 */

const COUNTED = [
  "clicks",
  "consumerRuns",
  "cronRuns",
  "messages",
  "queueOperations",
  "objectCalls",
  "alarmsRun",
  "alarmsSet",
  "objectRowsWritten",
  "objectRowsRead",
  "objectD1Calls",
  "objectR2Calls",
  "objectHeldMs",
  "d1Calls",
  "d1RowsWritten",
  "d1RowsRead",
  "classA",
  "classB",
  "points",
  "logBytes",
] as const;
export type Counted = (typeof COUNTED)[number];
export type Counters = Record<Counted, number>;

export function zeroCounters(): Counters {
  return Object.fromEntries(COUNTED.map((name) => [name, 0])) as Counters;
}

/** `left` and `factor` times `right`, one by one. */
export function plus(left: Readonly<Counters>, right: Readonly<Counters>, factor = 1): Counters {
  return Object.fromEntries(COUNTED.map((name) => [name, left[name] + factor * right[name]])) as Counters;
}

export function minus(left: Readonly<Counters>, right: Readonly<Counters>): Counters {
  return plus(left, right, -1);
}

export function times(counters: Readonly<Counters>, factor: number): Counters {
  return plus(zeroCounters(), counters, factor);
}

/** The names of what is not 0. */
export function namesCounted(counters: Readonly<Counters>): Counted[] {
  return COUNTED.filter((name) => counters[name] !== 0);
}
