/**
 * Settings under which a load has room: each station is made more until none is busier than it should be.
 */
import { type CapacityResult, runCapacity } from "./model.ts";
import type { CapacitySettings } from "./settings.ts";

/** Of what a station can do: what is left is for a burst, a restart, and what the model does not know. */
export const BUSY_MAX = 0.6;
const ROUNDS_MAX = 12;
const MINUTES = 2;

const STATIONS = { queues: "queues", shards: "shards", databases: "databases" } as const;

/** Null where more stations do not help: one ad that is too hot for a shard. */
export function roomySettings(asked: CapacitySettings): { settings: CapacitySettings; result: CapacityResult } | null {
  let settings = { ...asked, minutes: MINUTES };
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const result = runCapacity(settings);
    const more = result.stations.flatMap(({ name, busy }) => {
      const key = name === "consumers" ? "queues" : STATIONS[name];
      return busy > BUSY_MAX
        ? [[key, Math.max(settings[key] + 1, Math.ceil((settings[key] * Math.min(busy, 4)) / BUSY_MAX))] as const]
        : [];
    });
    if (more.length === 0) return { settings, result };
    settings = { ...settings, ...Object.fromEntries(more) };
  }
  return null;
}
