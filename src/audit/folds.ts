/**
 * Folds: what consecutive rows of one source's log day add up to, at most one posting each, as minute rows. With them a
 * report database is filled when the lines themselves are gone (facts/rebuild.ts).
 *
 *   folds/v1/dt=<day>/NNNN/shard=<name>/<incarnation>-<seqFrom>.parquet    its places, events and SHA-256 as metadata
 *   folds/v1/dt=<day>/NNNN/lists/<name>.json     where each source begins, and its folds with their SHA-256
 *   folds/v1/dt=<day>/NNNN/index.json            the SHA-256 of each list; the audit's report has its own
 *
 * Keeps: a fold, a list or an index that is not what its audit wrote is recognised by the report, which is never
 * changed. Each audit of a day has its own, under its number, so that a later one that fails takes nothing away.
 */
import { sourceOf } from "../archive/archive.ts";
import { objectsBelow } from "../archive/segments.ts";
import { encodeMinutes, type MinuteRow } from "../cold/parquet.ts";
import { encodeUtf8, parseJson } from "../core/base64url.ts";
import { cellKeyOfStored, type Facts, factsKeyOf, mergeFacts } from "../core/facts.ts";
import { MEASURES } from "../core/fields.ts";
import { POSTING_CHARS_MAX } from "../core/limits.ts";
import type { Position } from "../core/position.ts";
import type { StoredFold } from "../facts/folded-log.ts";
import { charsOf } from "../facts/post.ts";
import { Figures, toStored } from "./figures.ts";
import type { SourceDay } from "./inventory.ts";
import { numbered, sha256Of } from "./objects.ts";
import type { ScannedPiece } from "./pieces.ts";

export const FOLDS_PREFIX = "folds/v1/";
export const foldsPrefix = (day: string, attempt: number) => `${FOLDS_PREFIX}dt=${day}/${numbered(attempt)}/`;
export const foldIndexKey = (day: string, attempt: number) => `${foldsPrefix(day, attempt)}index.json`;
export const foldListKey = (day: string, attempt: number, shard: string) =>
  `${foldsPrefix(day, attempt)}lists/${shard}.json`;

/** A fold as a list names it. */
export type ListedFold = StoredFold & { readonly sha256: string };

export type FoldList = {
  readonly v: 1;
  readonly shard: string;
  /** By source. */
  readonly sources: Readonly<Record<string, { readonly from: Position; readonly folds: readonly ListedFold[] }>>;
};

/** The SHA-256 of each shard's list, by its name. */
export type FoldIndex = { readonly v: 1; readonly shards: Readonly<Record<string, string>> };

type FoldsOf = { readonly day: string; readonly attempt: number; readonly shard: string };
type Open = { incarnation: string; from: Position; to: Position; events: number; facts: Facts; chars: number };

/** Writes folds from pieces of segments in the order of the log: as few as postings would be. */
export class FoldWriter {
  readonly #bucket: R2Bucket;
  readonly #of: FoldsOf;
  readonly #onFold: (figures: Figures) => void;
  #open: Open | null = null;

  /** `onFold` is given the figures of each fold. */
  constructor(bucket: R2Bucket, of: FoldsOf, onFold: (figures: Figures) => void) {
    this.#bucket = bucket;
    this.#of = of;
    this.#onFold = onFold;
  }

  async add(incarnation: string, { from, to, facts, events }: ScannedPiece): Promise<void> {
    const chars = charsOf(facts);
    const open = this.#open;
    const follows = open?.incarnation === incarnation && open.to.seq === from.seq && open.to.chain === from.chain;
    if (open !== null && follows && open.chars + chars <= POSTING_CHARS_MAX) {
      mergeFacts(open.facts, facts.values());
      this.#open = { ...open, to, events: open.events + events, chars: open.chars + chars };
      return;
    }
    await this.close();
    this.#open = { incarnation, from, to, events, facts, chars };
  }

  /** Writes what is open. */
  async close(): Promise<void> {
    if (this.#open === null) return;
    const { incarnation, from, to, events, facts } = this.#open;
    this.#open = null;
    const figures = new Figures();
    figures.addFacts(facts);
    this.#onFold(figures);
    const { day, attempt, shard } = this.#of;
    const name = `${incarnation}-${String(from.seq + 1).padStart(12, "0")}`;
    const rows = Array.from(figures.rows.values(), toStored);
    const bytes = rows.length === 0 ? new Uint8Array() : encodeMinutes(rows).bytes;
    const sha256 = await sha256Of(bytes);
    await this.#bucket.put(`${foldsPrefix(day, attempt)}shard=${shard}/${name}.parquet`, bytes, {
      sha256,
      customMetadata: {
        from: JSON.stringify(from),
        to: JSON.stringify(to),
        events: String(events),
        incarnation,
        sha256,
      },
    });
  }
}

/** Lists the folds of a shard's log day; resolves to the list's SHA-256. */
export async function listFolds(bucket: R2Bucket, of: FoldsOf, sources: readonly SourceDay[]): Promise<string> {
  const { day, attempt, shard } = of;
  const folds = new Map<string, ListedFold[]>();
  for await (const { key, customMetadata = {} } of objectsBelow(
    bucket,
    `${foldsPrefix(day, attempt)}shard=${shard}/`,
  )) {
    const { from = "", to = "", events, incarnation = "", sha256 = "" } = customMetadata;
    const source = sourceOf({ shard, incarnation });
    const places = { from: parseJson(from) as Position, to: parseJson(to) as Position };
    folds.set(source, [...(folds.get(source) ?? []), { key, ...places, events: Number(events), sha256 }]);
  }
  const named = sources.map(({ source, from }) => [source, { from, folds: folds.get(source) ?? [] }] as const);
  const list: FoldList = { v: 1, shard, sources: Object.fromEntries(named) };
  return putHashed(bucket, foldListKey(day, attempt, shard), list);
}

/** Writes a day's index; resolves to its SHA-256, for the report. */
export function putFoldIndex(
  bucket: R2Bucket,
  { day, attempt }: Omit<FoldsOf, "shard">,
  lists: readonly { readonly shard: string; readonly folds: string }[],
): Promise<string> {
  const shards = Object.fromEntries(lists.map(({ shard, folds }) => [shard, folds]));
  const index: FoldIndex = { v: 1, shards };
  return putHashed(bucket, foldIndexKey(day, attempt), index);
}

async function putHashed(bucket: R2Bucket, key: string, value: unknown): Promise<string> {
  const text = JSON.stringify(value);
  const sha256 = await sha256Of(encodeUtf8(text));
  await bucket.put(key, text, { sha256, httpMetadata: { contentType: "application/json" } });
  return sha256;
}

/** Stored rows as facts again; their users as stored sketches. */
export function factsOfRows(rows: readonly MinuteRow[]): Facts {
  const facts: Facts = new Map();
  for (const { advertiserId, campaignId, adGroupId, adId, minute, cells, reasons, sketch } of rows) {
    const row = {
      ...{ advertiserId, campaignId, adGroupId, adId, window: minute, users: new Set<number>() },
      cells: new Map(
        (parseJson(cells) as [string[], number[]][]).map(([values, counts]) => [
          cellKeyOfStored(values),
          // A fold that is older than a measure has none of it.
          MEASURES.map((_, at) => counts[at] ?? 0),
        ]),
      ),
      reasons: new Map(Object.entries(parseJson(reasons) as Record<string, number>)),
      ...(sketch === null ? {} : { sketches: sketch }),
    };
    facts.set(factsKeyOf(row), row);
  }
  return facts;
}
