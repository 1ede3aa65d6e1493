/**
 * The whole Worker, which tells how many reports its pages have asked for. Local runs execute all of it in one isolate,
 * so the counter is a plain variable.
 *
 *   GET /bench/asked → 4, and begins again at 0
 */
import { ApiClient } from "../../src/dashboard/api-client.ts";
import worker from "../../src/index.ts";

export * from "../../src/index.ts";

let asked = 0;
const real = ApiClient.prototype.fetch;
ApiClient.prototype.fetch = function (path, query, headers) {
  if (/^\/v1\/(?:reports|metrics)\//.test(path)) asked++;
  return real.call(this, path, query, headers);
};

export default {
  ...worker,
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname !== "/bench/asked") return worker.fetch(request, env, ctx);
    const told = asked;
    asked = 0;
    return Response.json(told);
  },
} satisfies ExportedHandler<Env>;
