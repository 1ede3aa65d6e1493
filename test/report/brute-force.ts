/**
 * Any report equals a fold of the raw events: the machinery of that comparison, over one database or several.
 *
 * Keeps: a database takes the events of its own advertisers, in postings of their own, and is rolled and moved without
 * regard to the others.
 */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { moveMinutes } from "../../src/batch/move-minutes.ts";
import { claimBatch } from "../../src/cold/store.ts";
import { ALL_BUCKETS } from "../support/cold-facts.ts";
import { wipeFacts } from "../support/wipe-facts.ts";
import { type Moves, QUERIES_PER_WORLD, type World, worlds } from "./any-world.ts";
import { checkSeries, checkTable } from "./fold-model.ts";
import { measure, writeLog } from "./raw-events.ts";
import { seedProfiles } from "./seed.ts";

const MINUTE = 60_000;
const DAY = 1_440;

/** A database, and the advertisers whose events it takes. */
export type Place = { readonly database: D1Database; readonly takes: (advertiserId: string) => boolean };

/** Compares the answers to so many random queries. */
export async function compareReports(places: readonly Place[], queries: number): Promise<void> {
  const property = fc.asyncProperty(worlds(places.length), async (world) => {
    for (const [at, place] of places.entries()) await settle(place, world, at);
    await seedProfiles(
      env.REPORT_DB,
      Object.entries(world.currencies).map(([id, currency]) => ({ id, currency: currency === "" ? null : currency })),
    );
    const measurements = world.log.flatMap(measure).map((one) => ({
      ...one,
      dimensions: { ...one.dimensions, currency: world.currencies[one.dimensions.advertiser_id] ?? "" },
    }));
    for (const asked of world.queries) {
      await checkTable(measurements, asked);
      await checkSeries(measurements, asked);
    }
  });
  const numRuns = Math.ceil(queries / QUERIES_PER_WORLD);
  await fc.assert(property, { seed: 20_260_420, numRuns, endOnFailure: true });
}

async function settle({ database, takes }: Place, { log, settlings }: World, at: number): Promise<void> {
  const { rolls = [], moves = "none", isOpen = false } = settlings[at] ?? {};
  await wipeFacts(database);
  await writeLog(
    database,
    log.filter(({ dimensions }) => takes(dimensions.advertiser_id)),
    rolls.toSorted((a, b) => a - b),
    { isOpen, afterRoll: (nowMs) => moveRolled(database, moves, nowMs) },
  );
}

/** Moves every day that is rolled; of "some", half of the buckets stay with a batch under way. */
async function moveRolled(database: D1Database, moves: Moves, nowMs: number): Promise<void> {
  if (moves === "none") return;
  const isStuck = (bucket: number) => moves === "some" && bucket % 2 === 0;
  const ports = { database, archive: env.ARCHIVE, clock: () => nowMs };
  const due = { nowMs, hotMinutesMs: 0, untilMs: Infinity };
  await moveMinutes(ports, { ...due, buckets: ALL_BUCKETS.filter((bucket) => !isStuck(bucket)) });
  for (const bucket of ALL_BUCKETS.filter(isStuck)) {
    await claimBatch(database, { bucket, beforeDay: Math.floor(nowMs / MINUTE / DAY), nowMs });
  }
}
