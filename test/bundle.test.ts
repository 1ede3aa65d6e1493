/** What is deployed: small, and nothing of what only local runs, tests and documents need. */
import { gzipSync } from "node:zlib";
import { beforeAll, expect, it } from "vitest";
import { bundleWorker } from "../scripts/bundle.ts";

const BUILD_MAX_MS = 240_000;
const UPLOAD_BYTES_MAX = 450 * 1_024;
let script = "";

beforeAll(async () => {
  script = await bundleWorker();
}, BUILD_MAX_MS);

it("is at most 450 KiB, compressed", () => {
  expect(gzipSync(script).length).toBeLessThanOrEqual(UPLOAD_BYTES_MAX);
});

it.each([
  ["the demonstration", "/demo/thanks"],
  ["recorded examples", "not-a-token"],
  ["the source of the OpenAPI document", "LicenseRef-unlicensed"],
])("does not hold %s", (_, text) => {
  expect(script).not.toContain(text);
});

it("holds what it answers with", () => {
  for (const text of ["/v1/reports/clicks", "/problems/", "insufficient_scope"]) expect(script).toContain(text);
});
