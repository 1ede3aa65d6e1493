/** A storage that is fuller than it may be lets go of its oldest hours first, and counts on. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { DAY_MS, HOUR_MS } from "../../src/core/limits.ts";
import { isTokenEntry } from "../../src/core/log-line.ts";
import { hourOf } from "../../src/core/time.ts";
import { forgetEvents } from "../../src/shard/flush.ts";
import { anEncodedEvent, NOON_MS, NOON_S } from "../support/builders.ts";
import { DEDUP_HORIZON_MS, type Harness, withShard } from "../support/flush-harness.ts";

const KEPT_MS = 2 * DAY_MS;
const HOURS_AGO = [200, 150, 100, 49, 47, 1];
const lateStore = { dropBefore: () => {} } as never;
const revised = { dropBefore: () => {} } as never;
const faults: string[] = [];

beforeEach(() => {
  faults.length = 0;
  vi.spyOn(console, "error").mockImplementation((line: string) => void faults.push(line));
});

/** A click of so many hours ago on an impression of then, and another one on it. */
function pairOf(hoursAgo: number): string[] {
  const iat = NOON_S - hoursAgo * 3_600;
  const life = { jti: `room_${hoursAgo}`, ad: "ad_room", iat, exp: iat + 3_600 };
  return [1, 2].map((minute) => anEncodedEvent({ receivedAtMs: NOON_MS - hoursAgo * HOUR_MS + minute * 60_000 }, life));
}

const verdictsAfter = ({ log }: Harness, seq: number) =>
  log.rowsAfter(seq, 10_000_000).flatMap((row) => row.entries().map((entry) => isTokenEntry(entry) && entry.verdict));

describe("[attack 4] a storage that fills", () => {
  it("lets go of one hour after the other, the oldest first, and of none that is needed", () =>
    withShard("room-hours", async ({ index, take }) => {
      for (const hoursAgo of HOURS_AGO) take(pairOf(hoursAgo));
      const heldBytes = () => 9;
      const forget = forgetEvents({ index, lateStore, revised }, DEDUP_HORIZON_MS, {
        heldBytes,
        bytesMax: 8,
        keptMs: KEPT_MS,
      });
      const oldest: (number | null)[] = [];
      for (let flush = 0; flush < 6; flush++) {
        index.transaction(() => forget(NOON_MS));
        oldest.push(index.oldestHour());
      }
      const hours = [150, 100, 49, 47, 47, 47].map((hoursAgo) => hourOf(NOON_MS) - hoursAgo);
      expect(oldest).toEqual(hours);
      expect(faults.filter((line) => line.includes("storage_filling"))).toHaveLength(6);
      expect(JSON.parse(faults[0] as string)).toMatchObject({ bytes: 9, forgottenHour: hourOf(NOON_MS) - 200 });
      expect(JSON.parse(faults[5] as string)).toMatchObject({ forgottenHour: null });
    }));

  it("is left alone while it has room, and where nobody asks for the room", () =>
    withShard("room-enough", async ({ index, take }) => {
      for (const hoursAgo of HOURS_AGO) take(pairOf(hoursAgo));
      const room = { heldBytes: () => 8, bytesMax: 8, keptMs: KEPT_MS };
      for (const forget of [
        forgetEvents({ index, lateStore, revised }, DEDUP_HORIZON_MS, room),
        forgetEvents({ index, lateStore, revised }, DEDUP_HORIZON_MS),
      ])
        index.transaction(() => forget(NOON_MS));
      expect(index.oldestHour()).toBe(hourOf(NOON_MS) - 200);
      expect(faults).toEqual([]);
    }));

  it("counts nothing twice: what comes back from an hour that went is deferred, all else is recognised", () =>
    withShard("room-redelivered", async (harness) => {
      const { index, log, take } = harness;
      const sent = HOURS_AGO.map(pairOf);
      for (const pair of sent) take(pair);
      expect(verdictsAfter(harness, 0)).toEqual(HOURS_AGO.flatMap(() => ["valid", "duplicate"]));
      const room = { heldBytes: () => 9, bytesMax: 8, keptMs: KEPT_MS };
      const forget = forgetEvents({ index, lateStore, revised }, DEDUP_HORIZON_MS, room);
      index.transaction(() => forget(NOON_MS));
      index.transaction(() => forget(NOON_MS));
      const { seq } = log.last();
      for (const pair of sent) take(pair);
      expect(verdictsAfter(harness, seq)).toEqual(["deferred", "deferred", "deferred", "deferred"]);
    }));
});
