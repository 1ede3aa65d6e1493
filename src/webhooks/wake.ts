/**
 * Wakes every webhook that is active, once a minute: what has happened since is taken, and what is due is sent. The
 * objects of those that are deleted are asked to forget until they have.
 *
 * Keeps: an object that fails keeps no other from its turn; the next minute tries again.
 */
import { SECOND_MS } from "../core/limits.ts";
import { logFault } from "../log.ts";
import { PLATFORM_TIMING, within } from "../timing.ts";
import { activeEndpoints, deletedEndpoints, dropDeleted } from "./endpoints-sql.ts";

type Ports = Pick<Env, "REPORT_DB" | "WEBHOOK_ENDPOINT">;

/** A try that is under way when its webhook is deleted ends within ten seconds (send.ts), and with it the run. */
const FORGET_MS = 15 * SECOND_MS;

/** Waits for all, which is bounded by the time of a run (deliver.ts). */
export async function wakeWebhooks(ports: Ports): Promise<void> {
  const [active, deleted] = await Promise.all([activeEndpoints(ports.REPORT_DB), deletedEndpoints(ports.REPORT_DB)]);
  await Promise.all([
    ...active.map((id) => noting(id, () => ports.WEBHOOK_ENDPOINT.getByName(id).wake())),
    ...deleted.map((id) => forgetDeleted(ports, id)),
  ]);
}

/** Has the object of a webhook whose row is gone forget everything; where it does not, cron will. */
export function forgetDeleted({ REPORT_DB, WEBHOOK_ENDPOINT }: Ports, id: string): Promise<void> {
  return noting(id, async () => {
    await within(PLATFORM_TIMING, FORGET_MS, WEBHOOK_ENDPOINT.getByName(id).forget());
    await dropDeleted(REPORT_DB, id);
  });
}

async function noting(id: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (fault) {
    logFault("webhook_not_run", fault, { webhook: id });
  }
}
