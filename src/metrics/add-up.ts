/**
 * What shards and isolates say of themselves, added to what was known: counters that only grow, and sums of an hour.
 *
 * Keeps: pure. A shard whose session is another one than before began at nothing. What was added is named, so that it
 * is not added again while it is still there.
 */
import type { Sample } from "../core/metrics.ts";
import type { SessionCounts } from "../shard/session-tally.ts";
import type { Told } from "../tally.ts";
import type { MinuteSums, Snapshot } from "./snapshot.ts";

export type Sums = Pick<Snapshot, "clicks" | "tokens" | "refused" | "lost" | "sessions" | "lastHour" | "told">;
type Tally = Readonly<Record<string, number>>;

const MINUTES = 60;
const REASONS_MAX = 100;
/** Below so many clicks an hour a ratio says nothing. */
const CLICKS_MIN = 1_000;

/** Adds what sessions of shards did since. A shard that is not there keeps what it said. */
export function addSessions(sums: Sums, said: ReadonlyMap<string, SessionCounts>, minute: number): Sums {
  let { clicks, tokens, sessions } = sums;
  for (const [shard, { session, clicks: clicksNow, tokens: tokensNow }] of said) {
    const known = sessions[shard];
    const before = known?.session === session ? known : null;
    clicks = plus(clicks, since(clicksNow, before?.clicks));
    tokens = plus(tokens, since(tokensNow, before?.tokens));
    sessions = { ...sessions, [shard]: { session, clicks: clicksNow, tokens: tokensNow } };
  }
  const grown = since(clicks, sums.clicks);
  const added = Object.values(grown).reduce((sum, one) => sum + one, 0);
  const lastHour = inMinute(sums.lastHour, minute, { clicks: added, duplicates: grown["duplicate"] ?? 0, lost: 0 });
  return { ...sums, clicks, tokens, sessions, lastHour };
}

/** Adds what isolates have left. */
export function addTold(sums: Sums, all: readonly { key: string; told: Told }[], minute: number): Sums {
  const lost = all.reduce((sum, { told }) => sum + told.lost, 0);
  const refused = all.reduce((sum, { told }) => plus(sum, told.refused), sums.refused);
  return {
    ...sums,
    refused: bounded(refused),
    lost: sums.lost + lost,
    lastHour: inMinute(sums.lastHour, minute, { clicks: 0, duplicates: 0, lost }),
    told: all.map(({ key }) => key),
  };
}

/** The samples that sums make. */
export function samplesOf({ clicks, tokens, refused, lost, lastHour }: Sums): Sample[] {
  const all = lastHour.reduce((sum, minute) => sum + minute.clicks, 0);
  const duplicates = lastHour.reduce((sum, minute) => sum + minute.duplicates, 0);
  return [
    ...Object.entries(clicks).map(([of, value]): Sample => ({ name: "clickledger_clicks", of, value })),
    ...Object.entries(tokens).map(([of, value]): Sample => ({ name: "clickledger_tokens", of, value })),
    ...Object.entries(refused).map(([of, value]): Sample => ({ name: "clickledger_refused", of, value })),
    { name: "clickledger_lost_events", value: lost },
    { name: "clickledger_lost_events_1h", value: lastHour.reduce((sum, minute) => sum + minute.lost, 0) },
    ...(all < CLICKS_MIN ? [] : [{ name: "clickledger_duplicate_ratio", value: duplicates / all } as const]),
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
  const own = kept.find((one) => one.minute === minute) ?? { minute, clicks: 0, duplicates: 0, lost: 0 };
  const sum = {
    minute,
    clicks: own.clicks + more.clicks,
    duplicates: own.duplicates + more.duplicates,
    lost: own.lost + more.lost,
  };
  return [...kept.filter((one) => one.minute !== minute), sum];
}
