/** Clicks by script: whatever a page's tools send is taken, and whatever is answered can be read. */
import { describe, expect, it } from "vitest";
import { problemType } from "../../src/problem.ts";
import { aToken } from "../support/tokens.ts";
import { watched } from "../support/watched-edge.ts";

const PAGE = "https://shop.example";

async function post(body: BodyInit | null, headers: Record<string, string> = {}, path = "/v1/click") {
  return watched(path, { method: "POST", body, headers: { Origin: PAGE, ...headers } });
}

function expectReadable(response: Response, origin = PAGE): void {
  expect(response.headers.get("Access-Control-Allow-Origin")).toBe(origin);
  expect(response.headers.get("Access-Control-Allow-Credentials")).toBe("true");
  expect(response.headers.get("Vary")).toContain("Origin");
}

async function problemOf(response: Response): Promise<string> {
  return ((await response.json()) as { type: string }).type;
}

describe("POST /v1/click", () => {
  it.each(["application/json", "text/plain;charset=UTF-8", ""])("takes %j from any origin", async (type) => {
    const { response, events } = await post(JSON.stringify({ token: await aToken() }), { "Content-Type": type });
    expect(response.status).toBe(302);
    expect(response.headers.get("Location")).toContain("https://shop.example/landing?click_id=");
    expect(events).toHaveLength(1);
    expectReadable(response);
  });

  it("answers 204 with redirect=false", async () => {
    const body = JSON.stringify({ token: await aToken(), timestamp_ms: Date.now(), device_type: "tablet" });
    const { response, events } = await post(body, {}, "/api/v1/click?redirect=false");
    expect(response.status).toBe(204);
    expect(response.headers.get("Location")).toBeNull();
    expect(events[0]?.event).toMatchObject({ device: "tablet", method: "POST", clock: "client" });
    expectReadable(response);
  });

  it.each(["cors", "no-cors", "same-origin"])(
    "[fault A8] never redirects a page's script (%s), whose browser would follow to where it may not read",
    async (mode) => {
      const headers = { "Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": mode, "Sec-Fetch-Site": "cross-site" };
      const { response, events } = await post(JSON.stringify({ token: await aToken() }), headers);
      expect([response.status, events.length]).toEqual([204, 1]);
      expectReadable(response);
    },
  );

  it.each([
    ["a form that a person sends", { "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate" }],
    ["a server's fetch, which tells no destination", { "Sec-Fetch-Mode": "cors" }],
  ])("redirects %s", async (_, headers) => {
    const { response } = await post(JSON.stringify({ token: await aToken() }), headers as Record<string, string>);
    expect(response.status).toBe(302);
  });

  it("says that any origin may read where none asks", async () => {
    const { response } = await watched("/v1/click", {
      method: "POST",
      body: JSON.stringify({ token: await aToken() }),
    });
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(response.headers.get("Access-Control-Allow-Credentials")).toBeNull();
  });
});

