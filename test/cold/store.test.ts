/** A batch of minutes leaves D1 only for an object that holds it row by row, as it is read back. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { moveMinutes } from "../../src/batch/move-minutes.ts";
import { encodeMinutes, type MinuteRow } from "../../src/cold/parquet.ts";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import { DAY_MS } from "../../src/core/limits.ts";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import { rollAll } from "../../src/facts/roll.ts";
import { NOON_MS } from "../support/builders.ts";
import { readPlaces } from "../support/cold-facts.ts";
import { loggedOf, type Spec } from "../support/logged.ts";
import { postTo } from "../support/post-to.ts";
import { canonical } from "../support/read-facts.ts";
import { wipeFacts } from "../support/wipe-facts.ts";

const LATER_MS = NOON_MS + 3 * DAY_MS;
const database = env.REPORT_DB;

/** Two ads of one minute whose clicks came by two publishers, so that all their counts are the same. */
const SPECS = [1, 2].map((at): Spec => {
  const decision = { verdict: "valid", reason: null } as const;
  return { advertiser: 1, ad: at, publisher: at, country: "DE", minute: 0, count: 1, decision };
});

function fold(): Facts {
  const facts: Facts = new Map();
  for (const [at, spec] of SPECS.entries()) foldEntry(facts, loggedOf(spec, at + 1));
  return facts;
}

/** A bucket that stores other rows than it is given, and gives back faithfully what it stores. */
function storing(change: (rows: MinuteRow[]) => MinuteRow[]): R2Bucket {
  const put = async (key: string, bytes: Uint8Array) => {
    const { hot } = await readPlaces(database, env.ARCHIVE);
    const changed = encodeMinutes(change(hot));
    // A reader that trusts the sizes of the ledger finds nothing wrong.
    expect(changed.bytes.length).toBe(bytes.length);
    return env.ARCHIVE.put(key, changed.bytes);
  };
  return { put, get: env.ARCHIVE.get.bind(env.ARCHIVE) } as unknown as R2Bucket;
}

function move(archive: R2Bucket): Promise<number> {
  const due = { nowMs: LATER_MS, hotMinutesMs: 2 * DAY_MS, buckets: [advertiserBucketOf("adv_1")], untilMs: Infinity };
  return moveMinutes({ database, archive, clock: () => LATER_MS }, due);
}

const swapped = (name: "cells" | "adId") => (rows: MinuteRow[]) =>
  rows.map((row, at) => ({ ...row, [name]: rows[1 - at]?.[name] ?? "" }));

describe("an object that holds other rows than the batch", () => {
  beforeEach(async () => {
    await wipeFacts(database);
    await postTo(new D1Facts(database, () => NOON_MS), { facts: fold() });
    await rollAll(database, LATER_MS);
  });

  it.each<[string, (rows: MinuteRow[]) => MinuteRow[]]>([
    ["two publishers swapped, and right sums", swapped("cells")],
    ["the reasons of nobody", (rows) => rows.map((row) => ({ ...row, reasons: "[]" }))],
    ["another creative in its cells", (rows) => rows.map((row) => ({ ...row, cells: row.cells.replace("DE", "AT") }))],
    ["another minute", (rows) => rows.map((row) => ({ ...row, minute: row.minute + 1 }))],
    ["an ad that there is not", (rows) => rows.map((row) => ({ ...row, adId: row.adId.replace("2", "3") }))],
  ])("with %s makes the move fail, and the minutes stay", async (_, change) => {
    await expect(move(storing(change))).rejects.toThrow("an object holds the rows that were written into it");
    const { hot, cold, facts } = await readPlaces(database, env.ARCHIVE);
    expect([hot.length, cold.length]).toEqual([2, 0]);
    expect(canonical(facts)).toBe(canonical(fold()));
    // Nothing was lost by it: the next run writes the right ones.
    expect(await move(env.ARCHIVE)).toBe(1);
    expect(canonical((await readPlaces(database, env.ARCHIVE)).facts)).toBe(canonical(fold()));
  });
});
