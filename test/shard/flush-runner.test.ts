/** When a shard flushes: what its one alarm is set for, after appending, after a flush, and after flushes that failed. */
import { describe, expect, it, vi } from "vitest";
import { FlushRunner } from "../../src/shard/flush-runner.ts";
import { anEncodedEvent, NOON_MS } from "../support/builders.ts";
import { type Harness, withShard } from "../support/flush-harness.ts";

const TIMING = { flushIntervalMs: 1_000, archiveIntervalMs: 600_000, postIntervalMs: 0 };

/** A runner whose alarms are noted, on a clock of its own. */
function runnerOn(harness: Harness, run?: () => Promise<void>) {
  const clock = { nowMs: NOON_MS };
  const alarms: number[] = [];
  const host = {
    nowMs: () => clock.nowMs,
    setAlarm: (atMs: number) => void alarms.push(atMs - clock.nowMs),
    waitUntil: () => {},
  };
  return { runner: new FlushRunner(harness, TIMING, host, run), clock, alarms };
}

const anEvent = (jti: string) => anEncodedEvent({}, { jti, ad: "ad_runner" });

describe("FlushRunner", () => {
  it("tries again after 2 s, less and less often, and once a minute at the least", () =>
    withShard("runner-backoff", async (harness) => {
      vi.spyOn(console, "error").mockImplementation(() => {});
      harness.take([anEvent("b_1")]);
      const { runner, alarms } = runnerOn(harness, async () => {
        throw new Error("a sink is down");
      });
      for (let failures = 0; failures < 10; failures++) await runner.alarm();
      const seconds = alarms.map((ms) => ms / 1_000);
      expect([seconds[0], seconds[2], seconds[9]]).toEqual([2, 8, 60]);
      expect(seconds).toEqual([2, 4, 8, 16, 32, 60, 60, 60, 60, 60]);
    }));

  it("begins anew with the pauses once a flush has succeeded", () =>
    withShard("runner-recovers", async (harness) => {
      vi.spyOn(console, "error").mockImplementation(() => {});
      harness.take([anEvent("r_1")]);
      let isDown = true;
      const { runner, alarms } = runnerOn(harness, async () => {
        if (isDown) throw new Error("a sink is down");
      });
      await runner.alarm();
      await runner.alarm();
      isDown = false;
      await runner.alarm();
      isDown = true;
      await runner.alarm();
      // What was flushed by nobody is still there, so the third is the flush interval.
      expect(alarms).toEqual([2_000, 4_000, 1_000, 2_000]);
    }));

  it("posts what arrives at the flush interval, though the alarm was set for the archive", () =>
    withShard("runner-archive", async (harness) => {
      harness.take([anEvent("a_1")]);
      const { runner, clock, alarms } = runnerOn(harness);
      await runner.flush();
      expect(alarms).toEqual([600_000]);
      clock.nowMs += 5_000;
      runner.appended(100);
      expect(alarms).toEqual([600_000, 1_000]);
      // An alarm that comes sooner serves what is appended meanwhile.
      clock.nowMs += 500;
      runner.appended(100);
      expect(alarms).toHaveLength(2);
    }));

  it("arms nothing when nothing is left, and sets an alarm that was lost again", () =>
    withShard("runner-lost", async (harness) => {
      const { runner, clock, alarms } = runnerOn(harness);
      await runner.flush();
      expect(alarms).toEqual([]);
      runner.appended(100);
      clock.nowMs += 7_000;
      runner.appended(100);
      expect(alarms).toEqual([1_000, 1_000]);
    }));
});
