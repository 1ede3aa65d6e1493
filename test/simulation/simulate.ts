/**
 * One seed, played and checked: the entry that the command, the tests and the shrinking share.
 *
 * A *simulated event* is one handled happening: an entry taken off the queue of virtual time (a request, a message or a
 * call arriving, a reply, a timer, an alarm, a fault), or one further event or submission that such an entry
 * carries into a station which decides on it by itself (ten events in one ingest call are ten).
 *
 * Keeps: the outcome is a function of the options. Faults that are handled are logged by the code under test; while a
 * run lasts, the console is silent.
 */
import { totalsOf } from "../../src/core/facts.ts";
import { MEASURES, type Measure } from "../../src/core/fields.ts";
import { addCounts, zeroCounts } from "../../src/core/measures.ts";
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
  /** Valid impressions, uploaded ones among them. */
  readonly shown: number;
  readonly converted: number;
  /** Revisions that somebody was told of. */
  readonly revised: number;
  readonly trace: readonly string[];
  /** Indexes of the impressions that anything happened to. */
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
    await checkWorld(world);
    return outcomeOf(world);
  } finally {
    console.error = loud;
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function outcomeOf({ scheduler, witness, facts, workload }: World): Outcome {
  const sums = zeroCounts();
  for (const row of facts.facts.values()) addCounts(sums, totalsOf(row));
  for (const sum of sums) scheduler.mix(sum);
  const of = (measure: Measure) => sums[MEASURES.indexOf(measure)] ?? 0;
  const { requests, purchases, uploads } = workload;
  scheduler.mix(witness.complaints.length);
  return {
    complaints: witness.complaints,
    digest: scheduler.digest.toString(16).padStart(8, "0"),
    events: scheduler.steps + scheduler.handed,
    requests: witness.notes.length,
    billed: of("valid"),
    shown: of("impressions"),
    converted: of("conversions"),
    revised: witness.revised.size,
    trace: witness.trace,
    impressions: new Set([...requests, ...purchases, ...uploads].map(({ impression }) => impression.index)),
  };
}
