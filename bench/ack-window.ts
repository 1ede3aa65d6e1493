/**
 * `npm run bench:ack-window`: how long a click that has been redirected is only in the isolate's memory. Should the
 * isolate die in this window, the click is lost (docs/GUARANTEES.md); a token of `dur: 1` has no such window.
 *
 *   npm run bench:ack-window -- [--clicks 5000] [--rate 300]
 *
 * Keeps: open loop at a steady rate on loopback, distinct links; every click must be redirected and acknowledged.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { bundleWorker } from "../scripts/bundle.ts";
import { printFault, startRuntime } from "../scripts/local-runtime.ts";
import { BENCH_SECRETS, clickRequests } from "./clicks.ts";
import { driveLoad } from "./load.ts";
import { describeMachine } from "./machine.ts";

export type WindowResult = { readonly acknowledged: readonly number[]; readonly done: readonly number[] };
type Answer = WindowResult & { readonly pending: number };

const TICK_MS = 20;
const CONNECTIONS = 32;
const SETTLE_MAX_MS = 30_000;

/** Milliseconds from redirect to acknowledgement, one for each click. */
export async function measureWindow({ clicks, rate }: { clicks: number; rate: number }): Promise<WindowResult> {
  const script = await bundleWorker("bench/workers/ack-window-worker.ts");
  const runtime = await startRuntime({ vars: BENCH_SECRETS, script, onLog: printFault });
  try {
    const requests = clickRequests(clicks, { ads: 1_000, issuedAtMs: Date.now() });
    await driveSteadily(runtime.url, requests, rate);
    const endsAtMs = Date.now() + SETTLE_MAX_MS;
    for (;;) {
      const answer = (await (await fetch(`${runtime.url}/bench/windows`)).json()) as Answer;
      if (answer.acknowledged.length === clicks && answer.done.length === clicks) return answer;
      if (Date.now() > endsAtMs) throw new Error(`${answer.pending} of ${clicks} clicks were never acknowledged`);
      await sleep(TICK_MS);
    }
  } finally {
    await runtime.stop();
  }
}

/** Sends the requests in ticks of equal size, whatever the answers take. */
async function driveSteadily(url: string, requests: readonly Buffer[], rate: number): Promise<void> {
  const startMs = performance.now();
  const pending: Promise<void>[] = [];
  for (let sent = 0; sent < requests.length; ) {
    const due = Math.min(requests.length, Math.ceil(((performance.now() - startMs) * rate) / 1_000));
    if (due > sent) pending.push(sendAll(url, requests.slice(sent, due)));
    sent = Math.max(sent, due);
    await sleep(TICK_MS);
  }
  await Promise.all(pending);
}

async function sendAll(url: string, requests: readonly Buffer[]): Promise<void> {
  const connections = Math.min(CONNECTIONS, requests.length);
  const { byStatus } = await driveLoad({ url, requests, count: requests.length, connections, depth: 1 });
  if (byStatus.get(302) !== requests.length) throw new Error("not every click was redirected");
}

/** The value that `share` of the values do not exceed. */
export function percentileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

async function main(): Promise<void> {
  const options = { clicks: { type: "string" }, rate: { type: "string" } } as const;
  const { values } = parseArgs({ options, strict: true });
  const size = { clicks: Number(values.clicks ?? 5_000), rate: Number(values.rate ?? 300) };
  const { acknowledged, done } = await measureWindow(size);
  const line = (what: string, all: readonly number[]) =>
    `${what}  p50 ${percentileOf(all, 0.5)} ms, p99 ${percentileOf(all, 0.99)} ms, longest ${percentileOf(all, 1)} ms`;
  console.log(describeMachine("npm run bench:ack-window").join("\n"));
  console.log(`${size.clicks} clicks at ${size.rate}/s`);
  console.log(line("redirect → the queue has the click    ", acknowledged));
  console.log(line("redirect → its request is done        ", done));
}

if (import.meta.main) {
  main().catch((cause: unknown) => {
    console.error(cause);
    process.exit(1);
  });
}
