/**
 * The whole Worker with a stop-watch on each click: from the moment its redirect is handed to the runtime until the
 * queue has acknowledged the message that carries it, and until its own request has no more to do (waitUntil): a follower
 * may leave its event to the others of its batch (src/queue/coalescer.ts).
 *
 *   GET /bench/windows → {"acknowledged": [ms, …], "done": [ms, …], "pending": clicks without acknowledgement so far}
 *
 * Keeps: a message that is acknowledged before the redirect is out counts as 0. Relies on: one isolate, as local runs
 * have; the clock moves with every timer and every answer.
 */
import { parseJson } from "../../src/core/base64url.ts";
import { readClickId } from "../../src/core/click-id.ts";
import worker from "../../src/index.ts";

export * from "../../src/index.ts";

const respondedAtMs = new Map<string, number>();
const acknowledged: number[] = [];
const done: number[] = [];
const early = new Set<string>();

let watched: { readonly env: Env; readonly own: Env } | null = null;

/** The bindings with a queue whose `send` notes when it was acknowledged; the same object for the same bindings. */
function watch(env: Env): Env {
  if (watched?.env === env) return watched.own;
  const send: Queue["send"] = async (body, options) => {
    const result = await env.CLICK_QUEUE_0.send(body, options);
    for (const { id } of (parseJson(String(body)) as { events: { id: string }[] }).events) note(id, Date.now());
    return result;
  };
  const own = { ...env, CLICK_QUEUE_0: { send, metrics: () => env.CLICK_QUEUE_0.metrics() } as unknown as Queue };
  watched = { env, own };
  return own;
}

function note(id: string, atMs: number): void {
  const sinceMs = respondedAtMs.get(id);
  if (sinceMs === undefined) early.add(id);
  else acknowledged.push(atMs - sinceMs);
  respondedAtMs.delete(id);
}

export default {
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname === "/bench/windows") {
      return Response.json({ acknowledged, done, pending: respondedAtMs.size });
    }
    const afterwards: Promise<unknown>[] = [];
    const waitUntil = (promise: Promise<unknown>) => {
      afterwards.push(promise);
      ctx.waitUntil(promise);
    };
    const response = await worker.fetch(request, watch(env), { ...ctx, waitUntil } as ExecutionContext);
    const atMs = Date.now();
    const clickId = new URL(response.headers.get("Location") ?? request.url).searchParams.get("click_id");
    const id = readClickId(clickId ?? "")?.eventId;
    if (id === undefined) return response;
    if (early.delete(id)) acknowledged.push(0);
    else respondedAtMs.set(id, atMs);
    ctx.waitUntil(Promise.all(afterwards).then(() => done.push(Date.now() - atMs)));
    return response;
  },

  queue: (batch, env) => worker.queue(batch, watch(env)),
  scheduled: (controller, env) => worker.scheduled(controller, watch(env)),
} satisfies ExportedHandler<Env>;
