/**
 * Loads a Worker at rates, in time that is not waited for, and counts what is billed of it (bill.ts).
 *
 *   an hour of crons ─▶ another, counted: idle ─▶ warm up ─▶ clicks, counted ─▶ an hour later ─▶ a day later ─▶ minutes leave
 *
 * Keeps: every phase begins when all of the one before is carried. What is counted is the deployed code at its bindings;
 * what is not: a network, replicas, other isolates, retries. Relies on: bench/workers/virtual-time.ts.
 */
import { bundleModule, bundleWorker } from "../../scripts/bundle.ts";
import { type LocalRuntime, printFault, startRuntime } from "../../scripts/local-runtime.ts";
import { BENCH_SECRETS } from "../clicks.ts";
import { NAIVE, naiveNeighbour } from "../naive-neighbour.ts";
import { workerdCpuSeconds } from "../process.ts";
import { type Measured, NOTHING, withoutIdle } from "./bill.ts";
import { type Counters, minus, times } from "./counters.ts";

export type CostCase = {
  readonly clicksPerSecond: number;
  readonly perMessage: number;
  readonly seconds: number;
  /** Crons that are counted with nothing to do, after as many that are not: an hour's, in which every object has its turn. */
  readonly idleMinutes: number;
  /** Not counted, and long enough that every ad has clicks in the hour. */
  readonly warm: { readonly clicksPerSecond: number; readonly seconds: number };
};
/** Without the edge, whose CPU is measured under real requests (edge.ts). */
export type Carried = Omit<Measured, "cpuMicros"> & {
  readonly cpuMicros: number;
  /** A minute of cron when clicks have come, and all is carried, rolled and moved. */
  readonly restMinute: Counters;
  /** A day after that in which no cron runs. */
  readonly quietDay: Counters;
};
export type Scripts = { readonly ours: string; readonly naive: string };

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Eight in the morning, with the hour's clicks to come at ten: no phase meets the end of an hour or a day by itself. */
const START_MS = Date.UTC(2026, 10, 2, 8);
const CLICKS_MS = START_MS + 2 * HOUR_MS + 10 * MINUTE_MS;
const APART_MS = 14 * DAY_MS;
/** Minted at once: as many as fit into memory. */
const CHUNK_SECONDS = 10;
/** Advertisers move by bucket, one a minute; more rounds where there is more. */
const MOVE_MINUTES = 16;
const MOVE_ROUNDS_MAX = 20;

type State = { readonly counters: Counters; readonly nowMs: number; readonly armed: number };
type Order = Readonly<Record<string, number | boolean>>;

/** Audits would begin a day after a day; they are no part of this, so they are put off. */
const VARS = { ...BENCH_SECRETS, CLOSE_GRACE_H: "168" };

export async function bundleScripts(): Promise<Scripts> {
  const [ours, naive] = [
    await bundleWorker("bench/workers/cost-worker.ts"),
    await bundleModule("bench/workers/naive-cost-worker.ts"),
  ];
  return { ours, naive };
}

/** A fresh workerd with both Workers. */
export function startCost({ ours: script, naive }: Scripts): Promise<LocalRuntime> {
  const neighbours = { [NAIVE]: naiveNeighbour(naive, { hasConsumers: false }) };
  return startRuntime({ vars: VARS, script, hasConsumers: false, onLog: printFault, neighbours });
}

/** Measures cases of ours one after the other, each two weeks after the one before, when nothing is left of it to do. */
export async function* measureOurs({ url }: LocalRuntime, cases: readonly CostCase[]): AsyncGenerator<Carried> {
  const ask = asking(url);
  await ask("start", { atMs: START_MS });
  const runs = cases[0]?.idleMinutes ?? 1;
  await ask("cron", { runs });
  const settled = await ask("drain", {});
  const idle = minus((await ask("cron", { runs })).counters, settled.counters);
  const idleMinute = times(idle, 1 / runs);
  const later = phases(ask, idleMinute);
  for (const [index, one] of cases.entries()) {
    const { clicksPerSecond, seconds, warm } = one;
    const startMs = CLICKS_MS + index * APART_MS;
    const day = Math.floor(startMs / DAY_MS);
    await later(startMs);
    await carry(ask, { ...one, ...warm });
    const { carried, cpuMicros } = await carry(ask, one);
    const hourly = await later(startMs + HOUR_MS);
    const daily = await later((day + 1) * DAY_MS + 10 * MINUTE_MS);
    const moved = await later((day + 4) * DAY_MS, MOVE_MINUTES);
    const resting = await atRest(ask, Math.min(runs, MOVE_MINUTES));
    const clicks = seconds * clicksPerSecond + warm.seconds * warm.clicksPerSecond;
    yield { clicksPerSecond, carried, idleMinute, hourly, daily, moved: { ...moved, clicks }, cpuMicros, ...resting };
  }
}

