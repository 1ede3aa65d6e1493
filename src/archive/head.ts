/**
 * The head of a shard's archive: under which names its log has been written, and how far each of them reaches.
 *
 *   heads/v1/clicks-3.json {"v":1,"lives":[{"incarnation":"5f0c…","base":<place>,"end":<place>,"segment":<segment>}]}
 *
 * A life is one stretch of the log under one incarnation, from `base` (a place of the life before it, or the start) to
 * `end`. The last life is the one that is written now. A head is written before the segment that it announces, so that
 * it is never behind the archive: a shard whose storage was set back finds a head that is ahead of it, or another life.
 *
 * Keeps: replaced by its etag only, so that of two writers one is refused.
 */
import { parseJson } from "../core/base64url.ts";
import type { Position } from "../core/position.ts";
import { assert } from "../core/result.ts";

export const HEADS_PREFIX = "heads/v1/";

/** A segment that was announced: rows after `from` up to its life's `end`. */
export type Announced = { readonly key: string; readonly from: Position };

export type Life = {
  readonly incarnation: string;
  readonly base: Position;
  /** Up to where rows are in the archive, or about to be. */
  readonly end: Position;
  /** The segment that reaches `end`; null when nothing was announced since the life began or was closed. */
  readonly segment: Announced | null;
  /** Up to where rows had been announced that then were lost with the storage. */
  readonly lost?: Position;
};

export type ArchiveHead = { readonly lives: readonly Life[] };

export type StoredHead = { readonly head: ArchiveHead; readonly etag: string };

export function headKey(shard: string): string {
  return `${HEADS_PREFIX}${shard}.json`;
}

export function encodeHead({ lives }: ArchiveHead): string {
  return JSON.stringify({ v: 1, lives });
}

/** Reads a head that a shard wrote; throws AssertionError on any other. */
export function decodeHead(text: string): ArchiveHead {
  const wire = parseJson(text) as { v?: unknown; lives?: unknown } | null;
  assert(wire?.v === 1 && Array.isArray(wire.lives), "an archive head has version 1");
  return { lives: wire.lives as Life[] };
}

/** The life that is written now. */
export function currentLife({ lives }: ArchiveHead): Life {
  const life = lives.at(-1);
  assert(life !== undefined, "an archive head has a life");
  return life;
}

export function withCurrent({ lives }: ArchiveHead, life: Life): ArchiveHead {
  return { lives: [...lives.slice(0, -1), life] };
}
