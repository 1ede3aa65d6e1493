/**
 * Answers in their three formats, and what a caller may keep of them.
 *
 *   json     {"rows":[…],"meta":{…}}        ndjson   a row a line, streamed; the last line is {"meta":{…}}
 *   csv      RFC 4180; no place for meta, so what decides whether the numbers may be used travels in headers, and
 *            period and zone in the file's name
 *
 * Keeps: only a range that ended before the watermark may be cached, by the caller alone and for a minute; an open one
 * changes with every posting. Such an answer has an ETag over all that it says, totals, truncation, comparison and
 * warnings included, but for the facts of the reading (watermark, lag, tiers, rows read, cursor), which differ each
 * time while the numbers do not: so it is weak, also of CSV, whose headers say them. One with a cursor gets another tag
 * before the cursor is too old. A further page is named by a link as well (RFC 8288), whatever the format.
 * Sources: RFC 9110 §8.8 (validators), §13.1.2 (If-None-Match, compared weakly).
 */
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import { encodeBase64url, encodeUtf8 } from "../../core/base64url.ts";
import { CACHE_MAX_AGE_S, CURSOR_LIFE_MS } from "../limits.ts";
import type { Format } from "../query/params.ts";
import { csvFileName, type SpelledPeriod } from "./csv.ts";
import type { ReportMeta } from "./meta.ts";

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

/** What the answer is made for. */
export type AskedFor = {
  readonly format: Format;
  /** The address that was asked by GET, which may be kept and linked; null for other methods. */
  readonly url: string | null;
  readonly ifNoneMatch: string | undefined;
  readonly nowMs: number;
  /** Whether the page is behind another. */
  readonly isFurther: boolean;
};

/** The response. */
export async function respond(shaped: Shaped, meta: ReportMeta, request: AskedFor): Promise<Response> {
  const { format, url, ifNoneMatch } = request;
  const isClosed = url !== null && meta.complete;
  const headers: Record<string, string> = {
    "Cache-Control": isClosed ? `private, max-age=${CACHE_MAX_AGE_S}` : "private, no-store",
    Vary: "Accept, Authorization",
    "X-Content-Type-Options": "nosniff",
  };
  if (url !== null && meta.nextCursor !== null) headers["Link"] = `<${nextOf(url, meta.nextCursor)}>; rel="next"`;
  if (format === "csv") addCsvHeaders(headers, meta, request);
  headers["Content-Type"] = CONTENT_TYPES[format];
  const text = format === "ndjson" ? null : format === "csv" ? shaped.csv() : JSON.stringify([...shaped.items()]);
  if (isClosed) {
    headers["ETag"] = await tagOf(text === null ? linesOf(shaped.items()) : [text], meta, request);
    if (matches(ifNoneMatch, headers["ETag"])) {
      delete headers["Content-Type"];
      return new Response(null, { status: 304, headers });
    }
  }
  if (text === null) return new Response(streamLines(shaped, meta), { headers });
  const body = format === "csv" ? text : `{"${shaped.name}":${text},"meta":${JSON.stringify(meta)}}`;
  return new Response(body, { headers });
}

const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  json: MEDIA_TYPES.json.concat("; charset=utf-8"),
  csv: MEDIA_TYPES.csv.concat("; charset=utf-8; header=present"),
  ndjson: MEDIA_TYPES.ndjson.concat("; charset=utf-8"),
};

/** The same address with another cursor, without its host. */
function nextOf(url: string, cursor: string): string {
  const { pathname, searchParams } = new URL(url);
  searchParams.set("cursor", cursor);
  return `${pathname}?${searchParams}`;
}

function addCsvHeaders(headers: Record<string, string>, meta: ReportMeta, { isFurther }: AskedFor): void {
  const part = isFurther ? "further-rows" : meta.truncated ? `first-${meta.query["limit"]}-rows` : null;
  headers["Content-Disposition"] = `attachment; filename="${csvFileName(periodOf(meta), part)}"`;
  headers["X-Report-Watermark"] = meta.watermark ?? "unknown";
  headers["X-Report-Timezone"] = meta.timezone;
  headers["X-Report-Complete"] = String(meta.complete);
  headers["X-Report-State"] = meta.state;
  headers["X-Report-Truncated"] = String(meta.truncated);
  if (meta.currencies !== undefined) headers["X-Report-Currency"] = meta.currencies.join(", ");
  if (meta.warnings.length > 0) headers["X-Report-Warnings"] = toAscii(JSON.stringify(meta.warnings));
  if (meta.nextCursor !== null) headers["X-Report-Next-Cursor"] = meta.nextCursor;
  if (meta.totals !== undefined) headers["X-Report-Totals"] = JSON.stringify(meta.totals);
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

function* linesOf(items: Iterable<Record<string, unknown>>, meta?: ReportMeta): Generator<string, void> {
  for (const item of items) yield JSON.stringify(item).concat("\n");
  if (meta !== undefined) yield JSON.stringify({ meta }).concat("\n");
}

/** A tag of what is said, without the facts of this reading. Lines are made anew for it, and none is held. */
async function tagOf(texts: Iterable<string>, meta: ReportMeta, { nowMs }: AskedFor): Promise<string> {
  const { watermark, lagSeconds, tiers, rowsRead, nextCursor, ...lasting } = meta;
  const age = nextCursor === null ? null : Math.floor((2 * nowMs) / CURSOR_LIFE_MS);
  const stream = new crypto.DigestStream("SHA-256");
  const writer = stream.getWriter();
  for (const text of texts) await writer.write(encodeUtf8(text));
  await writer.write(encodeUtf8(JSON.stringify({ lasting, age })));
  await writer.close();
  return `W/"${encodeBase64url(new Uint8Array(await stream.digest).slice(0, 18))}"`;
}

function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const opaque = (tag: string) => tag.trim().replace(/^W\//, "");
  return ifNoneMatch.trim() === "*" || ifNoneMatch.split(",").some((tag) => opaque(tag) === opaque(etag));
}
