/**
 * The body of a query as JSON, read no further than it may be long.
 *
 * Keeps: at most `QUERY_BYTES_MAX` and one chunk are held. A body that is no JSON object is refused by whoever parses it.
 */
import { decodeUtf8, parseJson } from "../core/base64url.ts";
import { err, ok, type Result } from "../core/result.ts";
import { QUERY_BYTES_MAX } from "./limits.ts";
import type { ReportProblem } from "./problems.ts";

/** The value of a JSON body; null where it is none. */
export async function readJsonBody(request: Request): Promise<Result<unknown, ReportProblem>> {
  const bytes = new Uint8Array(QUERY_BYTES_MAX);
  let length = 0;
  for await (const chunk of request.body ?? []) {
    if (length + chunk.length > QUERY_BYTES_MAX) {
      return err({ reason: "body_too_large", detail: `At most ${QUERY_BYTES_MAX} bytes.` });
    }
    bytes.set(chunk, length);
    length += chunk.length;
  }
  const text = decodeUtf8(bytes.subarray(0, length));
  return ok(text === null ? null : parseJson(text));
}
