/** The consumer: the acknowledgement is the behaviour. */
import { createExecutionContext, createMessageBatch, getQueueResult, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { encodeMessage } from "../../src/core/message.ts";
import worker from "../../src/index.ts";
import { consumeClicks, type IncomingMessage, retryDelayS } from "../../src/queue/consumer.ts";
import { DEAD_PREFIX } from "../../src/queue/dead-letter.ts";
import { anEncodedClick } from "../support/builders.ts";
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
      encodeMessage([anEncodedClick({}, { jti: "q_1" }), anEncodedClick({}, { jti: "q_2", ad: "ad_other" })]),
      encodeMessage([anEncodedClick({}, { jti: "q_3" })]),
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
    const { result, ids } = await runBatch([body, encodeMessage([anEncodedClick()])]);
    expect(result.explicitAcks).toEqual(ids);
    expect(await deadReasons(ids[0] as string)).toEqual([reason]);
    expect(await deadReasons(ids[1] as string)).toEqual([]);
  });

  it("keeps a broken event apart while its neighbours are counted", async () => {
    const good = anEncodedClick({}, { jti: "neighbour", ad: "ad_poison" });
    const noToken = anEncodedClick({ token: "a.b.c" });
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
      body: encodeMessage([anEncodedClick({}, { jti, ad })]),
      ack: () => void settled.push(`ack ${id}`),
      retry: (options) => void settled.push(`retry ${id} in ${options?.delaySeconds}`),
    });
    const topology = [{ sinceMs: 0, shards: 2 }];
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
    await consumeClicks(
      { queue: QUEUE, messages },
      { shards: shards as never, topology, archive: env.ARCHIVE, seal: testSeal },
    );
    expect(settled).toHaveLength(8);
    expect(settled.some((outcome) => outcome.startsWith("ack"))).toBe(true);
    expect(settled.filter((outcome) => outcome.startsWith("retry"))).toSatisfy(
      (retries: string[]) => retries.length > 0 && retries.every((outcome) => outcome.endsWith("in 4")),
    );
  });

  it("stores what its dead-letter queue brings, whole", async () => {
    const body = encodeMessage([anEncodedClick()]);
    const { result, ids } = await runBatch([body], "clickledger-clicks-dead");
    expect(result.explicitAcks).toEqual(ids);
    expect(await deadReasons(ids[0] as string)).toEqual(["retries_exhausted"]);
  });

  it("waits longer from try to try, and at most a quarter of an hour", () => {
    expect([1, 2, 3, 8, 100].map(retryDelayS)).toEqual([1, 2, 4, 128, 900]);
  });
});