describe("the body of a click by script", () => {
  const MARK = "\ufeff";
  const form = (type: string) => ({ "Content-Type": type });
  const URLENCODED = "application/x-www-form-urlencoded";
  const multipart = (fields: Record<string, string>) => {
    const parts = Object.entries(fields).map(
      ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    );
    return `${parts.join("")}--b--\r\n`;
  };

  it.each([
    ["[fault A8] JSON behind a byte order mark", (token: string) => `${MARK}${JSON.stringify({ token })}`, {}],
    ["[fault A15] a form", (token: string) => `token=${token}`, form(URLENCODED)],
    [
      "[fault A15] a form with a charset",
      (token: string) => `a=1&token=${token}&z=`,
      form(`${URLENCODED};charset=UTF-8`),
    ],
    [
      "[fault A15] a form in percent-escapes",
      (token: string) => `token=${token.replaceAll(".", "%2E")}`,
      form(URLENCODED),
    ],
    ["[fault A15] a form without a type", (token: string) => `token=${token}`, {}],
    ["[fault A15] a form as plain text", (token: string) => `token=${token}\r\ndevice_type=tv\r\n`, form("text/plain")],
    ["[fault A15] a form in parts", (token: string) => multipart({ token }), form("multipart/form-data; boundary=b")],
    ["JSON that says it is a form", (token: string) => JSON.stringify({ token }), form(URLENCODED)],
  ] as const)("may be %s", async (_, bodyOf, headers) => {
    const { response, events } = await post(bodyOf(await aToken()), headers);
    expect(response.status).toBe(302);
    expect(events).toHaveLength(1);
  });

  it("[fault A15] may be what a page's beacon makes of a form", async () => {
    const fields = new FormData();
    fields.set("token", await aToken());
    for (const body of [fields, new URLSearchParams({ token: await aToken() })]) {
      const { response, events } = await post(body);
      expect([response.status, events.length]).toEqual([302, 1]);
    }
  });

  it("[fault A15] tells time and device as a form as it does as JSON", async () => {
    const atMs = Date.now();
    const fields = { token: await aToken(), timestamp_ms: String(atMs), device_type: "tv", empty: "" };
    for (const [body, type] of [
      [new URLSearchParams(fields).toString(), URLENCODED],
      [multipart({ ...fields, token: await aToken() }), "multipart/form-data; boundary=b"],
    ] as const) {
      const { events } = await post(body, form(type));
      expect(events[0]?.event).toMatchObject({ occurredAtMs: atMs, clock: "client", device: "tv" });
    }
  });

  it("[fault A15] takes an empty field of a form for none", async () => {
    const { events } = await post(`token=${await aToken()}&timestamp_ms=&device_type=`, form(URLENCODED));
    expect(events[0]?.event).toMatchObject({ clock: "server", device: "desktop" });
  });

  const bad: [string, () => Promise<string>, Record<string, string>, number, string][] = [
    ["text that is no JSON", async () => "{", {}, 400, "body_not_json"],
    ["a list", async () => "[]", {}, 400, "body_not_json"],
    ["a number", async () => "7", {}, 400, "body_not_json"],
    ["nothing", async () => "", {}, 400, "body_not_json"],
    ["bytes that are no text", async () => "\u0000", {}, 400, "body_not_json"],
    ["no token", async () => "{}", {}, 400, "token_missing"],
    ["a form without a token", async () => "a=1", form(URLENCODED), 400, "token_missing"],
    ["a form of an empty token", async () => "token=&token=", form(URLENCODED), 400, "token_missing"],
    [
      "parts that end too soon",
      async () => "--b\r\nnothing",
      form("multipart/form-data; boundary=b"),
      400,
      "body_not_json",
    ],
    ["parts without a boundary", async () => "--b--", form("multipart/form-data"), 400, "body_not_json"],
    ["a token that is no text", async () => '{"token":7}', {}, 400, "field_invalid"],
    ["a fractional time", async () => `{"token":"${await aToken()}","timestamp_ms":1.5}`, {}, 400, "field_invalid"],
    [
      "words for a time in a form",
      async () => `token=${await aToken()}&timestamp_ms=now`,
      form(URLENCODED),
      400,
      "field_invalid",
    ],
    ["an unknown device", async () => `{"token":"${await aToken()}","device_type":"fridge"}`, {}, 400, "field_invalid"],
    ["a body over 64 KB", async () => JSON.stringify({ token: "x".repeat(65_536) }), {}, 413, "body_too_large"],
    ["a form over 64 KB", async () => `token=${"x".repeat(65_536)}`, form(URLENCODED), 413, "body_too_large"],
    [
      "a forged token",
      async () => `{"token":"${(await aToken()).slice(0, -43)}${"A".repeat(43)}"}`,
      {},
      403,
      "signature_invalid",
    ],
    [
      "a speculative fetch",
      async () => `{"token":"${await aToken()}"}`,
      { "Sec-Purpose": "prefetch;prerender" },
      503,
      "speculative",
    ],
  ];
  it.each(bad)("is refused by name, readable by the page, when it is %s", async (_, body, headers, status, reason) => {
    const { response, events } = await post(await body(), headers);
    expect(response.status).toBe(status);
    expect(await problemOf(response)).toBe(problemType(reason));
    expect(events).toEqual([]);
    expectReadable(response);
  });
});

describe("what another origin may send", () => {
  const ask = (headers: Record<string, string>, path = "/v1/click") => watched(path, { method: "OPTIONS", headers });

  it.each([
    "content-type",
    "baggage, sentry-trace",
    "traceparent,tracestate,x-datadog-trace-id,b3",
    "authorization,x-requested-with,x-my_own.header",
  ])("[fault A8] is every header that its tools add: %s", async (names) => {
    const { response } = await ask({
      Origin: PAGE,
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": names,
    });
    expect(response.status).toBe(204);
    expectReadable(response);
    expect(response.headers.get("Access-Control-Allow-Headers")).toBe(names);
    expect(response.headers.get("Access-Control-Allow-Methods")).toContain("POST");
    expect(Number(response.headers.get("Access-Control-Max-Age"))).toBeGreaterThanOrEqual(7_200);
    expect(response.headers.get("Vary")).toContain("Access-Control-Request-Headers");
  });

  it("[fault A8] includes pages without an origin of their own, and pages that reach a private network", async () => {
    const { response } = await ask({ Origin: "null", "Access-Control-Request-Private-Network": "true" });
    expectReadable(response, "null");
    expect(response.headers.get("Access-Control-Allow-Private-Network")).toBe("true");
    const { response: plain } = await ask({ Origin: PAGE });
    expect(plain.headers.get("Access-Control-Allow-Private-Network")).toBeNull();
    expect(plain.headers.get("Access-Control-Allow-Headers")).toBe("Content-Type");
  });

  it("repeats nothing that is not a list of names", async () => {
    const { response } = await ask({ Origin: PAGE, "Access-Control-Request-Headers": "a: b" });
    expect(response.headers.get("Access-Control-Allow-Headers")).toBe("Content-Type");
  });

  it.each(["/api/v1/click", "/c/", "/v1/click/", "/i/", "/v1/impression/"])(
    "[fault A8] is said under %s too",
    async (prefix) => {
      const path = prefix.endsWith("/") ? `${prefix}${await aToken()}` : prefix;
      const { response, events, points } = await ask(
        { Origin: PAGE, "Access-Control-Request-Headers": "baggage" },
        path,
      );
      expect([response.status, events, points]).toEqual([204, [], []]);
      expect(response.headers.get("Access-Control-Allow-Headers")).toBe("baggage");
      expectReadable(response);
    },
  );

  it.each(["PUT", "GET", "DELETE"])("[fault A8] is told by name when the method is %s", async (method) => {
    const { response } = await watched("/v1/click", { method, headers: { Origin: PAGE } });
    expect(response.status).toBe(405);
    expect(await problemOf(response)).toBe(problemType("method_not_allowed"));
    expectReadable(response);
  });
});
