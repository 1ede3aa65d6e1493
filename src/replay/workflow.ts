/**
 * ReplayWorkflow, the Cloudflare Workflow of second looks: an instance for each act of a replay, `<id>-look`,
 * `<id>-apply`, `<id>-undo`.
 *
 * Keeps: a step that fails is tried again; an instance that is killed goes on where it was, since state stands in R2.
 */
import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from "cloudflare:workers";
import { readConfig } from "../config.ts";
import { rulesInForce } from "../shard/rules-record.ts";
import type { ReplayAct } from "./run.ts";

export type ReplayParams = { readonly id: string; readonly act: ReplayAct };

const STEP = { retries: { limit: 8, delay: "10 seconds", backoff: "exponential" }, timeout: "15 minutes" } as const;

export class ReplayWorkflow extends WorkflowEntrypoint<Env, ReplayParams> {
  override async run({ payload }: Readonly<WorkflowEvent<ReplayParams>>, step: WorkflowStep): Promise<void> {
    const { runReplay } = await import("./run.ts");
    const { ARCHIVE: bucket, EVENT_SHARD: shards } = this.env;
    const ports = { bucket, shards, current: rulesInForce(readConfig(this.env)), clock: () => Date.now() };
    await runReplay(ports, payload.id, payload.act, {
      do: (name, work) => step.do(name, STEP, work as () => Promise<never>),
      sleep: (name, ms) => step.sleep(name, ms),
    });
  }
}
