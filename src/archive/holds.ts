/**
 * Holds: log days whose lines stay longer than others, because somebody may have to look at them again.
 *
 *   holds/v1/<id>/hold.json       which days, why, and by whom; put once
 *   holds/v1/<id>/released.json   that it is over, and by whom; put once
 *   retired/v1/dt=<day>.json      that a day's lines are being deleted, or are gone (batch/retire-days.ts)
 *
 * Keeps: these objects are the authority, and none of them ever changes. A hold is written before it is looked whether
 * its days are retired, and a day is marked as retired before it is looked whether it is held: of two at once at least
 * one sees the other.
 */
import { parseJson } from "../core/base64url.ts";
import { DAY_MS } from "../core/limits.ts";
import { isoDay } from "../core/time.ts";

export const HOLDS_PREFIX = "holds/v1/";
export const RETIRED_PREFIX = "retired/v1/";
const holdKey = (id: string) => `${HOLDS_PREFIX}${id}/hold.json`;
const releaseKey = (id: string) => `${HOLDS_PREFIX}${id}/released.json`;
export const retiredKey = (day: string) => `${RETIRED_PREFIX}dt=${day}.json`;

export type Hold = {
  readonly id: string;
  /** Log days, `YYYY-MM-DD` in UTC, half-open. */
  readonly from: string;
  readonly to: string;
  /** Whose dispute it is; a day is held whole all the same. */
  readonly advertiserId: string | null;
  readonly reason: string;
  readonly by: string;
  readonly atMs: number;
};
export type Release = { readonly by: string; readonly atMs: number };
export type KnownHold = { readonly hold: Hold; readonly released: Release | null };

/** Puts a hold unless one has its id; resolves to the one that stands there. */
export async function putHold(bucket: R2Bucket, hold: Hold): Promise<Hold> {
  const { id, from, to } = hold;
  const stored = await bucket.put(holdKey(id), JSON.stringify(hold), {
    onlyIf: { etagDoesNotMatch: "*" },
    httpMetadata: { contentType: "application/json" },
    customMetadata: { from, to },
  });
  return stored === null ? ((await read<Hold>(bucket, holdKey(id))) ?? hold) : hold;
}

/** Ends a hold; again is the same. Resolves to when it ended. */
export async function releaseHold(bucket: R2Bucket, id: string, release: Release): Promise<Release> {
  const stored = await bucket.put(releaseKey(id), JSON.stringify(release), {
    onlyIf: { etagDoesNotMatch: "*" },
    httpMetadata: { contentType: "application/json" },
  });
  return stored === null ? ((await read<Release>(bucket, releaseKey(id))) ?? release) : release;
}

export async function readHold(bucket: R2Bucket, id: string): Promise<KnownHold | null> {
  const hold = await read<Hold>(bucket, holdKey(id));
  return hold === null ? null : { hold, released: await read<Release>(bucket, releaseKey(id)) };
}

/** Ids of holds behind one, in their order, at most so many; and whether there are more. */
export async function holdIds(bucket: R2Bucket, { after, limit }: { after: string; limit: number }) {
  const page = await bucket.list({
    ...{ prefix: HOLDS_PREFIX, delimiter: "/", limit },
    // Behind everything that the id before has.
    ...(after === "" ? {} : { startAfter: `${HOLDS_PREFIX}${after}/~` }),
  });
  return { ids: page.delimitedPrefixes.map((folder) => folder.slice(HOLDS_PREFIX.length, -1)), isMore: page.truncated };
}

/** Stretches of log days that holds in force name. */
export async function heldStretches(bucket: R2Bucket): Promise<readonly Pick<Hold, "from" | "to">[]> {
  const held = new Map<string, Pick<Hold, "from" | "to">>();
  const released = new Set<string>();
  for (let cursor: string | undefined; ; ) {
    const page: R2Objects = await bucket.list({
      ...{ prefix: HOLDS_PREFIX, include: ["customMetadata"] },
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const { key, customMetadata = {} } of page.objects) {
      const [id = "", what] = key.slice(HOLDS_PREFIX.length).split("/");
      const { from, to } = customMetadata;
      if (what === "released.json") released.add(id);
      // What does not say which days it names holds all of them.
      else held.set(id, { from: from ?? "", to: to ?? "9999-12-31" });
    }
    if (!page.truncated) break;
    cursor = page.cursor;
  }
  return Array.from(held).flatMap(([id, stretch]) => (released.has(id) ? [] : [stretch]));
}

export function isHeld(day: string, stretches: readonly Pick<Hold, "from" | "to">[]): boolean {
  return stretches.some(({ from, to }) => day >= from && day < to);
}

/** Days of a stretch whose lines are gone, or about to be. */
export async function retiredDays(bucket: R2Bucket, { from, to }: Pick<Hold, "from" | "to">): Promise<string[]> {
  const before = isoDay(Date.parse(from) - DAY_MS);
  const page = await bucket.list({ prefix: RETIRED_PREFIX, startAfter: retiredKey(before) });
  const days = page.objects.map(({ key }) => key.slice(RETIRED_PREFIX.length + "dt=".length, -".json".length));
  return days.filter((day) => day >= from && day < to);
}

async function read<T>(bucket: R2Bucket, key: string): Promise<T | null> {
  const object = await bucket.get(key);
  return object === null ? null : (parseJson(await object.text()) as T);
}
