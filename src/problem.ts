/**
 * A caller's mistake as an answer: RFC 9457 problem+json with a stable `type`.
 *
 *   {"type":"/problems/signature-invalid","title":"…","status":403,"detail":"…","field":"…"}
 *
 * Keeps: never cached, never a redirect; `type` is the reason and nothing else, `detail` and `field` carry values. A
 * `type` has one `title`, wherever it is answered: what an area says of it in words of its own goes out as `detail`.
 * Source: RFC 9457 §3.1.3 (a title does not change from occurrence to occurrence).
 */

/** The titles of problems that several areas answer; those of one area stand in its own table. */
const SHARED_TITLES: ReadonlyMap<string, string> = new Map([
  ["authentication_required", "A valid API key is required."],
  ["insufficient_scope", "The API key may not do this."],
  ["not_found", "There is nothing here."],
  ["method_not_allowed", "The method is not allowed here."],
  ["body_too_large", "The body is larger than this route takes."],
  ["body_encoding", "The body is packed in an encoding."],
  ["body_not_json", "The body is not the JSON that this route takes."],
  ["field_invalid", "A field has a value that it cannot have."],
  ["signature_invalid", "The signature does not match."],
  ["key_limit_advertiser", "The key may not do this for this advertiser."],
  ["key_limit_publisher", "The key may not do this for this publisher."],
  ["order_unknown", "There is no such order."],
]);

export type Problem = {
  readonly reason: string;
  readonly status: number;
  /** What the area says of it. */
  readonly title: string;
  /** What is special about this occurrence. */
  readonly detail?: string;
  /** The parameter, claim or field at fault. */
  readonly field?: string;
};

export function problemResponse({ status, field, ...problem }: Problem, headers: HeadersInit = {}): Response {
  const { type, title, detail } = problemWords(problem);
  const response = new Response(JSON.stringify({ type, title, status, detail, field }), { status, headers });
  response.headers.set("Content-Type", "application/problem+json");
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("X-Content-Type-Options", "nosniff");
  return response;
}

export function problemType(reason: string): string {
  return `/problems/${reason.replaceAll("_", "-")}`;
}

/** A problem without its status, as rows of an answer carry it too. */
export type ProblemWords = { readonly type: string; readonly title: string; readonly detail?: string };

/** The title that the problem has in every area. */
export function problemTitle(reason: string, ofArea: string): string {
  return SHARED_TITLES.get(reason) ?? ofArea;
}

/** What a problem says: its one title, and as detail what is said of this occurrence, else what only its area says. */
export function problemWords({
  reason,
  title: ofArea,
  detail,
}: Pick<Problem, "reason" | "title" | "detail">): ProblemWords {
  const title = problemTitle(reason, ofArea);
  const said = detail ?? (title === ofArea ? undefined : ofArea);
  return { type: problemType(reason), title, ...(said === undefined ? {} : { detail: said }) };
}
