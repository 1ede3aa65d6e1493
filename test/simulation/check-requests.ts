/**
 * G3 and G5 at the edge: what requests and carriers were told, against the archive.
 *
 *   durable    the event is archived, with the count it was sent with
 *   lost       the chain of this very request gave up, and counted it
 *   entrusted  others see to it: it is archived or counted lost, unless everybody who watched over its batch has died
 *   (none)     the request has died
 */
import type { EventId } from "../../src/core/event-id.ts";
import { SECOND_MS } from "../../src/core/limits.ts";
import type { LoggedEvent } from "../../src/core/log-line.ts";
import { isClockRight } from "./truth.ts";
import type { Note, Witness } from "./witness.ts";

/** All that the archive says of each event. */
export type Archived = Map<EventId, ArchivedEvent>;
export type ArchivedEvent = {
  readonly note: Note;
  first: LoggedEvent | null;
  review: LoggedEvent | null;
  deferred: LoggedEvent | null;
  /** In the order of their numbers. */
  readonly revisions: LoggedEvent[];
  /** Whether it was valid in a log that gave it up: its user stays one. */
  wasValidElsewhere: boolean;
};

/** Requests that may fold into one event, and what became of them. */
type Group = { readonly notes: Note[]; acked: number; counted: number; lost: number };

const ANSWER_MAX_MS = 30 * SECOND_MS;
/** Those who watch over a batch arrived within one hold of each other. */
const HOLD_MS = 50;
/** A leader and two watchers (queue/coalescer.ts). */
const WATCHERS = 3;

export function checkRequests(witness: Witness, archived: Archived): void {
  for (const [id, count] of witness.acked) {
    if (witness.lostEvents.has(id)) continue;
    const line = lineOf(archived, id);
    if (line === null) witness.complain("G3", `event ${id} was acknowledged and is not in the archive`, id);
    else if (line.event.count !== count) {
      const counts = `with count ${count} and archived with ${line.event.count}`;
      witness.complain("G3", `event ${id} was acknowledged ${counts}`, id);
    }
  }
  const groups = new Map<string, Group>();
  for (const note of witness.notes) {
    checkAnswer(note, witness);
    if (witness.lostEvents.has(note.event.id)) continue;
    const group = groups.get(note.group) ?? { notes: [], acked: 0, counted: 0, lost: 0 };
    groups.set(note.group, group);
    group.notes.push(note);
    if (note.answer === "durable") group.acked++;
    const line = lineOf(archived, note.event.id);
    group.counted += line?.event.count ?? 0;
    if (line === null) group.lost += witness.lost.get(note.event.id) ?? 0;
  }
  const deaths = deathsByIsolate(witness);
  for (const group of groups.values()) checkGroup(group, deaths, witness);
}

function lineOf(archived: Archived, id: EventId): LoggedEvent | null {
  const event = archived.get(id);
  return event?.first ?? event?.deferred ?? null;
}

function checkAnswer(note: Note, witness: Witness): void {
  const { id } = note.event;
  if (!isClockRight(note)) witness.complain("G11", `event ${id} has the wrong clock`, id);
  if (note.answer === null) {
    if (!note.isDead()) witness.complain("G3", `the request of ${id} never ends`, id);
    return;
  }
  const tookMs = note.answeredAtMs - note.atMs;
  if (tookMs > ANSWER_MAX_MS) witness.complain("G3", `the request of ${id} takes ${Math.round(tookMs)} ms`, id);
}

function checkGroup({ notes, acked, counted, lost }: Group, deaths: Deaths, witness: Witness): void {
  const id = notes[0]?.event.id ?? null;
  // Requests that fold or share a message share a loss, which the chain of one of them counts.
  const isCounted = notes.some(({ isCountedLost, event }) => isCountedLost || witness.lost.has(event.id));
  if (!isCounted && notes.some(({ answer }) => answer === "lost")) {
    witness.complain("G5", `the loss of ${id} is counted nowhere`, id);
  }
  if (counted < acked) witness.complain("G3", `of ${acked} acknowledged requests like ${id}, ${counted} count`, id);
  if (counted > notes.length) witness.complain("G7", `of ${notes.length} requests like ${id}, ${counted} count`, id);
  const excused = notes.filter(
    (note) => note.answer === null || (note.answer === "entrusted" && isAbandoned(note, deaths)),
  );
  const missing = notes.length - excused.length - counted - lost;
  if (missing > 0) {
    witness.complain("G5", `${missing} of ${notes.length} requests like ${id} are neither counted nor lost`, id);
  }
}

/** When requests that never ended had arrived, by isolate and type: those share a coalescer. */
type Deaths = ReadonlyMap<string, readonly number[]>;

function deathsByIsolate(witness: Witness): Deaths {
  const deaths = new Map<string, number[]>();
  for (const { answer, isolate, event, atMs } of witness.notes) {
    if (answer !== null) continue;
    const coalescer = `${isolate} ${event.type}`;
    const times = deaths.get(coalescer) ?? [];
    deaths.set(coalescer, times);
    times.push(atMs);
  }
  return deaths;
}

function isAbandoned({ isolate, isIsolateAlive, event, atMs }: Note, deaths: Deaths): boolean {
  if (!isIsolateAlive()) return true;
  const near = deaths.get(`${isolate} ${event.type}`)?.filter((diedMs) => Math.abs(diedMs - atMs) <= HOLD_MS) ?? [];
  return near.length >= WATCHERS;
}
