/**
 * What is lost and what is counted twice when D1 fails, and when the process is killed: ours beside the naive Worker.
 *
 *   node keeps the messages ─▶ batch ─▶ workerd ─▶ acknowledged? else again ─▶ … ─▶ what does the database show?
 *
 * The local queue lives in memory and would be killed with the process, so the messages are kept here: what is lost is what
 * the Worker loses, and not its queue. Every tenth message is delivered again, as queues do.
 * Keeps: both get the same number of clicks, batches and kills. D1 fails one write in 50 of the naive Worker, which makes
 * one a click, and one in two of ours, which makes one for many clicks; a write that fails is not applied.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bundleWorker } from "../scripts/bundle.ts";
import { encodeMessage } from "../src/core/message.ts";
import { Victim } from "../test/journey/crash-process.ts";
import { BENCH_SECRETS } from "./clicks.ts";
import { encodedEvent } from "./workers/bench-event.ts";

export type LossSize = { readonly clicks: number; readonly kills: number };
export type Lost = { readonly sent: number; readonly counted: number; readonly failed: number; readonly kills: number };
export type LossResult = { readonly [Who in "ours" | "naive"]: { readonly errors: Lost; readonly killed: Lost } };

type Message = { readonly id: string; readonly atMs: number; readonly body: unknown };
type Side = {
  readonly entry: string;
  readonly queue: string;
  readonly failEvery: number;
  readonly body: (at: number) => unknown;
};

const ADS = 100;
const BATCH = 100;
const REDELIVERED_EVERY = 10;
const TOKEN_LIFE_S = 3_600;
/** A kill comes in the middle of a batch, by how long the one before took, a little later each time. */
const killAfterMs = (lastMs: number, kill: number, kills: number) => (lastMs * kill) / (kills + 1);
const COUNTED_MAX_MS = 60_000;
const POLL_MS = 500;

export const SIDES: Readonly<Record<"ours" | "naive", Side>> = {
  ours: {
    entry: "bench/workers/lossy-worker.ts",
    queue: "clickledger-clicks-0",
    failEvery: 2,
    body: () => encodeMessage([encodedEvent(ADS)]),
  },
  naive: {
    entry: "bench/workers/naive-lossy-worker.ts",
    queue: "naive-clicks",
    failEvery: 50,
    body: (at) => {
      const atMs = Date.now();
      return { jti: `impression-${at}`, ad: `ad_${at % ADS}`, exp: Math.floor(atMs / 1_000) + TOKEN_LIFE_S, atMs };
    },
  },
};

export async function measureLoss(size: LossSize): Promise<LossResult> {
  return { ours: await measureSide(SIDES.ours, size), naive: await measureSide(SIDES.naive, size) };
}

export async function measureSide(side: Side, { clicks, kills }: LossSize) {
  const folder = await mkdtemp(join(tmpdir(), "clickledger-bench-loss-"));
  try {
    const scriptFile = join(folder, "worker.js");
    await writeFile(scriptFile, await bundleWorker(side.entry));
    const errors = await drive(side, { folder: join(folder, "errors"), scriptFile, clicks, kills: 0 });
    const killed = await drive(
      { ...side, failEvery: 0 },
      { folder: join(folder, "killed"), scriptFile, clicks, kills },
    );
    return { errors, killed };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Drive = { readonly folder: string; readonly scriptFile: string; readonly clicks: number; readonly kills: number };

async function drive({ queue, failEvery, body }: Side, { folder, scriptFile, clicks, kills }: Drive): Promise<Lost> {
  const options = { statePath: folder, scriptFile, vars: BENCH_SECRETS, cachePath: join(folder, "..", "cache") };
  let victim = new Victim(options);
  try {
    let url = await victim.start();
    await total(url);
    const waiting = withRepeats(Array.from({ length: clicks }, (_, at) => messageOf(at, body)));
    const killEvery = kills === 0 ? Number.POSITIVE_INFINITY : Math.floor(waiting.length / BATCH / (kills + 1));
    let [failed, killed, lastMs] = [0, 0, 0];
    for (let round = 1; waiting.length > 0; round++) {
      const batch = waiting.splice(0, BATCH);
      const beganMs = performance.now();
      const delivering = deliver(url, { queue, failEvery, messages: batch });
      if (killed < kills && round % killEvery === 0) {
        const afterMs = killAfterMs(lastMs, ++killed, kills);
        await Promise.race([delivering.catch(() => {}), sleep(afterMs)]);
        await victim.kill();
        await delivering.catch(() => {});
        waiting.unshift(...batch);
        victim = new Victim(options);
        url = await victim.start();
        continue;
      }
      const { acknowledged, failed: soFar } = await delivering;
      lastMs = performance.now() - beganMs;
      const isDone = new Set(acknowledged);
      waiting.push(...batch.filter(({ id }) => !isDone.has(id)));
      failed = soFar;
    }
    const counted = await countedAtLast(url, clicks);
    if (failEvery > 0) failed = (await deliver(url, { queue, failEvery: 0, messages: [] })).failed;
    return { sent: clicks, counted, failed, kills: killed };
  } finally {
    await victim.kill();
  }
}

function messageOf(at: number, body: Side["body"]): Message {
  return { id: `m-${at}`, atMs: Date.now(), body: body(at) };
}

/** The messages, every tenth of them once more at the end. */
function withRepeats(messages: readonly Message[]): Message[] {
  const again = messages.filter((_, at) => at % REDELIVERED_EVERY === 0);
  return [...messages, ...again.map(({ id, ...message }) => ({ id: `${id}-again`, ...message }))];
}

type Delivered = { readonly acknowledged: readonly string[]; readonly failed: number };

async function deliver(url: string, delivery: object): Promise<Delivered> {
  const answer = await fetch(`${url}/bench/deliver`, { method: "POST", body: JSON.stringify(delivery) });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as Delivered;
}

async function total(url: string): Promise<number> {
  const answer = await fetch(`${url}/bench/total`, { method: "POST" });
  return (await answer.json()) as number;
}

/** What is counted once all clicks are, or once nothing changes any more for as long as faults are retried. */
async function countedAtLast(url: string, clicks: number): Promise<number> {
  const STILL_MS = 10_000;
  const endsAtMs = Date.now() + COUNTED_MAX_MS;
  let [counted, sinceMs] = [await total(url), Date.now()];
  while (counted < clicks && Date.now() < endsAtMs && Date.now() - sinceMs < STILL_MS) {
    await sleep(POLL_MS);
    const now = await total(url);
    if (now !== counted) [counted, sinceMs] = [now, Date.now()];
  }
  return counted;
}
