/**
 * Restores: copies of shards' storage and of report databases are taken while the run goes on, and put back later.
 *
 * Keeps: a shard is set back only when its archive has all of its log, which is what OPERATIONS asks of an operator; a
 * report database at any moment, since the log keeps what the archive has not.
 */
import { HOUR_MS, SECOND_MS } from "../../src/core/limits.ts";
import type { ShardHost } from "./shard-host.ts";
import type { World } from "./world.ts";

type PutBack = () => void;

/** How often a restore waits for the archive, and how long each time. */
const TRIES_MAX = 60;
const WAIT_MS = 5 * SECOND_MS;
const COPIES_KEPT = 3;

export function scheduleRestores(world: World): void {
  const { scheduler, faults, endMs, facts } = world;
  const chance = faults.stream("restore");
  const spanMs = endMs - scheduler.nowMs;
  const shards = new Map<ShardHost, PutBack[]>();
  const databases: PutBack[] = [];
  const often = (perHour: number, happen: () => void) => {
    const times = Math.round(faults.rate("restore") * 4 * perHour * (spanMs / HOUR_MS));
    for (let time = 0; time < times; time++) scheduler.after(chance.unit() * spanMs, "restore", happen);
  };
  const keep = (copies: PutBack[], copy: PutBack) => {
    copies.push(copy);
    if (copies.length > COPIES_KEPT) copies.splice(chance.between(0, COPIES_KEPT), 1);
  };
  const anyOf = <T>(values: readonly T[]) => (values.length === 0 ? undefined : chance.pick(values));
  const setBack = (host: ShardHost, copy: PutBack, tries = 0) => {
    if (isArchived(host)) return copy();
    if (tries < TRIES_MAX) scheduler.after(WAIT_MS, "restore", () => setBack(host, copy, tries + 1));
  };
  often(40, () => {
    const host = anyOf(world.hosts());
    if (host === undefined) return;
    const copies = shards.get(host) ?? [];
    shards.set(host, copies);
    keep(copies, host.copy());
  });
  often(10, () => keep(databases, facts.copy()));
  often(12, () => {
    const [host, copies] = anyOf([...shards]) ?? [];
    const copy = anyOf(copies ?? []);
    const database = chance.is(0.2) ? anyOf(databases) : undefined;
    database?.();
    if (host !== undefined && copy !== undefined) setBack(host, copy);
  });
  often(3, () => anyOf(databases)?.());
}

/** Whether every row of the shard is in the archive. */
function isArchived({ log }: ShardHost): boolean {
  return (log.archived().read()?.seq ?? 0) >= log.last().seq;
}
