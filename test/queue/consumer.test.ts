/** The consumer: the acknowledgement is the behaviour. */
import { createExecutionContext, createMessageBatch, getQueueResult, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { encodeMessage } from "../../src/core/message.ts";
import worker from "../../src/index.ts";
import { consumeEvents, type IncomingMessage, retryDelayS } from "../../src/queue/consumer.ts";
import { DEAD_PREFIX } from "../../src/queue/dead-letter.ts";
import { anEncodedEvent, anEpoch } from "../support/builders.ts";
import { testSeal } from "../support/tokens.ts";

const QUEUE = "clickledger-clicks-0";
const SENT = new Date(Date.UTC(2026, 3, 20, 12));

async function runBatch(bodies: readonly unknown[], queue = QUEUE) {
  const messages = bodies.map((body, n) => ({
    id: `m-${crypto.randomUUID()}-${n}`,
    timestamp: SENT,
    attempts: 1,
    body,
  }));
  const batch = createMessageBatch(queue, messages);
  const ctx = createExecutionContext();
  await worker.queue(batch as MessageBatch, env);
  await waitOnExecutionContext(ctx);
  return { result: await getQueueResult(batch, ctx), ids: messages.map(({ id }) => id) };
}

async function deadReasons(messageId: string): Promise<string[]> {
  const { objects } = await env.ARCHIVE.list({ prefix: DEAD_PREFIX, include: ["customMetadata"] });
  return objects
    .filter(({ key }) => key.includes(messageId))
    .map(({ customMetadata }) => customMetadata?.["reason"] ?? "");
}

describe("the queue consumer", () => {
  it("acknowledges message by message once the shards have committed", async () => {
    const { result, ids } = await runBatch([
      encodeMessage([anEncodedEvent({}, { jti: "q_1" }), anEncodedEvent({}, { jti: "q_2", ad: "ad_other" })]),
      encodeMessage([anEncodedEvent({}, { jti: "q_3" })]),
    ]);
    expect(result.explicitAcks).toEqual(ids);
    expect(result.retryMessages).toEqual([]);
  });

  it.each([
    ["text that is no JSON", "{", "message_not_json"],
    ["a foreign version", '{"v":2,"events":[]}', "message_version"],
    ["no events", '{"v":1,"events":[]}', "message_shape"],
    ["a number", 17, "message_not_json"],
  ])("keeps a message of %s as a dead letter and goes on", async (_, body, reason) => {
    const { result, ids } = await runBatch([body, encodeMessage([anEncodedEvent()])]);
    expect(result.explicitAcks).toEqual(ids);
    expect(await deadReasons(ids[0] as string)).toEqual([reason]);
    expect(await deadReasons(ids[1] as string)).toEqual([]);
  });

  it("keeps a broken event apart while its neighbours are counted", async () => {
    const good = anEncodedEvent({}, { jti: "neighbour", ad: "ad_poison" });
    const noToken = anEncodedEvent({ token: "a.b.c" });
    const { result, ids } = await runBatch([encodeMessage(["{}", good, noToken])]);
    expect(result.explicitAcks).toEqual(ids);
    expect((await deadReasons(ids[0] as string)).sort()).toEqual(["event_shape", "event_token"]);
    const again = await runBatch([encodeMessage([good])]);
    expect(again.result.explicitAcks).toHaveLength(1);
  });

  it("retries only the messages that touch a failed shard, with a delay", async () => {
    const settled: string[] = [];
    const message = (id: string, jti: string, ad: string): IncomingMessage => ({
      id,
      timestamp: SENT,
      attempts: 3,
      body: encodeMessage([anEncodedEvent({}, { jti, ad })]),
      ack: () => void settled.push(`ack ${id}`),
      retry: (options) => void settled.push(`retry ${id} in ${options?.delaySeconds}`),
    });
    const topology = [anEpoch(0, 2)];
    const names = new Map<string, string>();
    const shards = {
      getByName: (name: string) => ({
        ingest: async (events: string[]) => {
          names.set(events[0] ?? "", name);
          if (name === "clicks-1") throw new Error("shard is down");
          return events.length;
        },
      }),
    } as unknown as DurableObjectNamespace<never>;
    const messages = Array.from({ length: 8 }, (_, n) => message(`m${n}`, `j_${n}`, `ad_${n}`));
    await consumeEvents(
      { queue: QUEUE, messages },
      { shards: shards as never, topology, archive: env.ARCHIVE, seal: testSeal },
    );
    expect(settled).toHaveLength(8);
    expect(settled.some((outcome) => outcome.startsWith("ack"))).toBe(true);
    expect(settled.filter((outcome) => outcome.startsWith("retry"))).toSatisfy(
      (retries: string[]) => retries.length > 0 && retries.every((outcome) => outcome.endsWith("in 4")),
    );
  });

  it("brings a click and an impression of one token to shards of their types, from whichever queue they come", async () => {
    const claims = { jti: "both_types", ad: "ad_both_types" };
    const ingested: [string, string][] = [];
    const shards = {
      getByName: (name: string) => ({
        ingest: async (events: string[]) => {
          for (const event of events) ingested.push([name, (JSON.parse(event) as { type: string }).type]);
          return events.length;
        },
      }),
    } as never;
    const body = encodeMessage([anEncodedEvent({}, claims), anEncodedEvent({ type: "impression" }, claims)]);
    const message: IncomingMessage = { id: "m", timestamp: SENT, attempts: 1, body, ack: () => {}, retry: () => {} };
    const topology = [{ ...anEpoch(0, 1), shards: { click: 1, impression: 5 } }];
    const ports = { shards, topology, archive: env.ARCHIVE, seal: testSeal };
    await consumeEvents({ queue: "clickledger-impressions-0", messages: [message] }, ports);
    expect(ingested.sort()).toEqual([
      ["clicks-0", "click"],
      [expect.stringMatching(/^impressions-[0-4]$/), "impression"],
    ]);
  });

  it.each(["clicks", "impressions"])("stores what the dead-letter queue of %s brings, whole", async (name) => {
    const body = encodeMessage([anEncodedEvent()]);
    const { result, ids } = await runBatch([body], `clickledger-${name}-dead`);
    expect(result.explicitAcks).toEqual(ids);
    expect(await deadReasons(ids[0] as string)).toEqual(["retries_exhausted"]);
  });

  it("waits longer from try to try, and at most a quarter of an hour", () => {
    expect([1, 2, 3, 8, 100].map(retryDelayS)).toEqual([1, 2, 4, 128, 900]);
  });
});
