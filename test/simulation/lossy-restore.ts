/**
 * A restore that costs something: a shard is set back to before rows that its report databases have and its archive has
 * not. When the run has come to rest, some requests are logged and posted; before a segment is due the storage is set
 * back; as many other requests are logged, more or less, so that two logs of equal length have one name.
 *
 *   log of the life   … s │ s+1 … s+k   posted, not archived: lost with the storage, and in the totals
 *   the same life     … s │ s+1 … s+j   must be found to be of another log, by its chain where k = j, and counted
 *
 * Keeps: what is lost is known to the witness, and nothing else may be missing. Requests are for pixels of tokens past their
 * life, so that they claim nothing. What requests that died have left at the isolate goes with them (queue/coalescer.ts): it
 * may be deferred, or claim; what a claim that is lost costs stands in docs/decisions/0026.
 */
import { SECOND_MS } from "../../src/core/limits.ts";
import { archiveDueMs } from "../../src/shard/flush.ts";
import type { ShardHost } from "./shard-host.ts";
import type { World } from "./world.ts";

const TRIES = 100;
const STEP_MS = 50;
const REQUESTS_MAX = 3;
const APART_MS = 200;

/** Loses rows of one shard where the seed and the moment allow it. Either way it leaves a world that is not at rest. */
export async function loseRows(world: World): Promise<void> {
  const { scheduler, faults, workload, witness } = world;
  const chance = faults.stream("restore");
  const isOver = ({ type, impression }: { type: string; impression: { claims: { exp: number } } }) =>
    type === "impression" && impression.claims.exp * SECOND_MS < scheduler.nowMs;
  const past = workload.requests.filter(isOver);
  if (past.length === 0) return;
  const request = chance.pick(past);
  const send = async (times: number) => {
    for (let time = 0; time < times; time++) {
      world.isolates[request.isolate]?.take({ ...request, atMs: scheduler.nowMs }, null);
      await scheduler.run(scheduler.nowMs + APART_MS);
    }
  };
  const copies = Array.from(world.eventHosts.values(), (host) => {
    const { seq } = host.log.last();
    return { host, seq, putBack: host.copy() };
  });
  await send(chance.between(1, REQUESTS_MAX + 1));
  for (let tries = 0; tries < TRIES; tries++) {
    await scheduler.run(scheduler.nowMs + STEP_MS);
    const found = copies.find(({ host, seq }) => host.log.last().seq > seq && isPostedAlone(host, seq));
    if (found === undefined) continue;
    const { host, putBack } = found;
    witness.lostWithStorage(`${host.name}/${host.log.life().read()?.incarnation}`, host.log.rows.slice());
    putBack();
    await send(chance.between(1, REQUESTS_MAX + 1));
    return;
  }
}

/** Every database has the log, the archive has nothing behind the row, and nothing is on its way there. */
function isPostedAlone({ log, nowMs, ground }: ShardHost, seq: number): boolean {
  const { facts, settings } = ground;
  const last = log.last().seq;
  const isPosted = Array.from(facts.stores.keys()).every((name) => log.posted(name).read()?.at.seq === last);
  const dueMs = archiveDueMs({ log }, settings.archiveIntervalMs);
  return isPosted && (log.archived().read()?.seq ?? 0) <= seq && dueMs !== null && dueMs > nowMs;
}
