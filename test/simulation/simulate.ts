/**
 * One seed, played and checked: the entry that the command, the tests and the shrinking share.
 *
 * A *simulated event* is one handled happening: an entry taken off the queue of virtual time (a request, a message or a
 * call arriving, a reply, a timer, an alarm, a fault), or one further click event that such an entry carries into a
 * station which decides on it by itself (ten events in one ingest call are ten).
 *
 * Keeps: the outcome is a function of the options. Faults that are handled are logged by the code under test; while a
 * run lasts, the console is silent.
 */
import { checkWorld } from "./checks.ts";
import { FAULT_KINDS, type FaultKind } from "./faults.ts";
import { type Parts, REAL_PARTS } from "./parts.ts";
import { play } from "./play.ts";
import { World } from "./world.ts";

export type SimulationOptions = {
  readonly seed: number;
  readonly hours: number;
  /** Kinds of fault that may occur (all), and whether each of them must (the seed chooses). */
  readonly kinds?: readonly FaultKind[];
  readonly areCertain?: boolean;
  readonly only?: ReadonlySet<number> | null;
  readonly parts?: Parts;
  readonly traced?: number | null;
};

export type Complaint = { readonly promise: string; readonly text: string; readonly impression: number | null };

export type Outcome = {
  readonly complaints: readonly Complaint[];
  /** Equal for equal runs. */
  readonly digest: string;
  readonly events: number;
  readonly requests: number;
  readonly billed: number;
  readonly trace: readonly string[];
  /** Indexes of the impressions that clicked. */
  readonly impressions: ReadonlySet<number>;
};

export const HOURS_DEFAULT = 2;

export async function simulate(options: SimulationOptions): Promise<Outcome> {
  const { seed, hours, kinds = FAULT_KINDS, areCertain = false, only = null } = options;
  const { parts = REAL_PARTS, traced = null } = options;
  const loud = console.error;
  const { stackTraceLimit } = Error;
  console.error = () => {};
  // Injected faults are made by the thousand; nobody reads where.
  Error.stackTraceLimit = 0;
  try {
    const world = new World({ seed, hours, kinds, areCertain, only, parts, traced });
    await play(world);
    checkWorld(world);
    return outcomeOf(world);
  } finally {
    console.error = loud;
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function outcomeOf({ scheduler, witness, facts, requests }: World): Outcome {
  let billed = 0;
  for (const row of facts.facts.values()) for (const counts of row.cells.values()) billed += counts[2] ?? 0;
  scheduler.mix(billed);
  scheduler.mix(witness.complaints.length);
  return {
    complaints: witness.complaints,
    digest: scheduler.digest.toString(16).padStart(8, "0"),
    events: scheduler.steps + scheduler.handed,
    requests: witness.notes.length,
    billed,
    trace: witness.trace,
    impressions: new Set(requests.map(({ impression }) => impression.index)),
  };
}
