/** The memory of a flush is bounded, whatever the backlog: objects of one class share 128 MB. */
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";

type Carried = { events: number; postings: number; segments: number; bytes: number; chars: number };

/** Catches up with so many rows of 400 events in a thread whose heap is bounded. */
function catchUp(rows: number, heapMb: number): Promise<Carried> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./support/flush-backlog.ts", import.meta.url), {
      workerData: { rows, eventsPerRow: 400 },
      resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 16 },
    });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

describe("[attack 11] a flush that catches up after an outage", () => {
  it("stays within 80 MB of heap with a backlog of far more, and carries all of it", {
    timeout: 120_000,
  }, async () => {
    const carried = await catchUp(400, 80);
    expect(carried.chars).toBeGreaterThan(140_000_000);
    expect(carried.events).toBe(400 * 400);
    expect(carried.segments).toBeGreaterThan(15);
  });

  it("does not within a tenth of it, so that the bound is one", { timeout: 60_000 }, async () => {
    await expect(catchUp(400, 8)).rejects.toThrow(/memory/i);
  });
});
