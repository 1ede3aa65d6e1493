/**
 * Composition root: which handler gets what. Wiring only.
 *
 * Keeps: the click path statically imports neither Hono nor zod; the API is evaluated at its first request.
 * With settings that are refused nothing is done, and every answer says which they are. Whatever a route throws is a
 * problem.
 */
import { withCors } from "./access/cors.ts";
import { ConfigError, readConfig } from "./config.ts";
import { logFault } from "./log.ts";
import { placed } from "./placement.ts";
import { problemResponse } from "./problem.ts";
import { consumeDeadLetters, consumeEvents } from "./queue/consumer.ts";
import { topologyInForce } from "./shard/topology-keeper.ts";
import { countConsumed, handOverTally, isConsumedDue, isTallyDue } from "./tally.ts";
import { handleClick } from "./track/click.ts";
import { sealerOf } from "./track/edge.ts";
import { handleImpression } from "./track/impression.ts";
import { handleTrack, pathOf, tokenIn } from "./track/router.ts";

export {
  AuditWorkflow,
  CountsShard,
  EventShard,
  EvidenceLog,
  EvidenceWorkflow,
  OrderShard,
  ReadGate,
  ReplayWorkflow,
  WebhookEndpoint,
} from "./objects.ts";

const DEAD_LETTER_SUFFIX = "-dead";
/** The bindings whose settings were found to be right, in their place; and those found to be wrong and reported. */
let sound: { readonly given: Env; readonly env: Env } | null = null;
let reported: Env | null = null;

/** The bindings in their place, or the answer of a deployment with settings that are refused. */
function checked(given: Env): Env | Response {
  if (given === sound?.given) return sound.env;
  try {
    readConfig(given);
    sound = { given, env: placed(given) };
    return sound.env;
  } catch (refused) {
    if (!(refused instanceof ConfigError)) throw refused;
    if (given !== reported) logFault("settings_refused", refused);
    reported = given;
    const detail = `Refused: ${refused.settings.join(", ")}. The operator finds in the Worker's log what each must be.`;
    return problemResponse({ reason: "settings_refused", detail });
  }
}

async function consume(batch: MessageBatch, env: Env): Promise<void> {
  const letters = { archive: env.ARCHIVE, seal: sealerOf(env) };
  if (batch.queue.endsWith(DEAD_LETTER_SUFFIX)) return consumeDeadLetters(batch, letters);
  const topology = await topologyInForce(env, readConfig(env));
  return consumeEvents(batch, { shards: env.EVENT_SHARD, topology, ...letters });
}

export default {
  async fetch(request, given, ctx) {
    if (isTallyDue(Date.now)) ctx.waitUntil(handOverTally(given.ARCHIVE, Date.now()));
    try {
      const env = checked(given);
      if (env instanceof Response) return env;
      const path = pathOf(request.url);
      const clicked = tokenIn("click", path);
      if (clicked !== null) return await handleClick(request, clicked, env, ctx);
      const shown = tokenIn("impression", path);
      if (shown !== null) return await handleImpression(request, shown, env, ctx);
      const tracked = await handleTrack(request, path, env, ctx);
      if (tracked !== undefined) return tracked;
      const { handleApi } = await import("./api/app.ts");
      const { apiOrigins: origins } = readConfig(env);
      return await withCors(request, { path, origins }, () => handleApi(request, env, ctx));
    } catch (fault) {
      logFault("request_failed", fault);
      return problemResponse({ reason: "internal_error" });
    }
  },

  async queue(batch, given) {
    const env = placed(given);
    countConsumed({ batches: 1, messages: batch.messages.length });
    const told = isConsumedDue(Date.now) ? handOverTally(env.ARCHIVE, Date.now()) : null;
    await consume(batch, env);
    await told;
  },

  async scheduled(controller, given) {
    const { everyMinute } = await import("./every-minute.ts");
    await everyMinute(placed(given), controller.scheduledTime);
  },
} satisfies ExportedHandler<Env>;
