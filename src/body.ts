/**
 * Reading the body of a request: the one place that does, for every route (`test/tidy.test.ts` finds any other).
 *
 *   Content-Encoding ──▶ Content-Length ──▶ bytes as they come ──▶ UTF-8 ──▶ JSON
 *       415                  413                413             400 (not text, empty, or not JSON)
 *
 * Keeps: never holds more than twice the bound, whatever a length says, is left out or lies, and however small the
 * pieces are: they are copied into one buffer. What comes packed is refused, since a small body may unpack to any size.
 * JSON goes by content and not by its declared type, because a beacon (`navigator.sendBeacon`) can only declare
 * `text/plain`. A byte order mark at the start is skipped (RFC 8259 §8.1).
 */
import { decodeUtf8, parseJson } from "./core/base64url.ts";
import { err, ok, type Result } from "./core/result.ts";

/** Why a body was not taken; `detail` says what to change. */
export type BodyRefusal = {
  readonly reason: "body_too_large" | "body_encoding" | "body_not_json";
  readonly detail: string;
};

const FIRST_BUFFER_BYTES = 4_096;
const BYTE_ORDER_MARK = "\uFEFF";

/** The bytes of the body, at most `bytesMax` of them; none where there is no body. */
export async function readBody(
  request: Request,
  bytesMax: number,
): Promise<Result<Uint8Array<ArrayBuffer>, BodyRefusal>> {
  const encoding = request.headers.get("Content-Encoding")?.trim() ?? "";
  if (encoding !== "" && encoding.toLowerCase() !== "identity") {
    return err({ reason: "body_encoding", detail: "Send the body as it is, without Content-Encoding." });
  }
  if (Number(request.headers.get("Content-Length") ?? 0) > bytesMax) return err(tooLarge(bytesMax));
  const bytes = request.body === null ? new Uint8Array() : await readBytes(request.body, bytesMax);
  return bytes === null ? err(tooLarge(bytesMax)) : ok(bytes);
}

/** The text of a body, without a byte order mark. */
export function textOf(bytes: Uint8Array): Result<string, BodyRefusal> {
  const text = decodeUtf8(bytes);
  if (text === null) return err({ reason: "body_not_json", detail: "The body is not UTF-8 text." });
  return ok(text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text);
}

/** The text in the body, of at most `bytesMax` bytes; empty where there is no body. */
async function readText(request: Request, bytesMax: number): Promise<Result<string, BodyRefusal>> {
  const bytes = await readBody(request, bytesMax);
  return bytes.ok ? textOf(bytes.value) : bytes;
}

/**
 * The JSON value in the body, of at most `bytesMax` bytes. The text `null` is refused like one that is none. An empty
 * body is `whenEmpty` where that is given, and refused where it is not.
 */
export async function readJson(
  request: Request,
  bytesMax: number,
  { whenEmpty }: { whenEmpty?: unknown } = {},
): Promise<Result<unknown, BodyRefusal>> {
  const text = await readText(request, bytesMax);
  if (!text.ok) return text;
  if (text.value === "" && whenEmpty !== undefined) return ok(whenEmpty);
  const value = parseJson(text.value);
  return value === null ? err(notJson(text.value, request)) : ok(value);
}

/** The JSON object in the body, of at most `bytesMax` bytes. */
export async function readJsonBody(
  request: Request,
  bytesMax: number,
  options: { whenEmpty?: Record<string, unknown> } = {},
): Promise<Result<Record<string, unknown>, BodyRefusal>> {
  const body = await readJson(request, bytesMax, options);
  if (!body.ok) return body;
  const { value } = body;
  if (typeof value === "object" && !Array.isArray(value)) return ok(value as Record<string, unknown>);
  const kind = Array.isArray(value) ? "a list" : `a ${typeof value}`;
  return err({ reason: "body_not_json", detail: `The body is JSON, but ${kind}: send an object, in braces.` });
}

/**
 * The fields of a form (`application/x-www-form-urlencoded`), of at most `bytesMax` bytes; none where it is no text.
 */
export async function readForm(request: Request, bytesMax: number): Promise<Result<URLSearchParams, BodyRefusal>> {
  const text = await readText(request, bytesMax);
  return text.ok ? ok(new URLSearchParams(text.value)) : text;
}

/** The bytes of a stream, or null once there are more than `bytesMax`; then the rest is not read. */
async function readBytes(
  stream: ReadableStream<Uint8Array>,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  let buffer = new Uint8Array(Math.min(bytesMax, FIRST_BUFFER_BYTES));
  let length = 0;
  for await (const chunk of stream) {
    const needed = length + chunk.length;
    if (needed > bytesMax) return null;
    if (needed > buffer.length) {
      const larger = new Uint8Array(Math.min(bytesMax, Math.max(needed, 2 * buffer.length)));
      larger.set(buffer.subarray(0, length));
      buffer = larger;
    }
    buffer.set(chunk, length);
    length = needed;
  }
  return buffer.subarray(0, length);
}

function tooLarge(bytesMax: number): BodyRefusal {
  return { reason: "body_too_large", detail: `This route takes a body of at most ${bytesMax} bytes.` };
}

/**
 * Says what the body is instead of JSON. A type that is no JSON explains it best, since libraries choose it unasked.
 */
function notJson(text: string, request: Request): BodyRefusal {
  const reason = "body_not_json";
  if (text.trim() === "") return { reason, detail: "The body is empty: send JSON." };
  const type = request.headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  const isForm = type === "application/x-www-form-urlencoded" || type === "multipart/form-data";
  if (isForm) return { reason, detail: `The body is a form (${type}): send JSON, as application/json.` };
  return {
    reason,
    detail: text.trim() === "null" ? "The body is null: send a value." : "The body does not parse as JSON.",
  };
}
