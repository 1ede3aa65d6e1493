/**
 * The whole Worker, with shards whose storage can be lost.
 *
 *   POST /bench/fill?shard=clicks-0&events=10000     → 204            counts clicks on impressions of their own
 *   POST /bench/lose?shard=clicks-0                  → 204            takes the storage back to before the first of them
 *   POST /bench/again?shard=clicks-0                 → {"counted":0}  delivers some of them again
 *
 * Keeps: a storage that is lost is an empty one, which is the earliest moment that it can be set back to.
 */
import worker from "../../src/index.ts";
import { EventShard as Shard } from "../../src/shard/event-shard.ts";
import { encodedEvent } from "./bench-event.ts";

export * from "../../src/index.ts";

const ADS = 1_000;
const PER_CALL = 500;
const AGAIN_MAX = 1_000;
const delivered = new Map<string, string[]>();

export class EventShard extends Shard {
  /** Empties the storage and ends the object, which the caller hears as an error. */
  async lose(): Promise<void> {
    await this.ctx.storage.deleteAll();
    this.ctx.abort("storage lost");
  }
}

export default {
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url);
    const name = searchParams.get("shard") ?? "";
    const shard = () => env.EVENT_SHARD.getByName(name) as unknown as DurableObjectStub<EventShard>;
    switch (pathname) {
      case "/bench/fill": {
        const events = Number(searchParams.get("events"));
        for (let done = 0; done < events; done += PER_CALL) {
          const call = Array.from({ length: Math.min(PER_CALL, events - done) }, () => encodedEvent(ADS));
          if (done === 0) delivered.set(name, call.slice(0, AGAIN_MAX));
          await shard().ingest(call);
        }
        return new Response(null, { status: 204 });
      }
      case "/bench/lose":
        await shard()
          .lose()
          .catch(() => {});
        return new Response(null, { status: 204 });
      case "/bench/again":
        return Response.json({ counted: await shard().ingest(delivered.get(name) ?? []) });
      default:
        return worker.fetch(request, env, ctx);
    }
  },
  queue: worker.queue,
  scheduled: worker.scheduled,
} satisfies ExportedHandler<Env>;
