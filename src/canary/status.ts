/**
 * `GET /status`: how the service has been for 90 days, as the canary saw it. Public.
 *
 *   {"state":"ok","checkedAt":…,"days":[{"day":"2026-11-28","clicks":1440,"redirectMs":{"p50":50,…},…}]}
 *
 * Keeps: read from R2 alone, so it answers while no database does; an isolate reads the book once in ten seconds,
 * whoever asks. Says nothing of tenants, persons, addresses or settings.
 */
import type { Asked } from "../access/asked.ts";
import { type CanaryBook, type CanaryDay, canaryState, type Histogram, percentile } from "../core/canary.ts";
import { SECOND_MS } from "../core/limits.ts";
import { readBook } from "./book.ts";

const READ_EVERY_MS = 10 * SECOND_MS;
const HEADERS = {
  "Content-Type": "application/json",
  "Cache-Control": `public, max-age=${READ_EVERY_MS / SECOND_MS}`,
  "Access-Control-Allow-Origin": "*",
  "X-Content-Type-Options": "nosniff",
  Vary: "Accept",
} as const;

let known: { readonly bucket: R2Bucket; readonly untilMs: number; readonly book: CanaryBook | null } | null = null;

/** Answers a request for the state of the service. */
export async function answerStatus({ request, env, nowMs }: Asked): Promise<Response> {
  const body = JSON.stringify(statusOf(await bookOf(env.ARCHIVE, nowMs), nowMs));
  return new Response(request.method === "HEAD" ? null : body, { headers: HEADERS });
}

async function bookOf(bucket: R2Bucket, nowMs: number): Promise<CanaryBook | null> {
  if (known !== null && known.bucket === bucket && nowMs < known.untilMs) return known.book;
  const book = await readBook(bucket);
  known = { bucket, untilMs: nowMs + READ_EVERY_MS, book };
  return book;
}

/** What is published of a book. */
export function statusOf(book: CanaryBook | null, nowMs: number) {
  const last = book?.clicks.at(-1);
  return {
    state: canaryState(book, nowMs),
    checkedAt: last === undefined ? null : new Date(last.atMs).toISOString(),
    reportReadAt: typeof book?.readAtMs === "number" ? new Date(book.readAtMs).toISOString() : null,
    days: (book?.days ?? []).map(dayOf),
  };
}

function dayOf({ day, clicks, failed, lost, delayed, doubled, redirectMs, freshnessMs }: CanaryDay) {
  return {
    ...{ day, clicks, failed, lost, delayed, doubled },
    ...{ redirectMs: percentilesOf(redirectMs), freshnessMs: percentilesOf(freshnessMs) },
  };
}

function percentilesOf(histogram: Histogram) {
  return { p50: percentile(histogram, 0.5), p95: percentile(histogram, 0.95), p99: percentile(histogram, 0.99) };
}
