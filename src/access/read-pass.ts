/**
 * The way through the gates of report databases (read-gate.ts): a read runs while it has a pass of each database that
 * it reads, and what it read in truth is charged when it ends.
 *
 * Keeps: gates are entered in the order of their names, so that two readers never wait for each other. A read goes on
 * when its caller goes away, since the database goes on too: so it is charged, and its place comes back when the work
 * is over. A gate that does not answer lets nobody wait: the isolate then keeps a book of its own, which bounds what
 * this isolate sends and is better than none.
 */
import { waitUntil } from "cloudflare:workers";
import { ReadBudget, type Refused } from "../core/read-budget.ts";
import { err, ok, type Result } from "../core/result.ts";
import { logFault } from "../log.ts";
import type { Principal } from "./api-keys.ts";
import { type Meter, meteredDatabase } from "./meter.ts";
import { type ReadGate, randomStart } from "./read-gate.ts";
import type { Turn } from "./read-line.ts";
import { refusalOf, refuseTurn } from "./read-problems.ts";
import { budgetOf, LINE_MS, SHARED_RULES } from "./read-rules.ts";
import type { SliceTurns } from "./slice-line.ts";

export type ReadGates = Pick<DurableObjectNamespace<ReadGate>, "getByName">;

/** A read before it runs: the bindings of its databases, and what its cost is guessed by. */
export type ReadSize = { readonly databases: readonly string[]; readonly shape: string; readonly windows: number };

/** What a read may use while it runs. */
export type ReadPass = {
  /** A database whose rows are charged to the read. */
  readonly metered: (name: string, database: D1Database) => D1Database;
  /** Charges work that is no row of a database, as so many rows of each. */
  readonly charge: (rows: number) => void;
  /** Whether so many bytes may be kept for the holder's further pages. */
  readonly mayKeep: (bytes: number) => Promise<boolean>;
  /** What a read in slices asks before them, of a database that `metered` gave. */
  readonly turns: (database: D1Database) => SliceTurns;
};

/** A gate that has not answered after this long is passed by. */
const ANSWER_MS = LINE_MS + 2_000;
/** Slices wait for those of all other readers, and for light reads between. */
const SLICE_ANSWER_MS = 15_000;

/** The books of this isolate, for gates that do not answer. */
const substitutes = new Map<string, ReadBudget>();

type Held = { readonly name: string; readonly pass: number; readonly isSubstitute: boolean; readonly meter: Meter };
type Way = { readonly gates: ReadGates; readonly principal: Pick<Principal, "advertiserId" | "publisherId"> };

/**
 * Runs `read` between entering and leaving the gates; the answer to a caller who may not enter. Rejects as `read` does.
 */
export async function withinBudget<T>(
  { gates, principal }: Way,
  { databases, shape, windows }: ReadSize,
  read: (pass: ReadPass) => Promise<T>,
): Promise<Result<T, Response>> {
  const ask = { ...budgetOf(principal), shape, windows };
  const held: Held[] = [];
  for (const name of databases.toSorted()) {
    const { turn, isSubstitute } = await enter(gates, name, ask);
    if (turn.kind !== "entered") {
      waitUntil(leaveAll(gates, held));
      return err(refuseTurn(turn, ask));
    }
    held.push({ name, pass: turn.pass, isSubstitute, meter: { rows: 0 } });
  }
  const entries = new WeakMap<D1Database, Held>();
  const pass: ReadPass = {
    metered: (name, database) => {
      const one = held.find((entry) => entry.name === name);
      if (one === undefined) return database;
      const metered = meteredDatabase(database, one.meter);
      entries.set(metered, one);
      return metered;
    },
    turns: (database) => turnsOf(gates, entries.get(database), ask),
    charge: (rows) => {
      for (const { meter } of held) meter.rows += rows;
    },
    mayKeep: (bytes) => mayKeep(gates, held, { ...ask, bytes }),
  };
  const run = async () => {
    try {
      return await read(pass);
    } finally {
      await leaveAll(gates, held);
    }
  };
  const work = run();
  // Whatever becomes of the work is told to who waits for it.
  waitUntil(work.catch(() => null));
  return ok(await work);
}

