/**
 * What is read while everything is under way: of each report database, facts and what is shown beside them are the fold of
 * each shard's log up to one place, which is no earlier than the shard says that everybody sees.
 *
 * Relies on: nothing is set back, so that a source's rows are those of its one life.
 */
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import { compare } from "./checks.ts";
import type { World } from "./world.ts";

/** Readings of a run. */
const READINGS = 30;
const APART_MS = 400;

export function scheduleReadings(world: World): void {
  const { scheduler, faults, workload } = world;
  const { requests } = workload;
  if (faults.rate("restore") > 0 || requests.length === 0) return;
  // Where there is traffic, each a little further behind a request.
  for (let reading = 0; reading < READINGS; reading++) {
    const { atMs } = requests[Math.floor((reading * requests.length) / READINGS)] as (typeof requests)[number];
    scheduler.at(atMs + (reading + 1) * APART_MS, "reading", () => checkReading(world));
  }
}

function checkReading(world: World): void {
  const { witness, facts } = world;
  const visible = visiblePlaces(world);
  for (const [name, store] of facts.stores) {
    const shownTo = store.shownTo();
    const expected: Facts = new Map();
    for (const source of new Set([...shownTo.keys(), ...visible.keys()])) {
      const upTo = Math.max(shownTo.get(source) ?? 0, visible.get(source) ?? 0);
      for (const row of witness.rowsOf(source)) {
        if (row.seq > upTo) continue;
        for (const entry of row.logged) foldEntry(expected, entry);
      }
    }
    for (const [key, { advertiserId }] of expected) {
      if (!facts.isAssigned(advertiserId, name)) expected.delete(key);
    }
    compare(witness, `what is read of ${name} is not the logs up to where it is shown`, store.read(), expected);
  }
}

/** Up to where each source is seen, as its shard has noted. */
function visiblePlaces(world: World): Map<string, number> {
  const places = new Map<string, number>();
  for (const { name, log } of world.hosts()) {
    const incarnation = log.life().read()?.incarnation;
    if (incarnation !== undefined) places.set(`${name}/${incarnation}`, log.visible().read()?.seq ?? 0);
  }
  return places;
}
