/**
 * What is kept apart and counted nowhere: dead letters, spooled events, postings that a database refused. A day is not
 * closed while one of its time waits for somebody.
 */

import { objectsBelow } from "../archive/segments.ts";
import { DAY_MS } from "../core/limits.ts";
import type { Finding } from "./scan.ts";

const PREFIXES = ["dead/v1/", "dead-submissions/v1/", "dead-postings/v1/", "spool/v1/", "spool-submissions/v1/"];
const DAY_IN_KEY = /dt=(\d{4}-\d\d-\d\d)/;

/** What was put apart up to the end of the day, by its key, else by when it was stored. */
export async function leftovers(bucket: R2Bucket, day: string): Promise<Finding[]> {
  const found: Finding[] = [];
  const endMs = Date.parse(day) + DAY_MS;
  for (const prefix of PREFIXES) {
    for await (const { key, uploaded } of objectsBelow(bucket, prefix)) {
      const [, named] = DAY_IN_KEY.exec(key) ?? [];
      const isOfDay = named === undefined ? uploaded.getTime() < endMs : named <= day;
      if (isOfDay) found.push({ kind: "leftover", where: key, detail: "It waits and is counted nowhere." });
    }
  }
  return found;
}
