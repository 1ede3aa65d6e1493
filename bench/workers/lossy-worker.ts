/**
 * The whole Worker, driven by who keeps its queue (lossy.ts): `POST /bench/deliver`, and `POST /bench/total` → counted
 * clicks, after cron has had its turn.
 */
import worker, { EventShard as RealEventShard } from "../../src/index.ts";
import { deliver, failingDatabase } from "./lossy.ts";

export * from "../../src/index.ts";

export class EventShard extends RealEventShard {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, { ...env, REPORT_DB: failingDatabase(env.REPORT_DB) });
  }
}

export default {
  ...worker,
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/bench/deliver") return deliver(request, (batch) => worker.queue(batch, env));
    if (pathname !== "/bench/total") return worker.fetch(request, env, ctx);
    await worker.scheduled({ scheduledTime: Date.now(), cron: "* * * * *", noRetry() {} }, env);
    const all = "SELECT valid FROM facts_minute UNION ALL SELECT valid FROM facts_open";
    const total = `SELECT coalesce(sum(valid), 0) AS clicks FROM (${all})`;
    return Response.json((await env.REPORT_DB.prepare(total).first<{ clicks: number }>())?.clicks);
  },
} satisfies ExportedHandler<Env>;
