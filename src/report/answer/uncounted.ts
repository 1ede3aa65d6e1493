/**
 * What a report lacks because it lies in dead letters: how many events, and since when.
 *
 *   dead/v1/…    clicks and impressions, by the owners that stand beside each letter
 *
 * Keeps: a tenant is told of its own events alone; the operator of all, of unreadable ones too. An event has happened
 * before it arrived, so what arrived before a range lacks nothing of it. Letters are listed at most once in
 * `UNCOUNTED_CACHE_MS` in an isolate, up to a bound; beyond that the number is a least one. A bucket that does not
 * answer is said so: then nobody knows. Conversions have a warning of their own
 * (src/report/answer/watermark-sources.ts).
 */
import type { ReadScope } from "../../access/read-scope.ts";
import { DAY_MS, MINUTE_MS } from "../../core/limits.ts";
import { isoSecond } from "../../core/time.ts";
import { logFault } from "../../log.ts";
import { DEAD_PREFIX, parseLetter } from "../../queue/dead-letter.ts";
import { contentsOf, decodeContents, type OwnedEvents } from "../../queue/letter-contents.ts";
import { UNCOUNTED_CACHE_MS } from "../limits.ts";
import type { Warning } from "../query/range.ts";
import type { Range } from "../query/windows.ts";

/** Pages of a thousand letters that are listed, and letters that are opened because their metadata do not tell. */
const PAGES_MAX = 10;
const OPENED_MAX = 20;

/** The letters as last listed; values only. */
type Letters = { readonly readMs: number; readonly events: readonly OwnedEvents[]; readonly isWhole: boolean };
export type UncountedCache = { letters: Letters | null };

/** What a range lacks; `isShort` when an event of it arrived before its end, or may have. */
export type Uncounted = { readonly warnings: readonly Warning[]; readonly isShort: boolean };

export type UncountedAsk = {
  readonly range: Range;
  readonly scope: ReadScope;
  readonly nowMs: number;
};

/** What the range lacks, as the scope may know it. Never throws. */
export async function readUncounted(
  bucket: R2Bucket,
  { range, scope, nowMs }: UncountedAsk,
  cache: UncountedCache,
): Promise<Uncounted> {
  try {
    const { events: all, isWhole } = await lettersOf(bucket, nowMs, cache);
    const ours = all.filter((some) => scope.sees(some) && some.oldestMs + MINUTE_MS > range.fromMs);
    if (ours.length === 0) return { warnings: [], isShort: false };
    const count = ours.reduce((sum, { events }) => sum + events, 0);
    const oldestMs = Math.min(...ours.map((some) => some.oldestMs));
    const atLeast = isWhole ? "" : "at least ";
    const detail =
      `Not counted: ${atLeast}${count} ${count === 1 ? "event" : "events"} that could not be carried, the oldest of ` +
      `${isoSecond(oldestMs)}. Dead letters keep them until the operator replays them.`;
    return { warnings: [{ code: "dead_letters", detail }], isShort: oldestMs < range.toMs };
  } catch (fault) {
    logFault("dead_letters_not_listed", fault);
    const detail = "It is not known whether events of the range wait as dead letters.";
    return { warnings: [{ code: "dead_letters_unknown", detail }], isShort: true };
  }
}

async function lettersOf(bucket: R2Bucket, nowMs: number, cache: UncountedCache): Promise<Letters> {
  const known = cache.letters;
  if (known !== null && nowMs >= known.readMs && nowMs - known.readMs < UNCOUNTED_CACHE_MS) return known;
  const events: OwnedEvents[] = [];
  let opened = 0;
  let cursor: string | undefined;
  let isWhole = false;
  for (let page = 0; page < PAGES_MAX && !isWhole; page++) {
    const listed = await bucket.list({
      prefix: DEAD_PREFIX,
      include: ["customMetadata"],
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const object of listed.objects) {
      const told = decodeContents(object.customMetadata);
      if (told === null) opened++;
      events.push(...(told ?? (opened <= OPENED_MAX ? await openedContents(bucket, object) : [])));
    }
    isWhole = !listed.truncated;
    cursor = listed.truncated ? listed.cursor : undefined;
  }
  const letters = { readMs: nowMs, events, isWhole: isWhole && opened <= OPENED_MAX };
  cache.letters = letters;
  return letters;
}

/** Of a letter without metadata; one that is gone or unreadable counts as one event of nobody's. */
async function openedContents(bucket: R2Bucket, { key, uploaded }: R2Object): Promise<OwnedEvents[]> {
  const nobodys = { advertiserId: null, publisherId: null, events: 1 };
  const unknown = { ...nobodys, oldestMs: Math.min(uploaded.getTime(), dayOf(key)) };
  const object = await bucket.get(key);
  const letter = object === null ? null : parseLetter(await object.text());
  return letter === null ? [unknown] : contentsOf(letter.letter);
}

/** The last instant of the day that a key names: no event of the letter is younger. */
function dayOf(key: string): number {
  const day = Date.parse(/\bdt=(\d{4}-\d{2}-\d{2})\//.exec(key)?.[1] ?? "");
  return Number.isNaN(day) ? Number.POSITIVE_INFINITY : day + DAY_MS - 1;
}
