/**
 * The Worker of a local run with bindings that count (meter.ts): what reading costs.
 *
 *   GET /bench/read → counters since the last time
 */
import worker from "../../src/demo/worker.ts";
import { type Counters, minus, zeroCounters } from "../cost/counters.ts";
import { countersNow, metered } from "./meter.ts";

export * from "../../src/demo/worker.ts";

let told: Counters = zeroCounters();
let own: { readonly env: Env; readonly metered: Env } | null = null;

/** Workflows are those that there are: pages ask them how far they are. */
function meteredOnce(env: Env): Env {
  const { AUDIT, REPLAY, EVIDENCE } = env;
  if (own?.env !== env) own = { env, metered: { ...metered(env, "worker"), AUDIT, REPLAY, EVIDENCE } };
  return own.metered;
}

export default {
  ...worker,
  async fetch(request, env, ctx) {
    if (!request.url.endsWith("/bench/read")) return worker.fetch(request, meteredOnce(env), ctx);
    const now = countersNow();
    const read = minus(now, told);
    told = now;
    return Response.json(read);
  },
} satisfies ExportedHandler<Env>;
