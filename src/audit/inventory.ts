/**
 * Inventory: whether the segments of one shard and log day are all there, by proof. They must follow one another from
 * where the day before ended to a place behind which the log goes on in a later day, or ends.
 *
 *   end of the day before ─▶ segment ─▶ segment ─▶ … ─▶ end of the day ─▶ next segment of a later day, or the head
 *
 * Keeps: complete by chains, not by waiting. Closed segments are rows that were lost with a storage and never come;
 * what of them was announced is named.
 */
import { ARCHIVE_PREFIX, sourceOf } from "../archive/archive.ts";
import type { ArchiveHead, Life } from "../archive/head.ts";
import type { StoredSegment } from "../archive/segments.ts";
import { DAY_MS } from "../core/limits.ts";
import { isSamePosition, LOG_START, type Position } from "../core/position.ts";
import { isoDay } from "../core/time.ts";
import type { Finding } from "./scan.ts";

/** What a source logged in a day: from one place to another. */
export type SourceDay = { readonly source: string; readonly from: Position; readonly to: Position };

export type Inventory = {
  readonly sources: readonly SourceDay[];
  /** Whole segments, in the order of their log. */
  readonly segments: readonly StoredSegment[];
  readonly found: readonly Finding[];
};

export type InventoryOf = {
  readonly shard: string;
  /** The segments that lie under a day, of all shards; asked again and again. */
  readonly segmentsOn: (day: string) => Promise<readonly StoredSegment[]>;
  /** `YYYY-MM-DD` */
  readonly day: string;
  readonly head: ArchiveHead;
  /** Where the days before ended, by source; sources that had logged nothing are absent. */
  readonly before: ReadonlyMap<string, Position>;
  /** Where the day's logs end, if it was sealed before: what lies behind that under its name came too late. */
  readonly sealed: ReadonlyMap<string, Position> | null;
  readonly nowMs: number;
};

/** Takes the inventory of a shard's day. */
export async function takeInventory(of: InventoryOf): Promise<Inventory> {
  const { shard, head, segmentsOn, day } = of;
  const all = (await segmentsOn(day)).filter(({ owner }) => owner.shard === shard);
  const sources: SourceDay[] = [];
  const segments: StoredSegment[] = [];
  const found: Finding[] = [];
  const known = new Set(head.lives.map(({ incarnation }) => incarnation));
  for (const { owner, key } of all) {
    if (!known.has(owner.incarnation)) {
      found.push({ kind: "late_segment", where: key, detail: "No life of its shard has this name." });
    }
  }
  for (const life of head.lives) {
    const own = all.filter(({ owner }) => owner.incarnation === life.incarnation);
    const sourceDay = await walk(of, { life, own, segments, found });
    if (sourceDay !== null) sources.push(sourceDay);
  }
  return { sources, segments, found };
}

type Walk = { life: Life; own: readonly StoredSegment[]; segments: StoredSegment[]; found: Finding[] };

async function walk(of: InventoryOf, { life, own, segments, found }: Walk): Promise<SourceDay | null> {
  const { shard, day, before } = of;
  const source = sourceOf({ shard, incarnation: life.incarnation });
  const from = before.get(source) ?? life.base ?? LOG_START;
  const end = of.sealed === null ? null : (of.sealed.get(source) ?? from);
  let at = from;
  for (const segment of own) {
    if (segment.isClosed) continue;
    if (end !== null && segment.to.seq > end.seq) {
      found.push({ kind: "late_segment", where: segment.key, detail: "The day was sealed before it came." });
      continue;
    }
    if (segment.from.seq < at.seq) {
      const detail = `It begins before row ${at.seq}, up to which the log is sealed or read already.`;
      found.push({ kind: "late_segment", where: segment.key, detail });
      continue;
    }
    if (segment.from.seq > at.seq) found.push(missing(source, at.seq + 1, segment.from.seq));
    else if (segment.from.chain !== at.chain) {
      const detail = `It does not follow row ${at.seq} as that was logged.`;
      found.push({ kind: "chain_broken", where: segment.key, detail });
    }
    segments.push(segment);
    at = segment.to;
  }
  if (life.lost !== undefined && life.lost.seq > life.end.seq && isoDay(life.lost.loggedAtMs) === day) {
    found.push(missing(source, life.end.seq + 1, life.lost.seq));
  }
  if (end !== null && at.seq < end.seq) found.push(missing(source, at.seq + 1, end.seq));
  else if (end === null && isAnnounced(life, day)) {
    if (life.end.seq > at.seq) found.push(missing(source, at.seq + 1, life.end.seq));
    else if (!isSamePosition(life.end, at)) {
      const detail = `The head says that this log ends at row ${life.end.seq}, and with another chain.`;
      found.push({ kind: "chain_broken", where: life.segment?.key ?? source, detail });
    }
    // The log ends there whatever its newest segment says, or whether it is there: the seal says so, and it may be
    // brought back.
    at = life.end;
  } else if (life.end.seq > at.seq) await checkNext(of, { life, at, source, found });
  const hasLogged = before.has(source) || at.seq > from.seq;
  return hasLogged ? { source, from, to: at } : null;
}

/** Whether the segment that was announced last is one of this day: by now it must be stored. */
function isAnnounced({ segment }: Life, day: string): boolean {
  return segment?.key.startsWith(`${ARCHIVE_PREFIX}dt=${day}/`) ?? false;
}

function missing(source: string, first: number, last: number): Finding {
  const rows = first === last ? `Row ${first}` : `Rows ${first} to ${last}`;
  return {
    kind: "segment_missing",
    where: `${source}/${first}-${last}`,
    detail: `${rows} of ${source} are in no segment of the archive.`,
  };
}

/** Behind the day the log goes on where the day ends: in the segment that was announced last, or in a stored one. */
async function checkNext(
  of: InventoryOf,
  { life, at, source, found }: { life: Life; at: Position; source: string; found: Finding[] },
): Promise<void> {
  const announced = life.segment?.from;
  if (announced?.seq === at.seq && announced.chain === at.chain) return;
  const next = await firstAfter(of, life.incarnation);
  if (next === null || next.from.seq > at.seq) {
    found.push(missing(source, at.seq + 1, next === null ? life.end.seq : next.from.seq));
  } else if (next.from.seq !== at.seq || next.from.chain !== at.chain) {
    found.push({ kind: "chain_broken", where: next.key, detail: `It does not follow row ${at.seq} of ${source}.` });
  }
}

/** The first segment of a source in a later day. */
async function firstAfter(
  { shard, day, nowMs, segmentsOn }: InventoryOf,
  incarnation: string,
): Promise<StoredSegment | null> {
  // A day that was sealed before its end goes on under the next one's name.
  for (let ms = Date.parse(day) + DAY_MS; ms <= nowMs + DAY_MS; ms += DAY_MS) {
    const found = (await segmentsOn(isoDay(ms))).find(
      ({ owner, isClosed }) => owner.shard === shard && owner.incarnation === incarnation && !isClosed,
    );
    if (found !== undefined) return found;
  }
  return null;
}
