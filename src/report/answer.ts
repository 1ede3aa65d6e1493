/**
 * Answers in their three formats, and what a caller may keep of them.
 *
 *   json     {"rows":[…],"meta":{…}}        ndjson   a row a line, streamed; the last line is {"meta":{…}}
 *   csv      RFC 4180; no place for meta, so what decides whether the numbers may be used travels in headers, and
 *            period and zone in the file's name
 *
 * Keeps: only a range that ended before the watermark may be cached, by the caller alone and for a minute; an open one
 * changes with every posting. Such an answer has an ETag: strong over the bytes of CSV, weak over JSON without the
 * facts of the reading (watermark, lag, tiers, rows read, cursor), which differ each time while the numbers do not.
 * Sources: RFC 9110 §8.8 (validators), §13.1.2 (If-None-Match, compared weakly).
 */
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import { encodeBase64url, encodeUtf8 } from "../core/base64url.ts";
import { csvFileName, type SpelledPeriod } from "./csv.ts";
import { CACHE_MAX_AGE_S } from "./limits.ts";
import type { ReportMeta } from "./meta.ts";
import type { Format } from "./params.ts";

/** What is answered; each form is made only when asked. */
export type Shaped = {
  /** The member of a JSON answer that holds the items. */
  readonly name: "rows" | "series";
  readonly items: () => Iterable<Record<string, unknown>>;
  readonly csv: () => string;
};

const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  json: "application/json",
  csv: "text/csv",
  ndjson: "application/x-ndjson",
};
/** Characters that a stream hands over at once. */
const CHUNK_CHARS = 65_536;

/** The format that the query asks for, else the one that the Accept header prefers. */
export function formatOf(context: Context, asked: Format | undefined): Format {
  if (asked !== undefined) return asked;
  const supports = Object.values(MEDIA_TYPES);
  const preferred = accepts(context, { header: "Accept", supports, default: MEDIA_TYPES.json });
  const found = Object.entries(MEDIA_TYPES).find(([, type]) => type === preferred);
  return (found?.[0] ?? "json") as Format;
}

/** The response. `mayCache` is false where the method forbids it. */
export async function respond(
  shaped: Shaped,
  meta: ReportMeta,
  { format, mayCache, ifNoneMatch }: { format: Format; mayCache: boolean; ifNoneMatch: string | undefined },
): Promise<Response> {
  const isClosed = mayCache && meta.complete;
  const headers: Record<string, string> = {
    "Cache-Control": isClosed ? `private, max-age=${CACHE_MAX_AGE_S}` : "private, no-store",
    Vary: "Accept, Authorization",
    "X-Content-Type-Options": "nosniff",
  };
  if (format === "ndjson") {
    headers["Content-Type"] = MEDIA_TYPES.ndjson.concat("; charset=utf-8");
    return new Response(streamLines(shaped, meta), { headers });
  }
  const { body, etag } =
    format === "csv" ? await csvBody(shaped, meta, headers) : await jsonBody(shaped, meta, headers);
  if (!isClosed) return new Response(body, { headers });
  headers["ETag"] = etag;
  if (matches(ifNoneMatch, etag)) {
    delete headers["Content-Type"];
    return new Response(null, { status: 304, headers });
  }
  return new Response(body, { headers });
}

type Body = { readonly body: string; readonly etag: string };

async function jsonBody({ name, items }: Shaped, meta: ReportMeta, headers: Record<string, string>): Promise<Body> {
  headers["Content-Type"] = MEDIA_TYPES.json.concat("; charset=utf-8");
  const list = JSON.stringify([...items()]);
  const { watermark, lagSeconds, tiers, rowsRead, nextCursor, ...lasting } = meta;
  const etag = `W/${await tagOf(list.concat(JSON.stringify(lasting)))}`;
  return { body: `{"${name}":${list},"meta":${JSON.stringify(meta)}}`, etag };
}

async function csvBody({ csv }: Shaped, meta: ReportMeta, headers: Record<string, string>): Promise<Body> {
  const body = csv();
  headers["Content-Type"] = MEDIA_TYPES.csv.concat("; charset=utf-8; header=present");
  headers["Content-Disposition"] = `attachment; filename="${csvFileName(periodOf(meta))}"`;
  headers["X-Report-Watermark"] = meta.watermark ?? "unknown";
  headers["X-Report-Complete"] = String(meta.complete);
  headers["X-Report-Truncated"] = String(meta.truncated);
  if (meta.warnings.length > 0) headers["X-Report-Warnings"] = toAscii(JSON.stringify(meta.warnings));
  if (meta.nextCursor !== null) headers["X-Report-Next-Cursor"] = meta.nextCursor;
  if (meta.totals !== undefined) headers["X-Report-Totals"] = JSON.stringify(meta.totals);
  return { body, etag: await tagOf(body) };
}

/** JSON in a header: what is not ASCII, escaped. */
function toAscii(json: string): string {
  return json.replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function periodOf({ query, timezone }: ReportMeta): SpelledPeriod {
  return { from: String(query["from"]), to: String(query["to"]), timezone };
}

/** Lines are made as the reader takes them. */
function streamLines({ items }: Shaped, meta: ReportMeta): ReadableStream<Uint8Array> {
  const lines = linesOf(items(), meta);
  return new ReadableStream({
    pull(controller) {
      let chunk = "";
      while (chunk.length < CHUNK_CHARS) {
        const next = lines.next();
        if (next.done === true) {
          if (chunk !== "") controller.enqueue(encodeUtf8(chunk));
          controller.close();
          return;
        }
        chunk += next.value;
      }
      controller.enqueue(encodeUtf8(chunk));
    },
  });
}

function* linesOf(items: Iterable<Record<string, unknown>>, meta: ReportMeta): Generator<string, void> {
  for (const item of items) yield JSON.stringify(item).concat("\n");
  yield JSON.stringify({ meta }).concat("\n");
}

async function tagOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", encodeUtf8(text));
  return `"${encodeBase64url(new Uint8Array(digest).slice(0, 18))}"`;
}

function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const opaque = (tag: string) => tag.trim().replace(/^W\//, "");
  return ifNoneMatch.trim() === "*" || ifNoneMatch.split(",").some((tag) => opaque(tag) === opaque(etag));
}
