/**
 * Reading a POST body: bounded before it is read into memory, JSON by content and not by its declared type, because a
 * beacon (`navigator.sendBeacon`) can only declare `text/plain`.
 */
import { decodeUtf8, parseJson } from "./core/base64url.ts";
import type { Refusal } from "./core/refusal.ts";
import { err, ok, type Result } from "./core/result.ts";

/** The JSON value in the body, of at most `bytesMax` bytes. */
export async function readJson(request: Request, bytesMax: number): Promise<Result<unknown, Refusal>> {
  const declared = Number(request.headers.get("Content-Length") ?? 0);
  if (declared > bytesMax) return err({ reason: "body_too_large" });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length;
    if (bytes > bytesMax) return err({ reason: "body_too_large" });
    chunks.push(chunk);
  }
  const text = decodeUtf8(new Uint8Array(await new Blob(chunks).arrayBuffer()));
  const value = text === null ? null : parseJson(text);
  return value === null ? err({ reason: "body_not_json" }) : ok(value);
}

/** The JSON object in the body, of at most `bytesMax` bytes. */
export async function readJsonBody(
  request: Request,
  bytesMax: number,
): Promise<Result<Record<string, unknown>, Refusal>> {
  const body = await readJson(request, bytesMax);
  if (!body.ok) return body;
  const isObject = typeof body.value === "object" && !Array.isArray(body.value);
  return isObject ? ok(body.value as Record<string, unknown>) : err({ reason: "body_not_json" });
}
