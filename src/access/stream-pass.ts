/**
 * A live stream's place: one in the isolate, which holds its connection, and one at the gate of a report database,
 * which counts the tenant's streams wherever they are.
 *
 * Keeps: both places come back when the stream ends, and by themselves when nothing was heard of it for a minute, so
 * that a stream whose isolate has died takes no place. Where the gate does not answer, the isolate's count stands
 * alone.
 */
import { ReadBudget, type StreamEntered } from "../core/read-budget.ts";
import { err, ok, type Result } from "../core/result.ts";
import { logFault } from "../log.ts";
import type { Principal } from "./api-keys.ts";
import type { ReadGates } from "./read-pass.ts";
import { refuseTurn } from "./read-problems.ts";
import { budgetOf, SHARED_RULES, STREAMS_OF_ISOLATE_MAX } from "./read-rules.ts";

export type StreamPass = {
  /**
   * The stream is there and has read so many rows since. Resolves to the milliseconds after which it may read again,
   * null when it must end.
   */
  readonly keep: (rowsRead: number) => Promise<number | null>;
  readonly close: () => Promise<void>;
};

type Way = {
  readonly gates: ReadGates;
  readonly principal: Pick<Principal, "advertiserId" | "publisherId">;
  /** The binding of the database whose gate counts the stream. */
  readonly database: string;
};

const ofIsolate = new ReadBudget({ ...SHARED_RULES, streamsOfAllMax: STREAMS_OF_ISOLATE_MAX }, 0);

/** A place for a stream, or the answer to who has too many. */
export async function openStream({ gates, principal, database }: Way): Promise<Result<StreamPass, Response>> {
  const ask = budgetOf(principal);
  const own = ofIsolate.openStream(ask, Date.now());
  if (own.kind !== "entered") return err(refuseTurn(own, ask));
  /** Null while the gate does not answer. */
  const ofGate = <T>(call: (gate: ReturnType<ReadGates["getByName"]>) => Promise<T>) =>
    orNull(() => call(gates.getByName(database)), database);

  const open = () => ofGate(async (gate): Promise<StreamEntered> => await gate.openStream(ask));
  const entered = await open();
  if (entered !== null && entered.kind !== "entered") {
    ofIsolate.closeStream(own.pass);
    return err(refuseTurn(entered, ask));
  }
  let pass = entered === null ? null : entered.pass;

  const keep = async (rowsRead: number): Promise<number | null> => {
    const waitMs = ofIsolate.keepStream(own.pass, rowsRead, Date.now());
    const held = pass;
    if (waitMs === null) return null;
    const kept =
      held === null ? null : await ofGate(async (gate) => ({ waitMs: await gate.keepStream(held, rowsRead) }));
    if (kept !== null && kept.waitMs !== null) return kept.waitMs;
    // The gate has lost its book, or answers again: the stream takes its place there anew.
    const again = await open();
    if (again === null) return waitMs;
    if (again.kind !== "entered") return null;
    pass = again.pass;
    return 0;
  };
  const close = async () => {
    ofIsolate.closeStream(own.pass);
    const held = pass;
    if (held !== null) await ofGate((gate) => gate.closeStream(held));
  };
  return ok({ keep, close });
}

async function orNull<T>(call: () => Promise<T>, database: string): Promise<T | null> {
  try {
    return await call();
  } catch (fault) {
    logFault("read_gate_failed", fault, { database });
    return null;
  }
}
