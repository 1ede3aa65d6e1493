/**
 * A caller's mistake, or a failure of ours, as an answer: RFC 9457 problem+json, by the catalogue of src/problems/.
 *
 *   {"type":"/problems/signature-invalid","title":"…","status":403,"detail":"…","field":"…"}
 *
 * Keeps: never cached, never a redirect; `type` is the reason and nothing else. Status and title are the catalogue's
 * wherever a reason is answered; `detail` always says what to change: what is known of this occurrence, else the advice
 * of the catalogue. A detail repeats only what the caller sent or what the code says, so it tells no tenant of another.
 */
import { PROBLEMS, type Reason } from "./problems/catalog.ts";

export type Problem<R extends Reason = Reason> = {
  readonly reason: R;
  /** What to change, where this occurrence tells more than the catalogue does. */
  readonly detail?: string | undefined;
  /** The parameter, claim or field at fault, as the caller spelled it. */
  readonly field?: string | undefined;
};

/** A problem as answers and rows of answers carry it. */
export type ProblemJson = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly field?: string;
};

export function problemResponse(problem: Problem, headers: Readonly<Record<string, string>> = {}): Response {
  const body = problemJson(problem);
  return Response.json(body, {
    status: body.status,
    headers: {
      ...PROBLEMS[problem.reason].headers,
      ...headers,
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
    },
  });
}

export function problemJson({ reason, detail = "", field }: Problem): ProblemJson {
  const { status, title, advice } = PROBLEMS[reason];
  const said = detail === "" ? advice : detail;
  return { type: problemType(reason), title, status, detail: said, ...(field === undefined ? {} : { field }) };
}

/** The address of a reason. */
export function problemType(reason: string): string {
  return `/problems/${reason.replaceAll("_", "-")}`;
}
