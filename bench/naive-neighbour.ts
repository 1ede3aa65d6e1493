/**
 * The naive Worker beside ours in one workerd: its bindings, and a script of it.
 */
import type { Neighbour } from "../scripts/local-runtime.ts";
import { BENCH_KEY } from "./clicks.ts";

export const NAIVE = "naive";
const QUEUE = "naive-clicks";

/** Named `NAIVE`; without consumers its queue drops what it gets. */
export function naiveNeighbour(script: string, { hasConsumers }: { hasConsumers: boolean }): Neighbour {
  const consumer = { maxBatchSize: 100, maxBatchTimeout: 1, maxRetries: 100 };
  return {
    script,
    bindings: {
      bindings: { TOKEN_SECRET: BENCH_KEY.bytes.toString("base64url") },
      d1Databases: { DB: "naive-db" },
      durableObjects: { ADS: { className: "AdClicks", useSQLite: true } },
      queueProducers: { CLICKS: QUEUE },
      ...(hasConsumers ? { queueConsumers: { [QUEUE]: consumer } } : {}),
    },
  };
}
