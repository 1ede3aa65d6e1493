/**
 * The whole Worker, which audits one shard's part of a day when it is asked: `POST /bench/audit?day=2026-11-27` → what it
 * took, once its inventory (src/audit/shard-audit.ts) stands in R2.
 */
import { foundPrefix, getJson, getLines, keysBelow } from "../../src/audit/objects.ts";
import { runShard } from "../../src/audit/ports.ts";
import { doneKey, type ShardDone } from "../../src/audit/shard-audit.ts";
import { PLAIN_STEPS } from "../../src/audit/steps.ts";
import worker from "../../src/index.ts";

export * from "../../src/index.ts";

export default {
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/bench/audit") return worker.fetch(request, env, ctx);
    const of = { day: searchParams.get("day") ?? "", attempt: 1, shard: "clicks-0" };
    const startedMs = Date.now();
    await runShard(env, of, PLAIN_STEPS);
    const seconds = (Date.now() - startedMs) / 1_000;
    const done = await getJson<ShardDone>(env.ARCHIVE, doneKey(of));
    const found: unknown[] = [];
    for (const key of await keysBelow(env.ARCHIVE, foundPrefix(of.day, 1))) {
      found.push(...(await getLines(env.ARCHIVE, key)));
    }
    return Response.json({ seconds, done, found: found.slice(0, 3) });
  },
  queue: worker.queue,
  scheduled: worker.scheduled,
} satisfies ExportedHandler<Env>;
