/**
 * The tail of a log: what was logged behind the days that were scanned, and belongs to service days that are over, or
 * revises an event of one.
 */
import { sourceOf } from "../archive/archive.ts";
import type { StoredSegment } from "../archive/segments.ts";
import type { AuditRecord } from "../core/audit-record.ts";
import { Figures, toStored } from "./figures.ts";
import { workPrefix } from "./objects.ts";
import { skimSegment } from "./scan.ts";

/** Figures that one log row adds to a minute, as they are stored. */
export type TailRow = { readonly source: string; readonly seq: number; readonly row: ReturnType<typeof toStored> };

export type RevisedEvent = AuditRecord & { readonly hour: number };

/** Where the tail of a shard is kept; its revisions under that name and `.revised`. */
export const tailKey = ({
  day,
  attempt,
  shard,
}: {
  readonly day: string;
  readonly attempt: number;
  readonly shard: string;
}) => `${workPrefix(day, attempt)}tail/${shard}.ndjson`;

/** What a segment adds to minutes before an instant, by log row; and what it revises. */
export async function tailOf(
  bucket: R2Bucket,
  segment: StoredSegment,
  { lives, beforeMs }: { lives: readonly string[]; beforeMs: number },
): Promise<{ rows: TailRow[]; revised: RevisedEvent[] }> {
  const life = lives.indexOf(segment.owner.incarnation);
  const { byRow, revised } = await skimSegment(bucket, segment, { life, beforeMs });
  const rows: TailRow[] = [];
  for (const [seq, facts] of byRow) {
    const figures = new Figures();
    figures.addFacts(facts);
    for (const row of Array.from(figures.rows.values(), toStored))
      rows.push({ source: sourceOf(segment.owner), seq, row });
  }
  return { rows, revised };
}
