/**
 * Two messages of the history that could not be carried, so that the operator's desk has something: one that nobody can
 * read, and one whose retries are exhausted, which replaying counts. They go through the consumers of the queues.
 *
 * Keeps: again, the same letters. The readable one is of the second advertiser, whose reports say that they lack a
 * click.
 */
import { HOUR_MS } from "../../core/limits.ts";
import { encodeMessage } from "../../core/message.ts";
import { consumeDeadLetters, consumeEvents, type IncomingMessage } from "../../queue/consumer.ts";
import { topologyInForce } from "../../shard/topology-keeper.ts";
import { edgeOf, sealerOf } from "../../track/edge.ts";
import { advertiserOf, DEMO_ADVERTISER } from "./catalog.ts";
import { type HistorySpan, plannedClicks } from "./plan.ts";
import { encodeClick } from "./wire.ts";

const RETRIES = 100;
const STRANDED_BEFORE_MS = 20 * HOUR_MS;

export async function strandMessages(span: HistorySpan, env: Env): Promise<void> {
  const { ring, config } = await edgeOf(env);
  const letters = { archive: env.ARCHIVE, seal: sealerOf(env) };
  const atMs = span.endMs - STRANDED_BEFORE_MS;
  const like = plannedClicks(span).find(
    ({ ad, expect, receivedAtMs }) =>
      advertiserOf(ad) !== DEMO_ADVERTISER && expect.reason === null && receivedAtMs >= atMs,
  );
  if (like !== undefined) {
    const click = { ...like, jti: "h-stranded", count: 1, random: new Uint8Array(like.random.length) };
    const body = encodeMessage([await encodeClick(click, { ring, policy: config.token })]);
    const messages = [aMessage("demonstration-1", body, like.receivedAtMs)];
    await consumeDeadLetters({ queue: "clickledger-clicks-dead", messages }, letters);
  }
  const ports = { ...letters, shards: env.EVENT_SHARD, topology: await topologyInForce(env, config) };
  const messages = [aMessage("demonstration-2", "GET /c/undefined", atMs)];
  await consumeEvents({ queue: "clickledger-clicks-0", messages }, ports);
}

function aMessage(id: string, body: string, sentAtMs: number): IncomingMessage {
  const retry = () => {
    throw new Error(`the message ${id} could not be kept`);
  };
  return { id, body, timestamp: new Date(sentAtMs), attempts: RETRIES, ack: () => {}, retry };
}
