/**
 * Statements by cron, where MONTHLY_STATEMENTS is on.
 */
import type { Config } from "../config.ts";
import { MINUTE_MS } from "../core/limits.ts";
import { logInfo } from "../log.ts";
import type { BillingEnv } from "./issued.ts";
import { issueMonths } from "./monthly.ts";
import { monthlyPorts } from "./ports.ts";

/** As often as cron looks whether evidence is to be made. */
const EVERY_MINUTES = 5;

export async function issueByCron(
  env: BillingEnv,
  config: Pick<Config, "closeGraceMs" | "evidenceLog">,
  nowMs: number,
): Promise<void> {
  if (Math.floor(nowMs / MINUTE_MS) % EVERY_MINUTES !== 0) return;
  const { issued, waiting } = await issueMonths(monthlyPorts(env, { config, nowMs }));
  if (issued.length > 0) logInfo("statements_issued", { issued: issued.join(", ") });
  if (waiting !== null && waiting > 0) logInfo("statements_waiting", { tenants: waiting });
}
