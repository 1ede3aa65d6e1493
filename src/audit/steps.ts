/**
 * The port to what runs an audit step by step, so that it can be stopped and killed anywhere: Cloudflare Workflows on
 * the platform (audit/workflow.ts), or a plain loop.
 *
 * Contract: `do` resolves to what the step's work resolved to, now or in an earlier run of the same audit; a step may
 * run more than once, so each is idempotent, and what it resolves to is small. Names are unique in an audit.
 */
export interface Steps {
  do<T extends Rpc.Serializable<T>>(name: string, work: () => Promise<T>): Promise<T>;
  sleep(name: string, ms: number): Promise<void>;
}

/** Runs every step at once. */
export const PLAIN_STEPS: Steps = {
  do: (_name, work) => work(),
  sleep: (_name, ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};
