/**
 * The demonstration of a state folder: its catalogue and keys (seed.ts), and its past, which the objects of a new folder
 * live through before the port opens (src/demo/history/life.ts). What is old of it cron moves to R2 in the first quarter
 * of an hour, as it does every day.
 *
 *   <state>/demonstration.json   {"endMs": 1795859520000, "days": 35, "isDone": false}
 *
 * Keeps: made once. The note is written before the catalogue, so a start that was interrupted is taken up by the next
 * one, with the same end; folders without a note, which had somebody's data first or began empty, get no history.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { D1Database } from "@cloudflare/workers-types";
import { MINUTE_MS } from "../src/core/limits.ts";
import { CLICKS_OBJECT, COUNTS_OBJECT, historyTopology, ORDER_OBJECTS } from "../src/demo/history/objects.ts";
import type { HistorySpan } from "../src/demo/history/plan.ts";
import { deployedEnv } from "./deployed-env.ts";
import type { LocalRuntime, Prepared } from "./local-runtime.ts";
import { isUnused, seedDemo } from "./seed.ts";

const HISTORY_DAYS = 35;

type Note = HistorySpan & { readonly isDone: boolean };

export type Demonstration = {
  readonly statePath: string;
  readonly keys: { readonly advertiserKey: string; readonly publisherKey: string };
  /** Whether a new folder gets no history. */
  readonly isEmpty: boolean;
  readonly nowMs: number;
  readonly days?: number;
};

/** For `RuntimeOptions.prepare`; tells whether the folder was new. */
export async function prepareDemo(
  database: D1Database,
  { statePath, keys, isEmpty, nowMs, days = HISTORY_DAYS }: Demonstration,
): Promise<Prepared & { readonly isSeeded: boolean }> {
  const known = await readNote(statePath);
  const isNew = known === null && !isEmpty && (await isUnused(database));
  const endMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  const note = isNew ? await writeNote(statePath, { endMs, days, isDone: false }) : known;
  const isSeeded = await seedDemo(database, { ...keys, nowMs, hasHistory: note !== null });
  if (note === null) return { isSeeded };
  const vars = { TOPOLOGY: await topologyOf(note) };
  if (note.isDone) return { isSeeded, vars };
  const furnish = async (runtime: LocalRuntime) => {
    await makeHistory(runtime, note);
    await writeNote(statePath, { ...note, isDone: true });
  };
  return { isSeeded, vars, furnish };
}

const noteIn = (statePath: string) => join(statePath, "demonstration.json");

async function readNote(statePath: string): Promise<Note | null> {
  const text = await readFile(noteIn(statePath), "utf8").catch(() => null);
  return text === null ? null : (JSON.parse(text) as Note);
}

async function writeNote(statePath: string, note: Note): Promise<Note> {
  await writeFile(noteIn(statePath), JSON.stringify(note));
  return note;
}

async function topologyOf({ endMs }: HistorySpan): Promise<string> {
  const { TOPOLOGY } = await deployedEnv();
  return JSON.stringify(historyTopology(JSON.parse(String(TOPOLOGY)), endMs));
}

type Historic = { getByName(name: string): { liveThrough(span: HistorySpan): Promise<void> } };

/** Makes the history; what an earlier call did is not done again. */
export async function makeHistory({ bindings }: Pick<LocalRuntime, "bindings">, span: HistorySpan): Promise<void> {
  const { endMs, days } = span;
  const events = bindings.EVENT_SHARD as unknown as Historic;
  const orders = bindings.ORDER_SHARD as unknown as Historic;
  const counts = bindings.COUNTS_SHARD as unknown as Historic;
  await Promise.all([
    events.getByName(CLICKS_OBJECT).liveThrough({ endMs, days }),
    ...ORDER_OBJECTS.map((name) => orders.getByName(name).liveThrough({ endMs, days })),
    counts.getByName(COUNTS_OBJECT).liveThrough({ endMs, days }),
  ]);
}
