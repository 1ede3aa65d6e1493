/**
 * Drives one shard from inside workerd: prepares encoded events first, then hands them over by RPC.
 *
 *   POST /prepare?calls=20&messages=100&events=10   → 204      POST /run → {"events": …, "counted": …}
 *
 * Keeps: what /run measures holds no minting and no encoding; every event is a click of another impression.
 */
import { EventShard } from "../../src/shard/event-shard.ts";
import { encodedEvent } from "./bench-event.ts";

export * from "../../src/index.ts";
export { EventShard };

const ADS = 1_000;
let calls: string[][] = [];

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const size = (name: string) => Number(searchParams.get(name));
    if (pathname === "/prepare") {
      const perCall = size("messages") * size("events");
      calls = Array.from({ length: size("calls") }, () => Array.from({ length: perCall }, () => encodedEvent(ADS)));
      return new Response(null, { status: 204 });
    }
    let counted = 0;
    for (const events of calls) counted += await env.EVENT_SHARD.getByName("clicks-0").ingest(events);
    return Response.json({ events: calls.reduce((sum, { length }) => sum + length, 0), counted });
  },
} satisfies ExportedHandler<Env>;
