/**
 * Where the history is decided: its clicks in one shard, since the topology of its time has one (`historyTopology`),
 * and its orders and uploads in few objects, since they are named so that they meet there, whatever key they are spread
 * under. Each object costs a start of the demonstration some tenths of a second.
 */

import { SECOND_MS } from "../../core/limits.ts";
import { countsShardName, eventShardName, orderShardName } from "../../core/routing.ts";

const ORDER_OBJECTS_COUNT = 4;

export const CLICKS_OBJECT = eventShardName("click", 0);
export const ORDER_OBJECTS: readonly string[] = Array.from({ length: ORDER_OBJECTS_COUNT }, (_, index) =>
  orderShardName(index),
);
export const COUNTS_OBJECT = countsShardName(0);

type Epoch = { readonly since: number };

/** The setting TOPOLOGY of a run with a history: one shard up to its end, from there on what is configured. */
export function historyTopology(configured: readonly Epoch[], endMs: number): readonly Epoch[] {
  const endS = Math.floor(endMs / SECOND_MS);
  const inForce = configured.filter(({ since }) => since <= endS).slice(-1);
  const later = configured.filter(({ since }) => since > endS);
  return [{ since: 0, shards: 1 } as Epoch, ...inForce.map((epoch) => ({ ...epoch, since: endS })), ...later];
}