type Ask = ReturnType<typeof budgetOf> & Pick<ReadSize, "shape" | "windows">;

/** A gate that fails lets slices run: it is the only one who knows of others'. */
function turnsOf(gates: ReadGates, held: Held | undefined, ask: Ask): SliceTurns {
  if (held === undefined) return { claim: async () => null, next: async () => {} };
  const { name, pass, isSubstitute } = held;
  const claim = async (rows: number) => {
    if (isSubstitute) return substituteOf(name).claim(pass, rows, Date.now());
    const answer = async (): Promise<Refused | null> => await gates.getByName(name).claim(pass, rows);
    return orNull(name, () => inTime(answer(), { ms: ANSWER_MS }));
  };
  return {
    claim: async (rows) => {
      const refused = await claim(rows);
      return refused === null ? null : refusalOf(refused, ask);
    },
    next: async () => {
      if (isSubstitute) return;
      await orNull(name, () => inTime(gates.getByName(name).nextSlice(pass), { ms: SLICE_ANSWER_MS }));
    },
  };
}

async function orNull<T>(database: string, call: () => Promise<T>): Promise<T | null> {
  try {
    return await call();
  } catch (fault) {
    logFault("read_gate_failed", fault, { database });
    return null;
  }
}

async function enter(gates: ReadGates, name: string, ask: Ask): Promise<{ turn: Turn; isSubstitute: boolean }> {
  const answer = async (): Promise<Turn> => await gates.getByName(name).enter(ask);
  try {
    return {
      turn: await inTime<Turn>(answer(), {
        ms: ANSWER_MS,
        late: (turn) => leaveLate(gates, name, turn),
      }),
      isSubstitute: false,
    };
  } catch (fault) {
    logFault("read_gate_failed", fault, { database: name });
    const entered = substituteOf(name).enter(ask, Date.now());
    const turn: Turn =
      entered.kind === "wait" ? { kind: "places_taken", isOwn: entered.isOwn, retryAfterS: 1 } : entered;
    return { turn, isSubstitute: true };
  }
}

/** The gate's answer; rejects when it takes too long, and hands an answer that comes later to `late`. */
async function inTime<T>(
  answer: Promise<T>,
  { ms, late = async () => {} }: { ms: number; late?: (answer: T) => Promise<void> },
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let isLate = false;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      isLate = true;
      reject(new Error("the gate does not answer"));
    }, ms);
  });
  const told = answer.then(async (told) => {
    if (isLate) await late(told);
    return told;
  });
  try {
    return await Promise.race([told, timeout]);
  } finally {
    clearTimeout(timer);
    waitUntil(told.catch(() => null));
  }
}

async function leaveLate(gates: ReadGates, name: string, turn: Turn): Promise<void> {
  if (turn.kind === "entered") await gates.getByName(name).leave(turn.pass, 0);
}

async function leaveAll(gates: ReadGates, held: readonly Held[]): Promise<void> {
  await Promise.all(held.map((one) => leave(gates, one)));
}

/** A gate that does not hear of it takes the place back when the pass runs out. */
async function leave(gates: ReadGates, { name, pass, isSubstitute, meter }: Held): Promise<void> {
  if (isSubstitute) return substituteOf(name).leave(pass, meter.rows, Date.now());
  try {
    await gates.getByName(name).leave(pass, meter.rows);
  } catch (fault) {
    logFault("read_gate_failed", fault, { database: name });
  }
}

async function mayKeep(
  gates: ReadGates,
  [first]: readonly Held[],
  { bytes, ...ask }: ReturnType<typeof budgetOf> & { bytes: number },
): Promise<boolean> {
  if (first === undefined) return false;
  if (first.isSubstitute) return substituteOf(first.name).mayKeep(ask, bytes, Date.now());
  return (await orNull(first.name, () => gates.getByName(first.name).mayKeep(ask, bytes))) ?? false;
}

function substituteOf(name: string): ReadBudget {
  const known = substitutes.get(name) ?? new ReadBudget(SHARED_RULES, randomStart());
  substitutes.set(name, known);
  return known;
}
