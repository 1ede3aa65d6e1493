/**
 * Wakes every webhook that is active, once a minute: what has happened since is taken, and what is due is sent.
 *
 * Keeps: an object that fails keeps no other from its turn; the next minute tries again.
 */
import { logFault } from "../log.ts";
import { activeEndpoints } from "./endpoints-sql.ts";

/** Waits for all, which is bounded by the time of a run (deliver.ts). */
export async function wakeWebhooks(env: Pick<Env, "REPORT_DB" | "WEBHOOK_ENDPOINT">): Promise<void> {
  const ids = await activeEndpoints(env.REPORT_DB);
  await Promise.all(
    ids.map(async (id) => {
      try {
        await env.WEBHOOK_ENDPOINT.getByName(id).wake();
      } catch (fault) {
        logFault("webhook_not_run", fault, { webhook: id });
      }
    }),
  );
}
