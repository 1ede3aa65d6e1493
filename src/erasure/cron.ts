/**
 * Orders to erase by cron: each that is open goes on for its share of the turn.
 */
import { SECOND_MS } from "../core/limits.ts";
import { eventShardNames, type Topology } from "../core/routing.ts";
import { logInfo } from "../log.ts";
import type { ShardNamespace } from "../shard/stub.ts";
import { openOrders } from "./order.ts";
import { type LateShelf, type RunPorts, runOrder } from "./run.ts";

/** A turn begins no further object after this long; with what else a cron does it stays within `cpu_ms`. */
const TURN_MS = 45 * SECOND_MS;

type Places = { readonly shards: ShardNamespace; readonly topology: () => Promise<Topology> };

export async function eraseByCron(ports: Omit<RunPorts, "shelves">, { shards, topology }: Places): Promise<void> {
  const ids = await openOrders(ports.bucket);
  const shelves = async () => {
    const names = eventShardNames(await topology()).sort();
    return new Map(
      names.map((name): [string, LateShelf] => [
        name,
        {
          shelved: (after) => shards.getByName(name).shelved(after),
          reshelve: (changed) => shards.getByName(name).reshelve([...changed]),
        },
      ]),
    );
  };
  for (const id of ids) {
    const isDone = await runOrder({ ...ports, shelves }, id, ports.clock() + TURN_MS / ids.length);
    if (isDone === true) logInfo("erased", { order: id });
  }
}
