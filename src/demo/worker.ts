/**
 * The Worker of a local run with a demonstration: the deployed one, and `/demo` in front of it. `npm start` runs it
 * (scripts/start.ts); wrangler.toml names src/index.ts, so that no deployment holds the demonstration.
 */
import { readConfig } from "../config.ts";
import worker from "../index.ts";
import { pathOf } from "../track/router.ts";
import { handleDemo } from "./pages.ts";
import { signInFirst } from "./sign-in.ts";

export { EventShard, ReadGate, SubmissionShard } from "../index.ts";

export default {
  ...worker,
  async fetch(request, env, ctx) {
    const path = pathOf(request.url);
    if (path === "/") {
      const first = await signInFirst(request, env, readConfig(env));
      if (first !== undefined) return first;
    }
    const page = path === "/demo" || path.startsWith("/demo/") ? await handleDemo(request, path, env) : undefined;
    return page ?? worker.fetch(request, env, ctx);
  },
} satisfies ExportedHandler<Env>;
