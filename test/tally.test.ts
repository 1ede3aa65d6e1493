/** What an isolate counts of refusals and losses: handed over in full, whenever R2 takes it. */
import { afterEach, describe, expect, it, vi } from "vitest";

type Put = {
  key: string;
  told: { refused: Record<string, number>; lost: number; consumed?: { batches: number; messages: number } };
};

afterEach(() => vi.resetModules());

describe("an isolate's tally", () => {
  it("has what was consumed, which waits a minute, is no reason for a request to wait, and is never lost", async () => {
    const { countConsumed, handOverTally, isConsumedDue, isTallyDue } = await import("../src/tally.ts");
    const puts: Put["told"][] = [];
    let isDown = true;
    const bucket = {
      put: async (_: string, value: string) => {
        if (isDown) throw new Error("R2 is down");
        puts.push(JSON.parse(value) as Put["told"]);
        return null;
      },
    } as unknown as R2Bucket;
    const due = (ms: number) => isConsumedDue(() => ms);
    expect(due(0), "nothing was consumed").toBe(false);
    countConsumed({ batches: 1, messages: 100 });
    expect(isTallyDue(() => 0)).toBe(false);
    expect(due(0)).toBe(true);
    await handOverTally(bucket, 0);
    countConsumed({ batches: 1, messages: 7 });
    isDown = false;
    await handOverTally(bucket, 60_000);
    expect(puts).toEqual([{ refused: {}, lost: 0, consumed: { batches: 2, messages: 107 } }]);
    countConsumed({ batches: 1, messages: 1 });
    expect([due(119_999), due(120_000)]).toEqual([false, true]);
  });

  it("is handed over at once, then at most once in ten seconds, and never lost with a put that failed", async () => {
    const { countLost, countRefused, handOverTally, isTallyDue } = await import("../src/tally.ts");
    const puts: Put[] = [];
    let isDown = false;
    const bucket = {
      put: async (key: string, value: string) => {
        if (isDown) throw new Error("R2 is down");
        puts.push({ key, told: JSON.parse(value) as Put["told"] });
        return null;
      },
    } as unknown as R2Bucket;
    const at = (ms: number) => isTallyDue(() => ms);
    expect(at(0), "nothing was counted").toBe(false);
    countRefused("token_expired");
    expect(at(1_000)).toBe(true);
    countLost(1);
    isDown = true;
    const failing = handOverTally(bucket, 1_000);
    // Counted while the put is under way.
    countRefused("token_expired");
    await failing;
    expect([at(10_999), at(11_000)]).toEqual([false, true]);
    isDown = false;
    countLost(3);
    await handOverTally(bucket, 11_000);
    expect(puts.map(({ told }) => told)).toEqual([{ refused: { token_expired: 2 }, lost: 4 }]);
    expect(at(60_000), "all was handed over").toBe(false);
  });
});
