/**
 * Parts of a report that are small enough for one statement each. Pure.
 *
 *   plot    one read of one part of a query, of all its advertisers or of some:  (ask 0, days 1–90, adv_1 … adv_9)
 *   slice   plots that one transaction reads
 *
 * Keeps: the parts of a plot cover it exactly once, and none reaches over an edge of a window, so their groups add up
 * to the groups of the whole.
 */
import { MINUTE_MS } from "../../core/limits.ts";
import { advertiserBucketOf } from "../../core/routing.ts";
import { ALL_BUCKETS, bucketBit, type Touch } from "../../facts/touched.ts";
import { type Piece, type Read, readTierOf, TIER_MS } from "./plan.ts";

export type Plot = {
  /** Which of the parts that are asked for. */
  readonly share: number;
  readonly read: Read;
  /** Of these advertisers alone; null for all that its query may read. */
  readonly only: readonly string[] | null;
};

/** What one transaction reads, and about how much work it is. What is open is read again with each (sliced.ts). */
export type Slice = { readonly plots: readonly Plot[]; readonly weight: number; readonly isOpen?: boolean };

/** Windows of its tier that a read covers; of sums of hours the pieces, since a part of one is as much work. */
export function windowsOf(read: Read): number {
  if (read.kind === "pieces" && read.source.kind === "hour_sums") return read.pieces.length;
  return stretchesOf(read).reduce((sum, { from, to }) => sum + to - from, 0);
}

/** A read in so many parts of about as many windows, or as many as it has. */
export function splitRead(read: Read, parts: number): Read[] {
  const windows = windowsOf(read);
  const size = Math.ceil(windows / Math.min(parts, windows));
  if (read.kind === "pieces" && read.source.kind === "hour_sums") {
    return splitList(read.pieces, parts).map((pieces) => ({ ...read, pieces }));
  }
  if (read.kind === "span") {
    const { segment } = read;
    return cut([segment], size).flatMap(([part]) => (part === undefined ? [] : [{ ...read, segment: part }]));
  }
  return cut(read.pieces, size).map((pieces) => ({ ...read, pieces }));
}

/** Stretches in lists of `size` windows, the last of what is left. */
function cut<S extends Pick<Piece, "from" | "to">>(stretches: readonly S[], size: number): S[][] {
  const lists: S[][] = [];
  let list: S[] = [];
  let room = size;
  for (const stretch of stretches) {
    for (let { from } = stretch; from < stretch.to; ) {
      const to = Math.min(stretch.to, from + room);
      list.push({ ...stretch, from, to });
      room -= to - from;
      from = to;
      if (room > 0) continue;
      lists.push(list);
      [list, room] = [[], size];
    }
  }
  return list.length === 0 ? lists : [...lists, list];
}

/** A list in so many runs of about one length. */
export function splitList<T>(list: readonly T[], parts: number): T[][] {
  const size = Math.ceil(list.length / parts);
  return Array.from({ length: Math.ceil(list.length / size) }, (_, at) => list.slice(at * size, (at + 1) * size));
}

/** Neighbouring slices joined while they are small enough together. */
export function packSlices(slices: readonly Slice[], weightMax: number): Slice[] {
  const packed: Slice[] = [];
  for (const slice of slices) {
    const last = packed.at(-1);
    if (last === undefined || last.weight + slice.weight > weightMax) packed.push(slice);
    else
      packed[packed.length - 1] = {
        plots: [...last.plots, ...slice.plots],
        weight: last.weight + slice.weight,
      };
  }
  return packed;
}

/** Whether a posting has changed what a plot reads, or may have. */
export function isTouched({ read, only }: Plot, [, stretches]: Touch): boolean {
  const buckets = only === null ? ALL_BUCKETS : only.reduce((bits, id) => bits | bucketBit(advertiserBucketOf(id)), 0);
  const minutes = TIER_MS[readTierOf(read)] / MINUTE_MS;
  return stretches.some(
    ([first, last, touched]) =>
      (touched & buckets) !== 0 &&
      stretchesOf(read).some(({ from, to }) => first < to * minutes && last >= from * minutes),
  );
}

/** What a read covers, in windows of its tier. */
function stretchesOf(read: Read): readonly { readonly from: number; readonly to: number }[] {
  return read.kind === "span" ? [read.segment] : read.pieces;
}
