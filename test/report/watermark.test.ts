/** The watermark: how sources combine, what is cached, what a silent source means. */
import { describe, expect, it } from "vitest";
import {
  combineWatermark,
  makeWatermarkCache,
  readWatermark,
  type WatermarkSources,
} from "../../src/report/answer/watermark.ts";
import { NOON_MS } from "../support/builders.ts";

const nowMs = NOON_MS;

function sources(overrides: Partial<WatermarkSources> = {}): WatermarkSources {
  return { nowMs, queueOldestMs: async () => [null], shardOldestMs: async () => [null, null], ...overrides };
}

describe("combineWatermark", () => {
  it("is the least of clock, queues and shards; an empty one holds nothing back", () => {
    const combine = (queueOldestMs: (number | null)[], shardOldestMs: (number | null)[]) =>
      nowMs - combineWatermark({ nowMs, queueOldestMs, shardOldestMs });
    expect(combine([], [])).toBe(5_000);
    expect(combine([null], [null, null])).toBe(5_000);
    expect(combine([nowMs - 1_000], [null])).toBe(6_000);
    expect(combine([nowMs - 60_000, null], [nowMs - 30_000])).toBe(65_000);
    expect(combine([null], [nowMs - 90_000, nowMs - 10_000])).toBe(90_000);
    expect(combine([null], [nowMs - 1_000])).toBe(5_000);
  });
});

describe("readWatermark", () => {
  it("asks queues before shards, so that no event slips between", async () => {
    const asked: string[] = [];
    const track = (name: string) => async () => {
      asked.push(name);
      return [null];
    };
    await readWatermark(
      sources({ queueOldestMs: track("queues"), shardOldestMs: track("shards") }),
      makeWatermarkCache(),
    );
    expect(asked).toEqual(["queues", "shards"]);
  });

  it("is kept for two seconds", async () => {
    const cache = makeWatermarkCache();
    const at = async (laterMs: number) => (await readWatermark(sources({ nowMs: nowMs + laterMs }), cache)).watermarkMs;
    expect(await at(0)).toBe(nowMs - 5_000);
    expect(await at(1_999)).toBe(nowMs - 5_000);
    expect(await at(2_000)).toBe(nowMs - 3_000);
  });

  it("falls back to the last known one when a source fails, with a warning that names it", async () => {
    const cache = makeWatermarkCache();
    await readWatermark(sources(), cache);
    const failing = sources({ nowMs: nowMs + 60_000, shardOldestMs: () => Promise.reject(new Error("overloaded")) });
    const reading = await readWatermark(failing, cache);
    expect(reading.watermarkMs).toBe(nowMs - 5_000);
    expect(reading.warnings.map((warning) => warning.code)).toEqual(["shard_backlog_unknown"]);
    const recovered = await readWatermark(sources({ nowMs: nowMs + 70_000 }), cache);
    expect(recovered).toEqual({ watermarkMs: nowMs + 65_000, warnings: [] });
  });

  it("does not wait for ever", async () => {
    const silent = sources({ queueOldestMs: () => new Promise(() => {}) });
    const reading = await readWatermark(silent, makeWatermarkCache());
    expect(reading.watermarkMs).toBeNull();
    expect(reading.warnings.map((warning) => warning.code)).toEqual(["queue_backlog_unknown"]);
  });
});
