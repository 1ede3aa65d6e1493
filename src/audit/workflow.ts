/**
 * AuditWorkflow, the Cloudflare Workflow that audits a log day: one instance for the day, and of a large day one for
 * each shard that logged anything.
 *
 *   2026-11-27-0001            the day           2026-11-27-0001-clicks-3     a shard's part
 *
 * Keeps: a step that fails is tried again; state stands in R2, so that an instance that is killed goes on where it was.
 * What an audit is made of is loaded by the first instance, not at the Worker's start.
 */
import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from "cloudflare:workers";
import { SECOND_MS } from "../core/limits.ts";
import { logInfo } from "../log.ts";
import type { AuditOf } from "./context.ts";
import type { Steps } from "./steps.ts";

export type AuditParams = AuditOf & {
  /** Whose part this instance does; the day's without. */
  readonly shard?: string;
  /** Compressed bytes of a day above which each shard has an instance of its own. */
  readonly partsAbove?: number;
};

const STEP = { retries: { limit: 8, delay: "10 seconds", backoff: "exponential" }, timeout: "15 minutes" } as const;
const PARTS_WAIT_MS = 2 * SECOND_MS;
const INSTANCES_AT_ONCE = 100;
/** A day of at most so many compressed bytes, about half a million events, needs no instances beside its own. */
const HERE_BYTES_MAX = 32_000_000;

export class AuditWorkflow extends WorkflowEntrypoint<Env, AuditParams> {
  override async run({ payload }: Readonly<WorkflowEvent<AuditParams>>, step: WorkflowStep): Promise<void> {
    const steps = stepsOf(step);
    const { day, attempt, shard, partsAbove = HERE_BYTES_MAX } = payload;
    const { auditPorts, runShard } = await import("./ports.ts");
    if (shard !== undefined) return runShard(this.env, { day, attempt, shard }, steps);
    const { runAudit } = await import("./audit.ts");
    const here = auditPorts(this.env);
    const runShards: typeof here.runShards = (of, stock, within) => {
      return stock.bytes <= partsAbove ? here.runShards(of, stock, within) : this.#runParts(of, stock.shards, within);
    };
    const ports = { ...here, runShards };
    const { id, outcome, found } = await runAudit(ports, { day, attempt }, steps);
    logInfo("audited", { audit: id, outcome, found: Object.keys(found).join(" ") });
  }

  /** An instance for each shard; they are done when what they leave in R2 is there. */
  async #runParts(of: AuditOf, shards: readonly string[], steps: Steps): Promise<void> {
    for (let at = 0; at < shards.length; at += INSTANCES_AT_ONCE) {
      await steps.do(`parts ${at}`, async () => {
        const parts = shards.slice(at, at + INSTANCES_AT_ONCE).map((shard) => ({
          id: `${instanceId(of)}-${shard}`,
          params: { ...of, shard },
        }));
        // Instances that are there already are left as they are.
        await this.env.AUDIT.createBatch(parts);
        return null;
      });
    }
    const { doneKey } = await import("./shard-audit.ts");
    let waiting = shards;
    for (let tries = 0; waiting.length > 0; tries++) {
      if (tries > 0) await steps.sleep(`parts wait ${tries}`, PARTS_WAIT_MS);
      const asked = waiting;
      waiting = await steps.do(`parts done ${tries}`, async () => {
        const done = await Promise.all(asked.map((shard) => this.env.ARCHIVE.head(doneKey({ ...of, shard }))));
        return asked.filter((_, at) => done[at] === null);
      });
    }
  }
}

/** The instance's name, which tells day and attempt. */
function instanceId({ day, attempt }: AuditOf): string {
  return `${day}-${String(attempt).padStart(4, "0")}`;
}

function stepsOf(step: WorkflowStep): Steps {
  return {
    do: (name, work) => step.do(name, STEP, work as () => Promise<never>),
    sleep: (name, ms) => step.sleep(name, ms),
  };
}
