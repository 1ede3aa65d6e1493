/**
 * The Worker of `npm run demo`: the deployed one, with shards that can be tampered with, and a day that can be audited
 * before it is over (scripts/demo/closing.ts). Neither a deployment nor `npm start` has it.
 *
 *   POST /demo/audit?day=2026-11-27      {"id":"2026-11-27/0001"}
 */
import { startAudit } from "../audit/start.ts";
import worker from "../index.ts";

export * from "../index.ts";
export { TamperedEventShard as EventShard } from "./tampered-shard.ts";

const AUDIT = "/demo/audit?day=";

export default {
  ...worker,
  async fetch(request, env, ctx) {
    const at = request.method === "POST" ? request.url.indexOf(AUDIT) : -1;
    if (at < 0) return worker.fetch(request, env, ctx);
    const day = request.url.slice(at + AUDIT.length);
    const started = await startAudit(env, { day, nowMs: Date.now(), graceMs: 0, isEarly: true });
    return started.ok ? Response.json({ id: started.value }) : Response.json(started, { status: 409 });
  },
} satisfies ExportedHandler<Env>;
