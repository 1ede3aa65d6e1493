/**
 * What shards and isolates say of themselves, added to what was known: counters that only grow, and sums of an hour.
 *
 *   what a click costs: micros of a dollar that were counted ÷ clicks = dollars of a million clicks
 *
 * Keeps: pure. A shard whose session is another one than before began at nothing. What was added is named, so that it
 * is not added again while it is still there.
 */
import type { Sample } from "../core/metrics.ts";
import { OPERATIONS_OF_MESSAGE } from "../core/prices.ts";
import { microsByUnit, microsOf, plusUnits, type Units, unitsSince } from "../core/spending.ts";
import type { Told } from "../tally.ts";
import type { MinuteSums, Said, Snapshot } from "./snapshot.ts";

export type Sums = Pick<
  Snapshot,
  "clicks" | "tokens" | "refused" | "lost" | "sessions" | "lastHour" | "told" | "spent"
>;
type Tally = Readonly<Record<string, number>>;

const MINUTES = 60;
const REASONS_MAX = 100;
/** Below so many clicks an hour a ratio says nothing. */
const CLICKS_MIN = 1_000;
const NOTHING: Omit<MinuteSums, "minute"> = { clicks: 0, duplicates: 0, lost: 0, micros: 0 };

/** Adds what sessions of shards did since. A shard that is not there keeps what it said. */
export function addSessions(sums: Sums, said: ReadonlyMap<string, Said>, minute: number): Sums {
  let { clicks, tokens, sessions, spent } = sums;
  for (const [shard, one] of said) {
    const { session, clicks: clicksNow, tokens: tokensNow, spent: spentNow = {} } = one;
    const known = sessions[shard];
    const before = known?.session === session ? known : null;
    clicks = plus(clicks, since(clicksNow, before?.clicks));
    tokens = plus(tokens, since(tokensNow, before?.tokens));
    spent = plusUnits(spent, unitsSince(spentNow, before?.spent));
    sessions = { ...sessions, [shard]: { session, clicks: clicksNow, tokens: tokensNow, spent: spentNow } };
  }
  const grown = since(clicks, sums.clicks);
  const added = Object.values(grown).reduce((sum, one) => sum + one, 0);
  const duplicates = grown["duplicate"] ?? 0;
  const lastHour = inMinute(sums.lastHour, minute, { ...NOTHING, clicks: added, duplicates });
  return { ...sums, clicks, tokens, sessions, spent, lastHour };
}

/** Adds what isolates have left. */
export function addTold(sums: Sums, all: readonly { key: string; told: Told }[], minute: number): Sums {
  const lost = all.reduce((sum, { told }) => sum + told.lost, 0);
  const refused = all.reduce((sum, { told }) => plus(sum, told.refused), sums.refused);
  return {
    ...sums,
    refused: bounded(refused),
    lost: sums.lost + lost,
    lastHour: inMinute(sums.lastHour, minute, { ...NOTHING, lost }),
    spent: plusUnits(sums.spent, ofQueues(all.map(({ told }) => told))),
    told: all.map(({ key }) => key),
  };
}

/** A batch is a request of the Worker; a message is written, read and deleted, and holds less than 64 KB. */
function ofQueues(told: readonly Told[]): Units {
  const batches = told.reduce((sum, { consumed }) => sum + (consumed?.batches ?? 0), 0);
  const messages = told.reduce((sum, { consumed }) => sum + (consumed?.messages ?? 0), 0);
  return { requests: batches, queueOperations: messages * OPERATIONS_OF_MESSAGE };
}

/** Adds what cron counted, and the requests behind what was told: events, refusals, and this run. */
export function addSpent(sums: Sums, before: Sums, byCron: Units, minute: number): Sums {
  const grown = [since(sums.tokens, before.tokens), since(sums.refused, before.refused)];
  const requests = grown.flatMap(Object.values<number>).reduce((sum, one) => sum + one, 1);
  const spent = plusUnits(plusUnits(sums.spent, byCron), { requests });
  const micros = microsOf(spent) - microsOf(before.spent);
  return { ...sums, spent, lastHour: inMinute(sums.lastHour, minute, { ...NOTHING, micros }) };
}

/** The samples that sums make. */
export function samplesOf({ clicks, tokens, refused, lost, lastHour, spent }: Sums): Sample[] {
  const all = lastHour.reduce((sum, minute) => sum + minute.clicks, 0);
  const duplicates = lastHour.reduce((sum, minute) => sum + minute.duplicates, 0);
  const micros = lastHour.reduce((sum, minute) => sum + minute.micros, 0);
  return [
    ...Object.entries(clicks).map(([of, value]): Sample => ({ name: "clickledger_clicks", of, value })),
    ...Object.entries(tokens).map(([of, value]): Sample => ({ name: "clickledger_tokens", of, value })),
    ...Object.entries(refused).map(([of, value]): Sample => ({ name: "clickledger_refused", of, value })),
    { name: "clickledger_lost_events", value: lost },
    { name: "clickledger_lost_events_1h", value: lastHour.reduce((sum, minute) => sum + minute.lost, 0) },
    ...microsByUnit(spent).map(([of, value]): Sample => ({ name: "clickledger_cost_micros", of, value })),
    ...(all < CLICKS_MIN
      ? []
      : ([
          { name: "clickledger_duplicate_ratio", value: duplicates / all },
          { name: "clickledger_cost_dollars_per_million_clicks", value: micros / all },
        ] as const)),
  ];
}

function plus(sum: Tally, more: Tally): Tally {
  const all = { ...sum };
  for (const [name, value] of Object.entries(more)) all[name] = (all[name] ?? 0) + value;
  return all;
}

function since(now: Tally, before: Tally = {}): Tally {
  return Object.fromEntries(
    Object.entries(now).map(([name, value]) => [name, Math.max(value - (before[name] ?? 0), 0)]),
  );
}

/** The most frequent reasons by their names, the others as one. */
function bounded(refused: Tally): Tally {
  const all = Object.entries(refused);
  if (all.length <= REASONS_MAX) return refused;
  const kept = all.sort(([, a], [, b]) => b - a).slice(0, REASONS_MAX - 1);
  const rest = all.slice(REASONS_MAX - 1).reduce((sum, [, value]) => sum + value, 0);
  return plus(Object.fromEntries(kept), { other: rest });
}

function inMinute(lastHour: readonly MinuteSums[], minute: number, more: Omit<MinuteSums, "minute">): MinuteSums[] {
  const kept = lastHour.filter((one) => one.minute > minute - MINUTES && one.minute <= minute);
  const own = kept.find((one) => one.minute === minute) ?? { minute, ...NOTHING };
  const sum = {
    minute,
    clicks: own.clicks + more.clicks,
    duplicates: own.duplicates + more.duplicates,
    lost: own.lost + more.lost,
    micros: own.micros + more.micros,
  };
  return [...kept.filter((one) => one.minute !== minute), sum];
}
