/** Clicks without navigation: players of video ads, pings of links, beacons on a link. */
import { describe, expect, it } from "vitest";
import { problemType } from "../../src/problem.ts";
import { aToken } from "../support/tokens.ts";
import { watched } from "../support/watched-edge.ts";

const PAGE = "https://video.example";

describe("a click that asks for no redirect", () => {
  it.each([
    "/c/T?redirect=false",
    "/v1/click/T?redirect=false",
    "/api/c/T?cb=1732&redirect=false",
    "/c/T?redirect=false&ord=1#x",
    "/c/T?ord=1&amp;redirect=false",
  ])("[fault A15] gets the pixel and is counted: %s", async (path) => {
    const { response, events } = await watched(path.replace("T", await aToken()));
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toBe("image/gif");
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(response.headers.get("Location")).toBeNull();
    expect((await response.arrayBuffer()).byteLength).toBe(43);
    expect(events.map(({ event }) => [event.type, event.method])).toEqual([["click", "GET"]]);
  });

  it.each(["?redirect=true", "?redirect=falsetto", "?xredirect=false", "?a=redirect=false", ""])(
    "is not one that says %j",
    async (query) => {
      const { response, events } = await watched(`/c/${await aToken()}${query}`);
      expect([response.status, events.length]).toEqual([302, 1]);
    },
  );

  it("[fault A15] has the headers alone under HEAD", async () => {
    const { response, events } = await watched(`/c/${await aToken()}?redirect=false`, { method: "HEAD" });
    expect([response.status, response.body, events[0]?.event.method]).toEqual([200, null, "HEAD"]);
  });

  it("[fault A8] can be read by the page that asked", async () => {
    const { response } = await watched(`/c/${await aToken()}?redirect=false`, { headers: { Origin: PAGE } });
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe(PAGE);
  });

  it("is refused like every click, by name", async () => {
    const { response, events } = await watched("/c/abc?redirect=false");
    expect(response.status).toBe(400);
    expect(((await response.json()) as { type: string }).type).toBe(problemType("token_segments"));
    expect(events).toEqual([]);
  });
});

describe("a click that is posted to its link", () => {
  const PING = { "Content-Type": "text/ping", "Ping-From": `${PAGE}/page`, "Ping-To": "https://shop.example/" };

  it.each(["/c/", "/v1/click/", "/api/c/", "/api/v1/click/"])(
    "[fault A15] is a ping under %s: 204, counted",
    async (prefix) => {
      const { response, events } = await watched(`${prefix}${await aToken()}`, {
        method: "POST",
        headers: PING,
        body: "PING",
      });
      expect(response.status).toBe(204);
      expect(response.headers.get("Location")).toBeNull();
      expect(response.headers.get("Cache-Control")).toBe("no-store");
      expect(events.map(({ event }) => [event.type, event.method])).toEqual([["click", "POST"]]);
    },
  );

  it.each([
    ["an empty beacon", null, {}],
    ["a beacon of text", "x", { "Content-Type": "text/plain;charset=UTF-8" }],
    ["a beacon of JSON", "{}", { "Content-Type": "application/json" }],
    ["a beacon of a form", "a=1", { "Content-Type": "application/x-www-form-urlencoded" }],
    ["more than a body may hold", "x".repeat(100_000), {}],
  ])("[fault A15] may be %s: its token stands in the link", async (_, body, headers) => {
    const init = { method: "POST", body, headers: { Origin: PAGE, ...headers } as Record<string, string> };
    const { response, events } = await watched(`/c/${await aToken()}`, init);
    expect([response.status, events.length]).toEqual([204, 1]);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe(PAGE);
    expect(response.headers.get("Access-Control-Allow-Credentials")).toBe("true");
  });

  it("[fault A15] goes where the link goes when a person sends a form", async () => {
    const headers = { "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" };
    const { response, events } = await watched(`/c/${await aToken()}`, { method: "POST", headers, body: "a=1" });
    expect([response.status, events.length]).toEqual([302, 1]);
    const quiet = await watched(`/c/${await aToken()}?redirect=false`, { method: "POST", headers, body: "a=1" });
    expect([quiet.response.status, quiet.events.length]).toEqual([204, 1]);
  });

  it("is the duplicate of the link's own click: both name one impression", async () => {
    const token = await aToken();
    const [link, ping] = [
      await watched(`/c/${token}`),
      await watched(`/c/${token}`, { method: "POST", headers: PING }),
    ];
    expect(ping.events[0]?.claims).toEqual(link.events[0]?.claims);
    expect(ping.events[0]?.event.id).not.toBe(link.events[0]?.event.id);
  });

  it("is refused by name, readable by the page", async () => {
    const { response } = await watched("/c/abc", { method: "POST", headers: { Origin: PAGE, Accept: "text/html" } });
    expect(response.status).toBe(400);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe(PAGE);
    expect(((await response.json()) as { type: string }).type).toBe(problemType("token_segments"));
  });
});
