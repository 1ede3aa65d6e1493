/**
 * The body of a click by script: what beacons, SDKs and forms send, told by its content where its type is silent.
 *
 *   {"token": "…", "timestamp_ms"?: 1776686400000, "device_type"?: "mobile"}    any type; a beacon declares text/plain
 *   token=…&timestamp_ms=…                                                        application/x-www-form-urlencoded
 *   the same fields                                                               multipart/form-data
 *
 * Keeps: bounded before it is read. A form's values are text, so that digits are taken for a number, and an empty value
 * for none.
 */
import { type BodyRefusal, readBody, textOf } from "../body.ts";
import { parseJson } from "../core/base64url.ts";
import { DEVICE_CLASSES, isDeviceClass } from "../core/device.ts";
import { BODY_BYTES_MAX } from "../core/limits.ts";
import type { Refusal } from "../core/refusal.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { ClientReport } from "./accept.ts";

export type ScriptClick = { readonly token: string; readonly report: ClientReport };

type Fields = Readonly<Record<string, unknown>>;

const FORM_START = /^\s*[\w.%+-]+=/;

/** Reads a click by script; the refusal names the field at fault. */
export async function readScriptClick(request: Request): Promise<Result<ScriptClick, Refusal>> {
  const body = await readBody(request, BODY_BYTES_MAX);
  if (!body.ok) return body;
  const fields = await fieldsOf(body.value, request.headers.get("Content-Type") ?? "");
  if (!fields.ok) return fields;
  const { token, timestamp_ms: occurredAtMs = null, device_type: device = null } = fields.value;
  if (token === undefined || token === null) return err({ reason: "token_missing" });
  if (typeof token !== "string") return invalid("token", "The token is text, as it stands in a click link.");
  if (occurredAtMs !== null && !Number.isSafeInteger(occurredAtMs)) {
    return invalid("timestamp_ms", "An integer: milliseconds since 1970, as Date.now() gives them.");
  }
  if (device !== null && !isDeviceClass(device)) {
    return invalid("device_type", `One of ${DEVICE_CLASSES.join(", ")}; or leave it out.`);
  }
  return ok({ token, report: { occurredAtMs: occurredAtMs as number | null, device } });
}

async function fieldsOf(bytes: Uint8Array<ArrayBuffer>, type: string): Promise<Result<Fields, BodyRefusal>> {
  if (/^multipart\/form-data\b/i.test(type)) return multipartFields(bytes, type);
  const text = textOf(bytes);
  if (!text.ok) return text;
  const json = parseJson(text.value);
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return ok(json as Fields);
  if (json === null && FORM_START.test(text.value)) {
    return ok(formFields(new URLSearchParams(text.value.trim().replaceAll(/\r?\n/g, "&"))));
  }
  const isBroken = json === null && /^\s*[[{]/.test(text.value);
  return notFields(
    isBroken
      ? "The body does not parse as JSON."
      : "The body is neither a JSON object, in braces, nor a form of the same fields.",
  );
}

async function multipartFields(bytes: Uint8Array<ArrayBuffer>, type: string): Promise<Result<Fields, BodyRefusal>> {
  try {
    return ok(formFields(await new Response(bytes, { headers: { "Content-Type": type } }).formData()));
  } catch {
    // A body that is not what its type says makes formData throw TypeError.
    return notFields("The body is not the multipart/form-data that its Content-Type declares.");
  }
}

function invalid(field: string, detail: string): Result<never, Refusal> {
  return err({ reason: "field_invalid", field, detail });
}

function notFields(detail: string): Result<never, BodyRefusal> {
  return err({ reason: "body_not_json", detail });
}

/** The first value of each name, as JSON would have it. */
function formFields(form: Iterable<[string, unknown]>): Fields {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of form) {
    if (name in fields || value === "") continue;
    fields[name] = name === "timestamp_ms" && typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  }
  return fields;
}
