/** The whole Worker, whose queue of clicks can be left out (queue-switch.ts). */
import worker from "../../src/index.ts";
import { withQueueSwitch } from "./queue-switch.ts";

export * from "../../src/index.ts";

export default {
  ...worker,
  fetch: withQueueSwitch<Env>("CLICK_QUEUE_0", (request, env, ctx) => worker.fetch(request, env, ctx)),
} satisfies ExportedHandler<Env>;
