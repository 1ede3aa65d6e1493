/**
 * Cursors: where a page ended, sealed, so that the next one begins there and nowhere else.
 *
 *   <base64url of payload>.<mac>.<kid>          payload = {"v":1,"query":"…","at":<ms>, …place}
 *
 *   place   {"after":[…]}             behind these values of the order's key fields; the facts are read anew
 *           {"kept":"…","offset":n}   row n of what was kept when the first page was made (page-store.ts)
 *
 * Keeps: the seal covers the key that asked, and the payload names the query: a cursor of another key does not open,
 * one of another query is refused. An order by key fields needs nothing stored: no row is repeated or skipped,
 * whatever is posted between two pages, since a row's key never changes; its sums are those of the moment at which its
 * page is read. In an order by a metric rows move when they are counted on, so its further pages are those of the first
 * reading.
 */
import { encodeBase64url, encodeUtf8 } from "../../core/base64url.ts";
import { toCamelCase } from "../../core/fields.ts";
import type { KeyRing } from "../../core/key-ring.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { CURSOR_AHEAD_MAX_MS, CURSOR_LIFE_MS } from "../limits.ts";
import type { ReportProblem } from "../problems.ts";
import type { ReportQuery } from "../query/query.ts";
import type { KeyAfter } from "../read/segments-sql.ts";
import { openPayload, sealPayload } from "../sealed-payload.ts";

export type PagePlace = { readonly after: KeyAfter } | { readonly kept: string; readonly offset: number };

/** Who asks, with what, and when. */
export type CursorContext = {
  readonly ring: KeyRing;
  readonly keyId: string;
  readonly query: ReportQuery;
  readonly nowMs: number;
};

/** The cursor of a place. */
export async function sealCursor(place: PagePlace, { ring, keyId, query, nowMs }: CursorContext): Promise<string> {
  return sealPayload(ring, purposeOf(keyId), { v: 1, query: await queryHash(query), at: nowMs, ...place });
}

/** The place that a cursor names, for whoever it was given to. */
export async function openCursor(
  cursor: string,
  { ring, keyId, query, nowMs }: CursorContext,
): Promise<Result<PagePlace, ReportProblem>> {
  const opened = await openPayload(ring, purposeOf(keyId), cursor);
  if (opened === null) return err({ reason: "tampered_cursor", field: "cursor" });
  const payload = opened as { query: string; at: number } & PagePlace;
  const ageMs = nowMs - payload.at;
  if (ageMs > CURSOR_LIFE_MS || ageMs < -CURSOR_AHEAD_MAX_MS) return err(staleCursor());
  if (payload.query !== (await queryHash(query))) {
    const detail = "Repeat the parameters of the first page; only limit and format may change.";
    return err({ reason: "cursor_of_another_query", detail, field: "cursor" });
  }
  return ok("after" in payload ? { after: payload.after } : { kept: payload.kept, offset: payload.offset });
}

export function staleCursor(): ReportProblem {
  const detail = `A cursor is good for ${CURSOR_LIFE_MS / 60_000} minutes: begin again at the first page.`;
  return { reason: "stale_cursor", detail, field: "cursor" };
}

/** The query as understood, without what may differ from page to page. */
function fingerprint(query: ReportQuery): Record<string, unknown> {
  const { range, granularity, zone, dimensions, filters, metrics, order, previous } = query;
  return {
    fromMs: range.fromMs,
    toMs: range.toMs,
    granularity,
    zone: zone.name,
    dimensions: dimensions.map(({ name }) => toCamelCase(name)),
    filters,
    metrics,
    order,
    previous,
    isPairedByDate: query.isPairedByDate === true,
    wantsTotals: query.wantsTotals,
  };
}

async function queryHash(query: ReportQuery): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", encodeUtf8(JSON.stringify(fingerprint(query))));
  return encodeBase64url(new Uint8Array(digest).slice(0, 16));
}

function purposeOf(keyId: string): string {
  return `report cursor v1\n${keyId}`;
}
