/**
 * The rest of a table that is ordered by a metric, kept in R2 for its further pages.
 *
 *   report-pages/v1/until=<YYYY-MM-DDTHH:MM:SSZ>/<32 hexadecimal digits>.json
 *   {"rows":[[window,[dimensions],[sums],{reasons},sketch,[previous…]|null], …],"read":{…}}
 *
 * Keeps: an object is written once and never changed, so every page of a cursor is of one moment. It is read only under
 * a sealed cursor, which names it; its name is random. What one tenant may have kept is bounded
 * (src/access/read-rules.ts). Objects past their time are deleted by cron (`dropKeptRows`), and by a lifecycle rule of
 * the bucket should cron not run.
 */
import { encodeUtf8 } from "../../core/base64url.ts";
import { type Exact, parseExact, stringifyExact } from "../../core/exact.ts";
import { hexAt } from "../../core/hex.ts";
import { Sketch } from "../../core/sketch.ts";
import { isoSecond } from "../../core/time.ts";
import type { Row } from "../answer/table.ts";
import { CURSOR_LIFE_MS } from "../limits.ts";
import type { Counted, Reasons } from "../read/groups.ts";

export const KEPT_PREFIX = "report-pages/v1/";
const DELETES_PER_CALL = 1_000;

type WireCounted = readonly [sums: Exact[], reasons: Reasons, sketch: string | null];
type WireRow = readonly [window: number, dimensions: string[], counted: WireCounted, previous: WireCounted | null];

/** The rows behind a first page, and what was said when they were read. */
export type Kept<T> = { readonly rows: readonly Row[]; readonly read: T };

/**
 * Keeps rows for as long as a cursor lives. Returns the name that a cursor carries, or null where the tenant has as
 * much kept as it may have.
 */
export async function keepRows<T>(
  bucket: R2Bucket,
  { rows, read }: Kept<T>,
  { nowMs, random, mayKeep }: { nowMs: number; random: Uint8Array; mayKeep: (bytes: number) => Promise<boolean> },
): Promise<string | null> {
  const id = hexAt(random, 0, random.length);
  const name = `until=${isoSecond(nowMs + CURSOR_LIFE_MS)}/${id}.json`;
  const wire = rows.map(({ group, previous }): WireRow => {
    const before = previous === null ? null : toWire(previous);
    return [group.window, [...group.dimensions], toWire(group), before];
  });
  const body = encodeUtf8(stringifyExact({ rows: wire, read }));
  if (!(await mayKeep(body.byteLength))) return null;
  await bucket.put(KEPT_PREFIX.concat(name), body);
  return name;
}

/** What was kept under a name, or null when it is gone. */
export async function readKept<T>(bucket: R2Bucket, name: string): Promise<Kept<T> | null> {
  const object = await bucket.get(KEPT_PREFIX.concat(name));
  if (object === null) return null;
  const { rows, read } = parseExact(await object.text()) as { rows: WireRow[]; read: T };
  return {
    read,
    rows: rows.map(([window, dimensions, counted, previous]) => ({
      group: { window, dimensions, ...fromWire(counted) },
      previous: previous === null ? null : fromWire(previous),
    })),
  };
}

/** Deletes what no living cursor can name. Names ascend by time, so the first that lives ends the search. */
export async function dropKeptRows(bucket: R2Bucket, nowMs: number): Promise<number> {
  const { objects } = await bucket.list({ prefix: KEPT_PREFIX, limit: DELETES_PER_CALL });
  const past = KEPT_PREFIX.concat("until=", isoSecond(nowMs));
  const keys = objects.map(({ key }) => key).filter((key) => key < past);
  if (keys.length > 0) await bucket.delete(keys);
  return keys.length;
}

function toWire({ sums, reasons, sketch }: Counted): WireCounted {
  return [sums, reasons, sketch === null ? null : sketch.encode()];
}

function fromWire([sums, reasons, sketch]: WireCounted): Counted {
  return { sums, reasons, sketch: sketch === null ? null : Sketch.decode(sketch) };
}