/** Measures cases of the naive Worker, which has no cron and moves nothing, a day apart. */
export async function* measureNaive(
  { neighbourUrls }: LocalRuntime,
  cases: readonly CostCase[],
): AsyncGenerator<Carried> {
  const ask = asking(neighbourUrls[NAIVE] ?? "");
  for (const [index, one] of cases.entries()) {
    const { clicksPerSecond, warm } = one;
    await ask("start", { atMs: CLICKS_MS + index * DAY_MS });
    await carry(ask, { ...one, ...warm });
    const { carried, cpuMicros } = await carry(ask, one);
    const none = { idleMinute: NOTHING, hourly: NOTHING, daily: NOTHING, moved: NOTHING };
    yield { clicksPerSecond, carried, ...none, cpuMicros, restMinute: NOTHING, quietDay: NOTHING };
  }
}

/** What is counted when nothing is left to do. */
async function atRest(ask: Ask, runs: number): Promise<Pick<Carried, "restMinute" | "quietDay">> {
  const before = await ask("drain", {});
  const rested = await ask("cron", { runs });
  const after = await ask("cron", { atMs: rested.nowMs + DAY_MS, runs: 0 });
  return {
    restMinute: times(minus(rested.counters, before.counters), 1 / runs),
    quietDay: minus(after.counters, rested.counters),
  };
}

type Ask = (path: string, order: Order) => Promise<State>;

function asking(url: string): Ask {
  return async (path, order) => {
    const answer = await fetch(`${url}/meter/${path}`, { method: "POST", body: JSON.stringify(order) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as State;
  };
}

/** Clicks for so many seconds, until all is carried; what was counted, and CPU a click. */
async function carry(ask: Ask, { clicksPerSecond, perMessage, seconds }: Omit<CostCase, "warm" | "idleMinutes">) {
  const drained = await ask("drain", {});
  // Whole minutes begin with one, so that their sums are written as often as those of any; a part is of the one under way.
  const isWhole = (seconds * 1_000) % MINUTE_MS === 0;
  const atMs = isWhole ? Math.ceil(drained.nowMs / MINUTE_MS) * MINUTE_MS : drained.nowMs;
  const before = await ask("cron", { atMs, runs: 0 });
  const clicks = clicksPerSecond * seconds;
  const perChunk = Math.max(perMessage, Math.floor(clicksPerSecond * CHUNK_SECONDS));
  let cpuSeconds = 0;
  const timed = async (path: string, order: Order) => {
    const began = workerdCpuSeconds();
    const state = await ask(path, order);
    cpuSeconds += workerdCpuSeconds() - began;
    return state;
  };
  for (let sent = 0; sent < clicks; sent += perChunk) {
    const at = { isFirst: sent === 0, isLast: sent + perChunk >= clicks };
    await ask("load", { clicks: Math.min(perChunk, clicks - sent), perSecond: clicksPerSecond, perMessage, ...at });
    await timed("run", { cron: true });
  }
  const after = await timed("drain", {});
  if (after.armed > 0) throw new Error("an alarm is armed when all is carried");
  const carried = { ...minus(after.counters, before.counters), clicks };
  return { carried, cpuMicros: (cpuSeconds * 1e6) / clicks };
}

/** Goes to an instant, and runs crons there until they have nothing more to do; what they did beyond idling. */
function phases(ask: Ask, idleMinute: Counters) {
  return async (atMs: number, runs = 1): Promise<Counters> => {
    const before = await ask("drain", {});
    let [last, after] = [before, await ask("cron", { atMs, runs })];
    for (let round = 1; round < MOVE_ROUNDS_MAX; round++) {
      const done = withoutIdle(minus(after.counters, last.counters), idleMinute);
      if (done.d1RowsWritten < runs) break;
      [last, after] = [after, await ask("cron", { atMs, runs })];
    }
    const drained = await ask("drain", {});
    return withoutIdle(minus(drained.counters, before.counters), idleMinute);
  };
}
