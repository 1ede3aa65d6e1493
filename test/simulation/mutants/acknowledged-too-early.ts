/**
 * Breaks: the consumer acknowledges its messages before the shards have committed, as an automatic acknowledgement does.
 * Violates G3: a click that the queue had acknowledged is lost when its shard fails.
 */
import { consumeEvents } from "../../../src/queue/consumer.ts";
import type { Mutant } from "./mutant.ts";

export const ACKNOWLEDGED_TOO_EARLY: Mutant = {
  fault: "messages are acknowledged before their shards have committed",
  promise: "G3",
  parts: {
    consume: async (batch, ports) => {
      const messages = batch.messages.map((message) => ({ ...message, retry: () => message.ack() }));
      await consumeEvents({ ...batch, messages }, ports);
    },
  },
};
