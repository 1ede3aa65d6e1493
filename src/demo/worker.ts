/**
 * The Worker of a local run with a demonstration: the deployed one, `/demo` in front of it, and objects that can live
 * through a past (history/life.ts). `npm start` runs it (scripts/start.ts); wrangler.toml names src/index.ts, so that
 * no deployment holds the demonstration.
 */
import { readConfig } from "../config.ts";
import worker from "../index.ts";
import { pathOf } from "../track/router.ts";
import { handleDemo } from "./pages.ts";
import { signInFirst } from "./sign-in.ts";

export * from "../index.ts";
export { HistoricCountsShard as CountsShard } from "./history/counts-shard.ts";
export { HistoricEventShard as EventShard } from "./history/event-shard.ts";
export { HistoricOrderShard as OrderShard } from "./history/order-shard.ts";

export default {
  ...worker,
  async fetch(request, env, ctx) {
    const path = pathOf(request.url);
    if (path === "/") {
      const first = await signInFirst(request, env, readConfig(env));
      if (first !== undefined) return first;
    }
    const page = path === "/demo" || path.startsWith("/demo/") ? await handleDemo(request, path, env) : undefined;
    return page ?? worker.fetch(request, env, ctx);
  },
} satisfies ExportedHandler<Env>;
