/** The enqueue chain: each step's failure hands over to the next, and only the last one loses. */
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { decodeMessage } from "../../src/core/message.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import type { EncodedEvent } from "../../src/queue/coalescer.ts";
import { deliverEvents, type ProducerPorts } from "../../src/queue/producer.ts";
import { drainSpool, oldestSpooledMs } from "../../src/queue/spool.ts";
import { PLATFORM_TIMING } from "../../src/timing.ts";
import { anEpoch, aClick as aTokenEvent, NOON_MS } from "../support/builders.ts";
import { testSeal } from "../support/tokens.ts";

const TOPOLOGY = [anEpoch(0, 1)];
const CHAIN = ["queue", "other_queue", "shard", "spool"] as const;

const drainPorts = { shards: env.EVENT_SHARD, topology: TOPOLOGY, archive: env.ARCHIVE, seal: testSeal };

function aClick(...given: Parameters<typeof aTokenEvent>): EncodedEvent {
  const event = aTokenEvent(...given);
  return { id: event.id, count: event.count, text: encodeTokenEvent(event) };
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
  const points: unknown[] = [];
  const operations = { writeDataPoint: (point?: AnalyticsEngineDataPoint) => void points.push(point) };
  return {
    queues,
    shards: env.EVENT_SHARD,
    topology: async () => TOPOLOGY,
    archive: env.ARCHIVE,
    timing: PLATFORM_TIMING,
    operations,
    points,
    ...overrides,
  };
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
    expect(decoded.ok && decoded.value.map((event) => event.ok && encodeTokenEvent(event.value.event))).toEqual(
      clicks.map(({ text }) => text),
    );
  });

  it("goes on to another queue, then to the shard itself", async () => {
    const good = new FakeQueue("takes");
    expect(await deliverEvents([aClick()], CHAIN, ports([new FakeQueue("throws"), new FakeQueue("throws")]))).toBe(
      "shard",
    );
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
    expect((await env.EVENT_SHARD.getByName("clicks-0").status()).lastSeq).toBeGreaterThan(0);
  });

  it("spools what neither queue nor shard takes, and never one batch over another", async () => {
    const given = () => ports([new FakeQueue("throws")], { shards: noShards });
    const [first, second] = [aClick({}, { jti: "sp_1" }), aClick({}, { jti: "sp_2" })];
    expect(await deliverEvents([first, second], CHAIN, given())).toBe("spool");
    expect(await deliverEvents([first], CHAIN, given())).toBe("spool");
    const { objects } = await env.ARCHIVE.list({ prefix: `spool/v1/${first.id}` });
    expect(objects).toHaveLength(2);
    expect(await oldestSpooledMs(env.ARCHIVE)).toBe(NOON_MS + 1_000);
    const shardPorts = drainPorts;
    expect(await drainSpool({ ...shardPorts, shards: noShards })).toBe(0);
    const before = (await env.EVENT_SHARD.getByName("clicks-0").status()).lastSeq;
    expect(await drainSpool(shardPorts)).toBe(2);
    expect(await drainSpool(shardPorts)).toBe(0);
    expect(await oldestSpooledMs(env.ARCHIVE)).toBeNull();
    // Two objects, each with one event that was new; the copy of the first event left no row of its own.
    expect((await env.EVENT_SHARD.getByName("clicks-0").status()).lastSeq).toBe(before + 2);
  });

  it("counts the whole lines of a spool object that was cut off, and keeps the rest as a dead letter", async () => {
    const [whole, cut] = [aClick({}, { jti: "cut_1" }), aClick({}, { jti: "cut_2" })];
    await env.ARCHIVE.put(`spool/v1/${whole.id}-2.ndjson`, `${whole.text}\n${cut.text.slice(0, 100)}`);
    expect(await drainSpool(drainPorts)).toBe(1);
    const { objects } = await env.ARCHIVE.list({ prefix: "dead/v1/" });
    const keys = objects.map(({ key }) => key).filter((key) => key.includes(whole.id));
    expect(keys).toHaveLength(1);
    const letter = await (await env.ARCHIVE.get(keys[0] as string))?.json<{ payload: string }>();
    expect(letter?.payload).toBe(cut.text.slice(0, 100));
  });

  it("does not wait for a queue that hangs", async () => {
    vi.useFakeTimers();
    try {
      const delivered = deliverEvents(
        [aClick()],
        ["queue", "other_queue"],
        ports([new FakeQueue("hangs"), new FakeQueue("hangs")]),
      );
      await vi.advanceTimersByTimeAsync(5_000);
      expect(await delivered).toBeNull();
    } finally {
      vi.useRealTimers();
    }
  });

  it("counts as lost what no step took, repeats included", async () => {
    const noArchive = { put: () => Promise.reject(new Error("R2 is down")) } as unknown as R2Bucket;
    const given = ports([new FakeQueue("throws")], { shards: noShards, archive: noArchive });
    expect(await deliverEvents([aClick({ count: 3 }), aClick()], CHAIN, given)).toBeNull();
    expect(given.points).toEqual([expect.objectContaining({ blobs: ["lost", "spool", "", ""], doubles: [4] })]);
  });

  it("follows the configured order", async () => {
    const queue = new FakeQueue("takes");
    expect(await deliverEvents([aClick()], ["shard", "queue"], ports([queue]))).toBe("shard");
    expect(queue.bodies).toHaveLength(0);
  });
});
