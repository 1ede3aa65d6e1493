/**
 * The naive Worker (../baseline/), whose queue can be left out (queue-switch.ts), and which tells what it has counted:
 * `POST /bench/total` → 123, from a table that is made first.
 */
import naive, { CREATE_TABLE, type NaiveClick, type NaiveEnv } from "../baseline/naive-worker.ts";
import { withQueueSwitch } from "./queue-switch.ts";

export { AdClicks } from "../baseline/naive-worker.ts";

const fetch = withQueueSwitch<NaiveEnv>("CLICKS", (request, env, ctx) => naive.fetch(request, env, ctx));

export default {
  async fetch(request, env, ctx) {
    if (request.method !== "POST") return fetch(request, env, ctx);
    await env.DB.prepare(CREATE_TABLE).run();
    const total = "SELECT coalesce(sum(clicks), 0) AS clicks FROM clicks_by_minute";
    return Response.json((await env.DB.prepare(total).first<{ clicks: number }>())?.clicks);
  },
  queue: (batch, env) => naive.queue(batch, env),
} satisfies ExportedHandler<NaiveEnv, NaiveClick>;
