/**
 * CPU of a click at the edge: real requests, as `npm run bench` sends them, without consumers; both Workers in one workerd.
 */
import { bundleWorker } from "../../scripts/bundle.ts";
import { printFault, startRuntime } from "../../scripts/local-runtime.ts";
import { BENCH_SECRETS, clickRequests } from "../clicks.ts";
import { NAIVE, naiveNeighbour } from "../naive-neighbour.ts";
import { medianOf } from "../results.ts";
import { runRound } from "../scenarios.ts";
import type { Scripts } from "./measure.ts";

/** Microseconds of the whole process a request, which is more than is billed; the median of alternating rounds. */
export type EdgeMicros = { readonly ours: number; readonly naive: number };

export async function measureEdge(
  { naive }: Pick<Scripts, "naive">,
  { rounds, roundMs }: { rounds: number; roundMs: number },
): Promise<EdgeMicros> {
  const neighbours = { [NAIVE]: naiveNeighbour(naive, { hasConsumers: false }) };
  const script = await bundleWorker();
  const runtime = await startRuntime({
    vars: BENCH_SECRETS,
    script,
    hasConsumers: false,
    neighbours,
    onLog: printFault,
  });
  try {
    const urls = { ours: runtime.url, naive: runtime.neighbourUrls[NAIVE] ?? "" };
    const requests = clickRequests(Math.ceil(roundMs * 5), { ads: 1_000, issuedAtMs: Date.now() });
    const micros = { ours: [] as number[], naive: [] as number[] };
    for (let round = 0; round <= rounds; round++) {
      for (const side of round % 2 === 0 ? (["ours", "naive"] as const) : (["naive", "ours"] as const)) {
        const { cpuMicros } = (await runRound(urls[side], requests, roundMs)).round;
        // The first round warms up.
        if (round > 0) micros[side].push(cpuMicros);
      }
    }
    return { ours: medianOf(micros.ours), naive: medianOf(micros.naive) };
  } finally {
    await runtime.stop();
  }
}
