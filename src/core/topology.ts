/**
 * How a topology may change: by adding an epoch that begins in the future, and in no other way.
 *
 *   recorded  [0: 8 shards]     configured [0: 8, T: 64]      T ≥ now + 15 min → recorded becomes [0: 8, T: 64]
 *   recorded  [0: 8 shards]     configured [0: 8, T: 8 with hot ads]     the same: an epoch of its own
 *
 * Keeps: an epoch that was ever in force is immutable, since keys claimed under it are where it sent them. A changed,
 * missing or retroactive epoch is refused by name, and the recorded list stays in force as it is. The lead time lets
 * every isolate learn an epoch before the first token is issued in it.
 */
import { MINUTE_MS, SECOND_MS } from "./limits.ts";
import type { Epoch, Topology } from "./routing.ts";
import { EVENT_TYPES } from "./token-event.ts";

export const EPOCH_LEAD_MS = 15 * MINUTE_MS;

export type TopologyRefusal = "epoch_changed" | "epoch_missing" | "epoch_retroactive";

export type Adoption = {
  /** What is in force. */
  readonly topology: Topology;
  /** True when it differs from what is recorded, and is to be recorded before it is used. */
  readonly isNew: boolean;
  readonly refusals: readonly TopologyRefusal[];
};

/** What is in force, given what was recorded (null: nothing yet) and what is configured. */
export function adoptTopology(recorded: Topology | null, configured: Topology, nowMs: number): Adoption {
  if (recorded === null) return { topology: configured, isNew: true, refusals: [] };
  const refusals = new Set<TopologyRefusal>();
  for (const epoch of recorded) {
    const same = configured.find(({ sinceMs }) => sinceMs === epoch.sinceMs);
    if (same === undefined) refusals.add("epoch_missing");
    else if (!routesAlike(epoch, same)) refusals.add("epoch_changed");
  }
  const lastMs = recorded.at(-1)?.sinceMs ?? 0;
  const known = new Set(recorded.map(({ sinceMs }) => sinceMs));
  const added = configured.filter(({ sinceMs }) => !known.has(sinceMs));
  if (added.some(({ sinceMs }) => sinceMs <= lastMs || sinceMs < nowMs + EPOCH_LEAD_MS)) {
    refusals.add("epoch_retroactive");
  }
  if (refusals.size > 0) return { topology: recorded, isNew: false, refusals: Array.from(refusals) };
  return { topology: [...recorded, ...added], isNew: added.length > 0, refusals: [] };
}

/** The same shards, and the same hot ads with the same salts, in whatever order. */
function routesAlike(one: Epoch, other: Epoch): boolean {
  if (EVENT_TYPES.some((type) => one.shards[type] !== other.shards[type])) return false;
  return one.hot.size === other.hot.size && Array.from(one.hot).every(([ad, salts]) => other.hot.get(ad) === salts);
}

/** The JSON form that `parseTopology` reads. */
export function encodeTopology(topology: Topology): object[] {
  return topology.map(({ sinceMs, shards: { click, impression }, hot }) => ({
    since: sinceMs / SECOND_MS,
    shards: click,
    ...(impression === click ? {} : { impression_shards: impression }),
    ...(hot.size === 0 ? {} : { hot: Object.fromEntries(hot) }),
  }));
}
