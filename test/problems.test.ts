/** The catalogue of problems, and what an answer makes of it. */
import { describe, expect, it } from "vitest";
import { problemJson, problemResponse, problemType } from "../src/problem.ts";
import { isReason, PROBLEM_AREAS, PROBLEMS, type Reason } from "../src/problems/catalog.ts";

const REASONS = Object.keys(PROBLEMS) as Reason[];

describe.each(REASONS)("[fault C4] the problem %s", (reason) => {
  const { status, title, advice } = PROBLEMS[reason];

  it("is a metric label: snake_case without values", () => {
    expect(reason).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(isReason(reason)).toBe(true);
  });

  it("has a title that is one sentence, and says in another one what to change", () => {
    expect(title).toMatch(/^[A-Z][^.]*\.$/);
    expect(advice).toMatch(/^[A-Z].{15,}\.$/);
    expect(advice).not.toBe(title);
  });

  it("stands in one area", () => {
    expect(Object.values(PROBLEM_AREAS).filter((table) => Object.hasOwn(table, reason))).toHaveLength(1);
  });

  it("is answered with its status and title, and with the advice where nothing better is known", () => {
    expect(problemJson({ reason })).toEqual({ type: problemType(reason), title, status, detail: advice });
    expect(problemJson({ reason, detail: "" }).detail).toBe(advice);
    expect(problemJson({ reason, detail: "More.", field: "x" })).toMatchObject({ detail: "More.", field: "x", title });
  });
});

describe("the catalogue", () => {
  it("has no two titles and no two advices that are the same", () => {
    const words = REASONS.flatMap((reason) => [PROBLEMS[reason].title, PROBLEMS[reason].advice]);
    expect(words.filter((one, at) => words.indexOf(one) !== at)).toEqual([]);
  });

  it("is closed: a reason that is not in it does not compile", () => {
    // @ts-expect-error
    const reason: Reason = "no_such_reason";
    expect(isReason(reason)).toBe(false);
    for (const other of ["constructor", "toString", "", null, 1]) expect(isReason(other)).toBe(false);
  });

  it("says when to ask again with whatever does not answer", () => {
    for (const reason of REASONS.filter((one) => /_unavailable$|^unavailable$|^settings_refused$/.test(one))) {
      expect(problemResponse({ reason }).headers.get("Retry-After"), reason).toMatch(/^\d+$/);
    }
  });
});

it("an answer is never cached or sniffed, and has the headers of its reason and of its place", () => {
  const { status, headers } = problemResponse({ reason: "authentication_required" }, { "X-Place": "here" });
  expect(status).toBe(401);
  expect(Object.fromEntries(headers)).toEqual({
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "www-authenticate": "Bearer",
    "x-place": "here",
  });
});
