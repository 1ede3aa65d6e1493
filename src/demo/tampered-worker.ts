/**
 * The Worker of `npm run demo`: the deployed one, with shards that can be tampered with, and days that can be audited,
 * evidenced and billed before they are over (scripts/demo/closing.ts, statements.ts). Neither a deployment nor
 * `npm start` has it.
 *
 *   POST /demo/audit?day=2026-11-27                  {"id":"2026-11-27/0001"}
 *   POST /demo/evidence                              {"id":…}; as cron starts it
 *   POST /demo/issue?draft=draft_…&at=<instant>      finalises a draft as if it were then
 */
import { startAudit } from "../audit/start.ts";
import { finalizeDraft } from "../billing/issue.ts";
import { billingPorts } from "../billing/ports.ts";
import { readConfig } from "../config.ts";
import worker from "../index.ts";

export * from "../index.ts";
export { TamperedEventShard as EventShard } from "./tampered-shard.ts";

const ACTS: Readonly<Record<string, (env: Env, search: URLSearchParams) => Promise<Response>>> = {
  "/demo/audit": async (env, search) => {
    const day = search.get("day") ?? "";
    const nowMs = Math.max(Date.now(), Date.parse(day));
    const started = await startAudit(env, { day, nowMs, graceMs: 0, isEarly: true });
    return started.ok ? Response.json({ id: started.value }) : Response.json(started, { status: 409 });
  },
  "/demo/evidence": async (env) => {
    const id = `evidence-${crypto.randomUUID()}`;
    await env.EVIDENCE.create({ id });
    return Response.json({ id });
  },
  "/demo/issue": async (env, search) => {
    const atMs = Date.parse(search.get("at") ?? "");
    const ports = billingPorts(env, { config: readConfig(env), nowMs: atMs });
    const issued = await finalizeDraft(ports, search.get("draft") ?? "");
    return issued.ok ? Response.json({ sha256: issued.value.stored.sha256 }) : Response.json(issued, { status: 409 });
  },
};

export default {
  ...worker,
  async fetch(request, env, ctx) {
    const at = request.method === "POST" ? request.url.indexOf("/demo/") : -1;
    const { pathname, searchParams } = at < 0 ? NOWHERE : new URL(request.url);
    return ACTS[pathname]?.(env, searchParams) ?? worker.fetch(request, env, ctx);
  },
} satisfies ExportedHandler<Env>;

const NOWHERE = { pathname: "", searchParams: new URLSearchParams() };
