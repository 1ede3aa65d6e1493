/**
 * Drives one shard from inside workerd: prepares encoded events first, then hands them over by RPC.
 *
 *   POST /prepare?calls=20&messages=100&events=10   → 204      POST /run → {"events": …, "counted": …}
 *
 * Keeps: what /run measures holds no minting and no encoding; every event is a click of another impression.
 */
import { encodeBase64url, encodeUtf8 } from "../../src/core/base64url.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { EventShard } from "../../src/shard/event-shard.ts";
import { benchEvent } from "./bench-event.ts";

export { ReadGate } from "../../src/access/read-gate.ts";
export { SubmissionShard } from "../../src/shard/submission-shard.ts";
export { EventShard };

const ADS = 1_000;
let serial = 0;
let calls: string[][] = [];

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const size = (name: string) => Number(searchParams.get(name));
    if (pathname === "/prepare") {
      const perCall = size("messages") * size("events");
      calls = Array.from({ length: size("calls") }, () => Array.from({ length: perCall }, encodedEvent));
      return new Response(null, { status: 204 });
    }
    let counted = 0;
    for (const events of calls) counted += await env.EVENT_SHARD.getByName("clicks-0").ingest(events);
    return Response.json({ events: calls.reduce((sum, { length }) => sum + length, 0), counted });
  },
} satisfies ExportedHandler<Env>;

function encodedEvent(): string {
  const random = new Uint8Array(8);
  new DataView(random.buffer).setUint32(4, ++serial);
  const receivedAtMs = Date.now();
  const id = makeEventId({ receivedAtMs, routingHash: serial }, random);
  const part = (value: unknown) => encodeBase64url(encodeUtf8(JSON.stringify(value)));
  const { event, claims } = benchEvent(serial, ADS, receivedAtMs);
  const token = `${part({ alg: "HS256", kid: "bench-1", typ: "JWT" })}.${part(claims)}.${"A".repeat(43)}`;
  return encodeTokenEvent({ ...event, id, token });
}
