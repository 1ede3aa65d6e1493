/**
 * Up to where a caller knows what has changed, in each report database, and how far its present answer has come.
 *
 *   payload = {"v":1,"at":{"REPORT_DB":[from, to, key], …}}
 *
 *   from   the tick as of which the caller knows this database
 *   to     the tick at which the present answer began to read it; null: it has not
 *   key    behind which its next page goes on; null: nothing is read, or all
 *
 * Keeps: the seal covers whose changes they are, so a cursor opens for that account, whichever of its keys asks, and
 * for no other; of the operator, for the advertiser that was asked for.
 */
import type { KeyRing } from "../../core/key-ring.ts";
import { CHANGES_KEPT_DAYS, DAY_MS } from "../../core/limits.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { ReportProblem } from "../problems.ts";
import { openPayload, sealPayload } from "../sealed-payload.ts";

/** Advertiser, day, campaign, ad group, ad. */
export type ChangeKey = readonly [string, number, string, string, string];
export type Position = { readonly from: number; readonly to: number | null; readonly key: ChangeKey | null };
/** Positions by the names of the databases. */
export type Positions = ReadonlyMap<string, Position>;

export type ChangeCursorContext = {
  readonly ring: KeyRing;
  /** The account, and whose changes it asked for. */
  readonly of: string;
  readonly nowMs: number;
};

type Payload = { readonly at: Readonly<Record<string, readonly [number, number | null, ChangeKey | null]>> };

/** An empty answer gives its cursor back while that is this young. */
const RENEWED_AFTER_MS = (CHANGES_KEPT_DAYS * DAY_MS) / 2;

export function sealChanges(positions: Positions, { ring, of }: ChangeCursorContext): Promise<string> {
  const at = Object.fromEntries(Array.from(positions, ([name, { from, to, key }]) => [name, [from, to, key]]));
  return sealPayload(ring, purposeOf(of), { v: 1, at });
}

/** The positions of a cursor, where what has changed since then is still kept. */
export async function openChanges(
  cursor: string,
  { ring, of, nowMs }: ChangeCursorContext,
): Promise<Result<Positions, ReportProblem>> {
  const payload = (await openPayload(ring, purposeOf(of), cursor)) as Payload | null;
  if (payload === null) {
    const detail =
      "Send the `cursor` of the answer before unchanged, with a key of the same account and the same advertiser_id. " +
      BEGIN_AGAIN;
    return err({ reason: "tampered_cursor", detail, field: "after" });
  }
  const positions = new Map(
    Object.entries(payload.at).map(([name, [from, to, key]]): [string, Position] => [name, { from, to, key }]),
  );
  if (nowMs - oldestOf(positions) <= CHANGES_KEPT_DAYS * DAY_MS) return ok(positions);
  return err(staleChanges(`Changes are told for ${CHANGES_KEPT_DAYS} days, and this cursor is older.`));
}

export function staleChanges(why: string): ReportProblem {
  return { reason: "stale_cursor", detail: `${why} ${BEGIN_AGAIN}`, field: "after" };
}

/** Whether an answer without changes may give the cursor back that it was asked with. */
export function isYoung(positions: Positions, nowMs: number): boolean {
  return nowMs - oldestOf(positions) <= RENEWED_AFTER_MS;
}

/** The oldest tick that is known; of a database that was first used later (0), the one at which it began to be read. */
function oldestOf(positions: Positions): number {
  const ticks = Array.from(positions.values(), ({ from, to }) => (from === 0 ? to : from));
  return Math.min(...ticks.filter((tick) => tick !== null));
}

const BEGIN_AGAIN = "Or begin again: ask without `after` for a new cursor, then read every day once.";

function purposeOf(of: string): string {
  return `changes cursor v1\n${of}`;
}
