/** The enqueue chain: each step's failure hands over to the next, and only the last one loses. */
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { decodeMessage } from "../../src/core/message.ts";
import { parseTopology } from "../../src/core/routing.ts";
import { deliverEvents, type ProducerPorts } from "../../src/queue/producer.ts";
import { aClick as aClickEvent } from "../support/builders.ts";
import { encodeClickEvent } from "../../src/core/click-event.ts";
import type { EncodedClick } from "../../src/queue/coalescer.ts";

const topology = parseTopology([{ since: 0, shards: 1 }]);
const CHAIN = ["queue", "other_queue", "shard"] as const;

function aClick(...given: Parameters<typeof aClickEvent>): EncodedClick {
  const event = aClickEvent(...given);
  return { id: event.id, count: event.count, text: encodeClickEvent(event) };
}

class FakeQueue {
  readonly bodies: unknown[] = [];
  readonly #behaviour: "takes" | "throws" | "hangs";

  constructor(behaviour: "takes" | "throws" | "hangs") {
    this.#behaviour = behaviour;
  }

  async send(body: unknown): Promise<QueueSendResponse> {
    if (this.#behaviour === "throws") throw new Error("Queue is overloaded. Please back off.");
    if (this.#behaviour === "hangs") await new Promise(() => {});
    this.bodies.push(body);
    return {} as QueueSendResponse;
  }
}

function ports(queues: FakeQueue[], overrides: Partial<ProducerPorts> = {}): ProducerPorts & { points: unknown[] } {
  if (!topology.ok) throw new Error(topology.error);
  const points: unknown[] = [];
  const operations = { writeDataPoint: (point?: AnalyticsEngineDataPoint) => void points.push(point) };
  return { queues, shards: env.CLICK_SHARD, topology: topology.value, operations, points, ...overrides };
}

const noShards = {
  getByName: () => ({ ingest: () => Promise.reject(new Error("shard is down")) }),
} as unknown as ProducerPorts["shards"];

describe("deliverEvents", () => {
  it("sends one message that holds every event", async () => {
    const queue = new FakeQueue("takes");
    const clicks = [aClick(), aClick({ userAgent: 'odd " \\ ü agent' })];
    expect(await deliverEvents(clicks, CHAIN, ports([queue]))).toBe("queue");
    const decoded = decodeMessage(queue.bodies[0]);
    expect(decoded.ok && decoded.value.map((event) => event.ok && encodeClickEvent(event.value.event))).toEqual(
      clicks.map(({ text }) => text),
    );
  });

  it("goes on to another queue, then to the shard itself", async () => {
    const good = new FakeQueue("takes");
    expect(await deliverEvents([aClick()], CHAIN, ports([new FakeQueue("throws"), new FakeQueue("throws")]))).toBe("shard");
    const outcomes = new Set<string | null>();
    for (let n = 0; n < 20; n++) {
      outcomes.add(await deliverEvents([aClick()], CHAIN, ports([new FakeQueue("throws"), good])));
    }
    expect(outcomes).toEqual(new Set(["queue", "other_queue"]));
  });

  it("counts in the shard what no queue took", async () => {
    const click = aClick({}, { jti: "via_shard" });
    expect(await deliverEvents([click], CHAIN, ports([]))).toBe("shard");
    // The same event by the queue is then a redelivery.
    expect((await env.CLICK_SHARD.getByName("clicks-0").status()).lastSeq).toBeGreaterThan(0);
  });

  it("does not wait for a queue that hangs", async () => {
    vi.useFakeTimers();
    try {
      const delivered = deliverEvents([aClick()], ["queue", "other_queue"], ports([new FakeQueue("hangs"), new FakeQueue("hangs")]));
      await vi.advanceTimersByTimeAsync(5_000);
      expect(await delivered).toBeNull();
    } finally {
      vi.useRealTimers();
    }
  });

  it("counts as lost what no step took, repeats included", async () => {
    const given = ports([new FakeQueue("throws")], { shards: noShards });
    expect(await deliverEvents([aClick({ count: 3 }), aClick()], CHAIN, given)).toBeNull();
    expect(given.points).toEqual([expect.objectContaining({ blobs: ["lost", "shard", "", ""], doubles: [4] })]);
  });

  it("follows the configured order", async () => {
    const queue = new FakeQueue("takes");
    expect(await deliverEvents([aClick()], ["shard", "queue"], ports([queue]))).toBe("shard");
    expect(queue.bodies).toHaveLength(0);
  });
});
