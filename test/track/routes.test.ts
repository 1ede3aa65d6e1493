/** Which request goes where: exact paths, and nothing of a query is parsed on the way. */
import { exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { problemType } from "../../src/problem.ts";
import { pathOf } from "../../src/track/router.ts";
import { BROWSER } from "../support/builders.ts";
import { TEST_SECRETS } from "../support/secrets.ts";

const ORIGIN = "https://track.example";

function send(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { "User-Agent": BROWSER, ...(init.headers as Record<string, string> | undefined) };
  return exports.default.fetch(`${ORIGIN}${path}`, { redirect: "manual", ...init, headers });
}

describe("a path is matched whole", () => {
  it.each([
    "/zzz/v1/tokens",
    "/zzz/v1/click",
    "/zzz/v1/conversions",
    "/zzz/v1/conversions/secret",
    "/zzz/v1/impressions/counts",
    "/API/v1/tokens",
    "/api/api/v1/tokens",
    "/apis/v1/tokens",
    "/:api/v1/tokens",
    "/%61pi/v1/tokens",
    "/v1/tokens/x",
    "/v1/tokens//x",
    "/v1/tokens%2F",
    "/v1/TOKENS",
    "/v2/tokens",
  ])("[attack 10] nothing stands at %s", async (path) => {
    for (const method of ["GET", "POST", "OPTIONS"]) {
      const headers = { Authorization: `Bearer ${TEST_SECRETS.ADMIN_API_KEY}` };
      const response = await send(path, { method, headers, ...(method === "POST" ? { body: "{}" } : {}) });
      expect(response.status, method).toBe(404);
      expect(((await response.json()) as { type: string }).type, method).toBe(problemType("not_found"));
    }
  });

  it.each(["/v1/tokens", "/api/v1/tokens", "/v1/tokens/", "//v1/tokens", "/api//v1/tokens", "/v1/tokens?a=1"])(
    "while %s mints",
    async (path) => {
      const response = await send(path, { method: "POST", body: "{}" });
      expect(response.status).toBe(401);
      expect((await send(path)).headers.get("Allow")).toBe("POST");
    },
  );

  it("reads the path from any URL", () => {
    expect(pathOf("https://h")).toBe("/");
    expect(pathOf("https://h/api//c///T?x=//y")).toBe("/c/T");
    expect(pathOf("https://h/api")).toBe("/api");
    expect(pathOf("https://h/c/T#//")).toBe("/c/T");
  });
});

describe("[attack 10] work grows with the query's length, not with its square", () => {
  // So long that the square of it would take minutes, and the line of it takes far less than a test may last.
  const times = (pair: (n: number) => string) => Array.from({ length: 60_000 }, (_, n) => pair(n)).join("&");
  const QUERIES = {
    "one name again and again": times(() => "a=1"),
    "names without a value": times(() => "a"),
    "as many names": times((n) => `n${n}=1`),
    "empty pairs": times(() => ""),
    "lists in brackets": times(() => "a[]=1"),
    escapes: times(() => "%61=%31"),
    "broken escapes": times(() => "%"),
    semicolons: times(() => "a=1;a=2"),
    "values of a filter": times(() => "ad_id=a"),
  };
  const PATHS = [
    "/",
    "/nowhere",
    "/c/abc",
    "/i/abc",
    "/v1/click",
    "/v1/tokens",
    "/v1/conversions",
    "/v1/conversions/secret",
    "/v1/impressions/counts",
    "/v1/reports/clicks",
    "/v1/metrics/clicks",
    "/v1/live",
    "/v1/late-clicks",
    "/v1/clicks/x",
    "/v1/admin/keys",
    "/v1/catalog/campaigns",
    "/openapi.json",
    "/docs",
    "/problems/not-found",
    "/.well-known/ad-measurement.json",
  ];
  it.each(Object.entries(QUERIES))("for %s", async (_, query) => {
    const headers = { Authorization: `Bearer ${TEST_SECRETS.ADMIN_API_KEY}` };
    for (const path of PATHS) {
      const response = await send(`${path}?${query}`, { headers });
      expect(response.status, path).toBeLessThan(500);
      await response.body?.cancel();
    }
  });
});
