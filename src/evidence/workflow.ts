/**
 * EvidenceWorkflow, the Cloudflare Workflow that makes the evidence of days that are reconciled: one instance for each
 * state of the audits, so that none is made twice and a later audit has its own.
 *
 * Keeps: a step that fails is tried again; an instance that is killed goes on where it was, since state stands in R2.
 */
import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from "cloudflare:workers";
import { readConfig } from "../config.ts";
import { MINUTE_MS } from "../core/limits.ts";
import { logInfo } from "../log.ts";
import { cleanDays, isMadeThrough, namedAudits } from "./due.ts";

const STEP = { retries: { limit: 8, delay: "10 seconds", backoff: "exponential" }, timeout: "15 minutes" } as const;
/** How often cron looks whether there is anything to make. */
const LOOK_EVERY_MS = 5 * MINUTE_MS;

export class EvidenceWorkflow extends WorkflowEntrypoint<Env> {
  override async run(_event: Readonly<WorkflowEvent<unknown>>, step: WorkflowStep): Promise<void> {
    const [{ makeEvidence }, { evidencePorts }] = await Promise.all([import("./make.ts"), import("./ports.ts")]);
    const days = await makeEvidence(evidencePorts(this.env), {
      do: (name, work) => step.do(name, STEP, work as () => Promise<never>),
      sleep: (name, ms) => step.sleep(name, ms),
    });
    logInfo("evidence_made", { days: days.join(" ") });
  }
}

/** Has evidence made where an audit was clean since it was made last. Resolves to the instance; null for none. */
export async function startEvidence(env: Env, nowMs: number): Promise<string | null> {
  if (Math.floor(nowMs / MINUTE_MS) % (LOOK_EVERY_MS / MINUTE_MS) !== 0) return null;
  const { clean } = await cleanDays(env.REPORT_DB, readConfig(env).closeGraceMs);
  if (clean.size === 0 || (await isMadeThrough(env.ARCHIVE, clean))) return null;
  const id = `evidence-${await namedAudits(clean)}-${Math.floor(nowMs / (12 * LOOK_EVERY_MS))}`;
  // One that is there already is at work; after an hour without an end another one begins.
  await env.EVIDENCE.createBatch([{ id }]);
  return id;
}
