/**
 * The naive Worker, driven by who keeps its queue (lossy.ts). It has the bindings of ours: its database is ours with a table
 * of its own, and its objects stand in the place of one of our classes.
 */
import naive, { CREATE_TABLE, type NaiveClick, type NaiveEnv } from "../baseline/naive-worker.ts";
import { deliver, failingDatabase } from "./lossy.ts";

export * from "../../src/index.ts";
export { AdClicks as CountsShard } from "../baseline/naive-worker.ts";

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const own = { DB: failingDatabase(env.REPORT_DB), ADS: env.COUNTS_SHARD } as unknown as NaiveEnv;
    if (pathname === "/bench/deliver") {
      return deliver(request, (batch) => naive.queue(batch as MessageBatch<NaiveClick>, own));
    }
    await env.REPORT_DB.prepare(CREATE_TABLE).run();
    const total = "SELECT coalesce(sum(clicks), 0) AS clicks FROM clicks_by_minute";
    return Response.json((await env.REPORT_DB.prepare(total).first<{ clicks: number }>())?.clicks);
  },
} satisfies ExportedHandler<Env>;
