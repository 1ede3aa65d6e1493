/** The watermark's sources as the platform gives them: real queue, real shards, real bucket. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { handleReport } from "../../src/report/app.ts";
import type { Answer } from "./ask.ts";
import { ADMIN } from "./ask.ts";

it("answers with the hold alone as lag while nothing waits anywhere", async () => {
  const context = createExecutionContext();
  const request = new Request("https://clicks.example/v1/reports/clicks?from=2026-04-20&to=2026-04-20", {
    headers: { Authorization: ADMIN },
  });
  const response = await handleReport(request, env as Env, context);
  await waitOnExecutionContext(context);
  const { meta } = await response.json<Answer>();
  expect(meta.warnings).toEqual([]);
  expect(meta).toMatchObject({ lagSeconds: 5 });
});
