/**
 * Bodies, over every operation of the document that takes one: none is read further than its route needs, whatever a
 * request says of its length, and what is packed is not unpacked.
 */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import worker from "../../src/index.ts";
import { OPERATIONS } from "../../src/openapi/operations.ts";
import { OPERATOR } from "../admin/ask.ts";

const MEGABYTE = 1_000_000;
/** The largest body that a route takes is one of 1 000 tokens to mint. */
const LARGEST_BYTES = 4 * MEGABYTE;
const TAKING = OPERATIONS.filter(({ body }) => body !== undefined).map(({ method, path }) => {
  return [method.toUpperCase(), path.replaceAll(/\{\w+\}/g, "x")] as const;
});

/** A body of `bytes` in pieces, which tells how much of it was taken. */
function stream(bytes: number, piece = 65_536): { body: ReadableStream<Uint8Array>; taken: () => number } {
  let taken = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (taken >= bytes) return controller.close();
        taken += piece;
        controller.enqueue(new Uint8Array(piece).fill(0x20));
      },
    },
    { highWaterMark: 0 },
  );
  return { body, taken: () => taken };
}

async function send(method: string, path: string, body: BodyInit, headers: Record<string, string> = {}) {
  const request = new Request(`https://clicks.example${path}`, {
    method,
    body,
    headers: { Authorization: `Bearer ${OPERATOR}`, ...headers },
  });
  const response = await worker.fetch(request as Parameters<typeof worker.fetch>[0], env, createExecutionContext());
  return { response, problem: await response.json<{ type: string; detail?: string }>() };
}

describe("[attack 9] a body", () => {
  it("is taken by routes of every area", () => {
    const areas = new Set(TAKING.map(([, path]) => path.split("/").slice(0, 3).join("/")));
    for (const area of ["/v1/click", "/v1/tokens", "/v1/conversions", "/v1/explain", "/v1/late-clicks", "/v1/admin"]) {
      expect(areas).toContain(area);
    }
  });

  it.each(TAKING)("of 99 MB without a length is read no further than %s %s takes", async (method, path) => {
    const { body, taken } = stream(99 * MEGABYTE);
    const { response, problem } = await send(method, path, body);
    expect(response.status).toBe(413);
    expect(problem.type).toBe("/problems/body-too-large");
    expect(problem.detail).toMatch(/at most \d+ bytes/);
    const bound = Number(/\d+/.exec(problem.detail ?? "")?.[0]);
    expect(bound).toBeLessThanOrEqual(LARGEST_BYTES);
    expect(taken()).toBeLessThanOrEqual(bound + 2 * 65_536);
  });

  it.each(TAKING)("that says it is too long is not read by %s %s", async (method, path) => {
    const { body, taken } = stream(99 * MEGABYTE);
    const { response } = await send(method, path, body, { "Content-Length": String(99 * MEGABYTE) });
    expect(response.status).toBe(413);
    expect(taken()).toBe(0);
  });

  it.each(TAKING)("that says it is shorter than it is is read no further by %s %s", async (method, path) => {
    for (const length of ["2", "-1", "two", "1e1", ""]) {
      const { body, taken } = stream(99 * MEGABYTE);
      const { response } = await send(method, path, body, { "Content-Length": length });
      expect(response.status).toBe(413);
      expect(taken()).toBeLessThanOrEqual(LARGEST_BYTES + 2 * 65_536);
    }
  });

  it.each(TAKING)("that is packed is refused by name at %s %s", async (method, path) => {
    const zeros = new Blob([new Uint8Array(MEGABYTE)]).stream().pipeThrough(new CompressionStream("gzip"));
    const packed = await new Response(zeros).arrayBuffer();
    for (const encoding of ["gzip", "GZIP", "deflate", "br", "zstd", "identity, gzip", "x-gzip"]) {
      const { response, problem } = await send(method, path, packed, { "Content-Encoding": encoding });
      expect(response.status).toBe(415);
      expect(problem.type).toBe("/problems/body-encoding");
      expect(response.headers.get("Accept-Encoding")).toBe("identity");
    }
    const plain = await send(method, path, packed, { "Content-Encoding": "Identity" });
    expect(plain.problem.type).toBe("/problems/body-not-json");
  });

  it.each(TAKING)("that is no JSON is told apart at %s %s", async (method, path) => {
    const { problem } = await send(method, path, "{");
    expect(problem).toMatchObject({ type: "/problems/body-not-json", detail: "The body does not parse as JSON." });
    const latin = await send(method, path, new Uint8Array([0x22, 0xe4, 0x22]));
    expect(latin.problem).toMatchObject({ detail: "The body is not UTF-8 text." });
  });

  it("that is a form says so", async () => {
    for (const type of ["application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded; charset=utf-8"]) {
      const { problem } = await send("POST", "/v1/conversions", "click_id=1", { "Content-Type": type });
      expect(problem.detail).toContain("is a form");
    }
    expect((await send("POST", "/v1/explain", " ")).problem.detail).toContain("empty");
    expect((await send("POST", "/v1/explain", "[1]")).problem.detail).toContain("a list");
  });

  it("of single bytes costs one buffer", async () => {
    const { body } = stream(70_000, 1);
    expect((await send("POST", "/v1/explain", body)).problem.type).toBe("/problems/body-not-json");
  });

  it("may begin with a byte order mark", async () => {
    const { problem } = await send("POST", "/v1/explain", '\uFEFF{"tokken": 1}');
    expect(problem).toMatchObject({ type: "/problems/missing-parameter", field: "token" });
  });
});
