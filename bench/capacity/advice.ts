/**
 * Settings under which a load has room: each station is made more until none is busier than it should be.
 */
import { SHARDS_MAX } from "../../src/core/limits.ts";
import { type Busy, type CapacityResult, runCapacity } from "./model.ts";
import type { CapacitySettings } from "./settings.ts";

/** Of what a station can do: what is left is for a burst, a restart, and what the model does not know. */
export const BUSY_MAX = 0.6;
const ROUNDS_MAX = 12;
const MINUTES = 2;
/** More at once would jump past what is needed. */
const GROWTH_MAX = 4;
/** Where a station has so much of its load left after it became more, more do not help. */
const HELPS = 0.97;

const COUNTED_AS = { queues: "queues", consumers: "queues", shards: "shards", databases: "databases" } as const;

/** Null where more stations do not help: an ad that is too hot for a shard. */
export function roomySettings(asked: CapacitySettings): { settings: CapacitySettings; result: CapacityResult } | null {
  let settings = { ...asked, minutes: MINUTES };
  const before = new Map<Busy["name"], number>();
  for (let round = 0; round < ROUNDS_MAX && settings.shards <= SHARDS_MAX; round++) {
    const result = runCapacity(settings);
    const full = result.stations.filter(({ busy }) => busy > BUSY_MAX);
    if (full.length === 0) return { settings, result };
    if (full.some(({ name, busy }) => busy > (before.get(name) ?? Number.POSITIVE_INFINITY) * HELPS)) return null;
    const now = settings;
    for (const { name, busy } of full) {
      before.set(name, busy);
      const counted = COUNTED_AS[name];
      const wanted = Math.ceil(now[counted] * Math.min(busy / BUSY_MAX, GROWTH_MAX));
      settings = { ...settings, [counted]: Math.max(settings[counted], now[counted] + 1, wanted) };
    }
  }
  return null;
}
