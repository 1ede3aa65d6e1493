/**
 * The witness writes down what clients, carriers and shards were told, while the run goes on; it decides nothing.
 *
 *   notes      every request, and how it ended                 acked      event id → count, once a carrier took it
 *   sent       event id → request and event as made            committed  shard → sequence numbers
 *   conversions, uploads   what objects of orders and counts decided, in the order of their commits
 *
 * Keeps: what is written is what was said, not what should be. With a trace it also keeps every station that one event
 * or impression passed, in order.
 */
import type { EnqueueStepName } from "../../src/config.ts";
import type { ConversionEvent } from "../../src/core/conversion.ts";
import type { EventId } from "../../src/core/event-id.ts";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import type { ImpressionCounts } from "../../src/core/impression-counts.ts";
import { isTokenEntry, type LogEntry } from "../../src/core/log-line.ts";
import type { ReviewChoice, ReviewOutcome } from "../../src/core/review.ts";
import type { Change, RevisionOutcome } from "../../src/core/revision.ts";
import type { TokenEvent } from "../../src/core/token-event.ts";
import type { Decision } from "../../src/core/verdict.ts";
import type { Posting } from "../../src/facts/facts-store.ts";
import type { EncodedEvent, Handover } from "../../src/queue/coalescer.ts";
import type { ConversionOutcome } from "../../src/shard/submit-conversions.ts";
import type { UploadOutcome } from "../../src/shard/submit-counts.ts";
import { breachesOf } from "./law.ts";
import type { MemoryRow } from "./memory-shard-log.ts";
import type { Request } from "./request.ts";
import type { Scheduler } from "./scheduler.ts";

export type Note = {
  readonly request: Request;
  readonly event: TokenEvent;
  /** Requests of one group may fold into one event. */
  readonly group: string;
  readonly isolate: string;
  readonly isIsolateAlive: () => boolean;
  /** The request, or its isolate with it. */
  readonly isDead: () => boolean;
  readonly atMs: number;
  answer: Handover | null;
  answeredAtMs: number;
  /** The chain said to this request that its own events are lost, and counted so. */
  isCountedLost: boolean;
};

export type Deferral = { readonly event: EventId; readonly shard: string; readonly atMs: number };

/** A revision that was said to be made, and the event that it promotes. */
export type Told = { readonly event: EventId; readonly change: Change; readonly promoted: EventId | null };

export type DecidedConversion = { readonly event: ConversionEvent; readonly outcome: ConversionOutcome };
export type DecidedUpload = {
  readonly key: string;
  readonly rows: readonly ImpressionCounts[];
  readonly content: string;
  readonly outcome: UploadOutcome;
  readonly impression: number;
};

export class Witness {
  readonly notes: Note[] = [];
  readonly sent = new Map<EventId, Note>();
  readonly acked = new Map<EventId, number>();
  /** Events that some request's chain gave up, with the count that it counted as lost. */
  readonly lost = new Map<EventId, number>();
  readonly reviewed = new Map<EventId, { readonly choice: ReviewChoice; readonly verdict: string }>();
  /** Moves that somebody asked for, and what was said to have been made, by event and number. */
  readonly movesAsked = new Set<string>();
  readonly revised = new Map<string, Told>();
  /** Up to which instant a shard said that its log is sealed and archived. */
  readonly #sealed = new Map<string, number>();
  readonly deferrals: Deferral[] = [];
  /** Event id of a conversion or of a row of counts → the impression that it follows from. */
  readonly submissions = new Map<EventId, number>();
  readonly conversions: DecidedConversion[] = [];
  readonly uploads: DecidedUpload[] = [];
  /** The fold of everything that any shard committed. */
  readonly logged: Facts = new Map();
  /** What a storage that was set back has taken with it before it was archived. */
  readonly lostRows: MemoryRow[] = [];
  readonly lostEvents = new Set<EventId>();
  readonly complaints: { readonly promise: string; readonly text: string; readonly impression: number | null }[] = [];
  readonly #scheduler: Scheduler;
  readonly #committed = new Map<string, Map<number, MemoryRow>>();
  /** Index of the impression that is traced. */
  readonly #traced: number | null;
  readonly trace: string[] = [];

  constructor(scheduler: Scheduler, traced: number | null) {
    this.#scheduler = scheduler;
    this.#traced = traced;
  }

  requested(made: Omit<Note, "atMs" | "answer" | "answeredAtMs" | "isCountedLost">): Note {
    const note = { ...made, atMs: this.#scheduler.nowMs, answer: null, answeredAtMs: 0, isCountedLost: false };
    this.notes.push(note);
    this.sent.set(made.event.id, note);
    this.say(made.event.id, () => edgeStory(made.request));
    return note;
  }

  delivered(note: Note, events: readonly EncodedEvent[], step: EnqueueStepName | null): void {
    if (step === null) note.isCountedLost = true;
    for (const { id, count } of events) {
      this.say(id, () => (step === null ? "chain: lost" : `chain: taken by ${step}, count ${count}`));
      if (step === null) this.lost.set(id, count);
      if (step === null) continue;
      const before = this.acked.get(id);
      if (before !== undefined && before !== count)
        this.complain("G3", `event ${id} was sent with counts ${before} and ${count}`, id);
      this.acked.set(id, count);
    }
  }

  answered(note: Note, outcome: Handover): void {
    note.answer = outcome;
    note.answeredAtMs = this.#scheduler.nowMs;
    this.say(note.event.id, () => `edge: request ends, ${outcome}`);
  }

  /** An event that is about to be submitted. */
  submitted(event: EventId, impression: number): void {
    this.submissions.set(event, impression);
  }

  /** What an object decided on a conversion, once that is committed. */
  converted(event: ConversionEvent, outcome: ConversionOutcome | undefined): void {
    if (outcome === undefined) {
      this.complain("G12", `the conversion ${event.id} has no outcome`, event.id);
      return;
    }
    this.conversions.push({ event, outcome });
    this.say(event.id, () => `${event.action} ${event.orderId} ${event.valueMicros}: ${JSON.stringify(outcome)}`);
  }

  uploaded(upload: DecidedUpload): void {
    this.uploads.push(upload);
  }

  /** A row that a shard committed: its number must never have meant anything else. */
  committed(source: string, row: MemoryRow): void {
    const rows = this.#committed.get(source) ?? new Map<number, MemoryRow>();
    this.#committed.set(source, rows);
    const first = row.logged[0]?.event.id ?? null;
    if (rows.has(row.seq)) this.complain("G6", `sequence number ${row.seq} of ${source} was used twice`, first);
    rows.set(row.seq, row);
    const sealedMs = this.#sealed.get(source.split("/")[0] ?? "") ?? 0;
    if (row.loggedAtMs < sealedMs) this.complain("G7", `row ${row.seq} of ${source} is logged before its seal`, first);
    for (const entry of row.logged) {
      const { event, verdict, reason } = entry;
      this.say(event.id, () => `${source}: logged ${row.seq}, ${verdict} ${reason ?? ""}${formOf(entry)}`);
      const isWithdrawn = isTokenEntry(entry) && entry.revision;
      if (verdict === "deferred" && !isWithdrawn)
        this.deferrals.push({ event: event.id, shard: source, atMs: this.#scheduler.nowMs });
      this.#scheduler.mix(row.seq + verdict.length);
      foldEntry(this.logged, entry);
    }
  }

  /** The rows that a source has committed, by their numbers. */
  rowsOf(source: string): Iterable<MemoryRow> {
    return this.#committed.get(source)?.values() ?? [];
  }

  /** Rows of a source that are lost with the storage that held them; the report databases have them. */
  lostWithStorage(source: string, rows: readonly MemoryRow[]): void {
    for (const row of rows) {
      this.#committed.get(source)?.delete(row.seq);
      this.lostRows.push(row);
      for (const { event } of row.logged) {
        this.lostEvents.add(event.id);
        this.say(event.id, () => `${source}: row ${row.seq} is lost with its storage`);
      }
    }
  }

  /** A posting on its way to the report database. */
  posted({ source, to, facts }: Posting): void {
    for (const breach of breachesOf(facts)) this.complain("G5", `posting ${source} ${to.seq}: ${breach}`, null);
  }

  /** What a reviewer was told. */
  reviewTold(event: EventId, outcome: ReviewOutcome): void {
    this.say(event, () => `review: ${JSON.stringify(outcome)}`);
    if (outcome.outcome !== "decided") return;
    const { choice, verdict } = outcome;
    const before = this.reviewed.get(event);
    if (before !== undefined && (before.choice !== choice || before.verdict !== verdict)) {
      this.complain("G11", `the review of ${event} was told ${before.verdict} and then ${verdict}`, event);
    }
    this.reviewed.set(event, { choice, verdict });
  }

  moveAsked(move: { event: EventId; n: number; from: Decision; to: Decision }): void {
    this.movesAsked.add(moveName(move.event, { ...move.to, n: move.n, from: move.from }));
  }

  /** What somebody who revised an event, and perhaps promoted another, was told. */
  revisionTold([move, promoted]: readonly { event: EventId }[], outcome: RevisionOutcome): void {
    if (move === undefined) return;
    const { event } = move;
    this.say(event, () => `revision: ${JSON.stringify(outcome)}`);
    if (outcome.outcome !== "revised") return;
    const { outcome: _, ...change } = outcome;
    const name = `${event} ${change.n}`;
    const before = this.revised.get(name);
    this.revised.set(name, { event, change, promoted: promoted?.event ?? before?.promoted ?? null });
    if (before === undefined || isSameChange(before.change, change)) return;
    this.complain("G7", `revision ${change.n} of ${event} was told to be made, and then another`, event);
  }

  /** A shard says that its log before an instant is closed, and archived. */
  sealed(shard: string, untilMs: number): void {
    this.#sealed.set(shard, Math.max(untilMs, this.#sealed.get(shard) ?? 0));
  }

  bug(text: string): void {
    this.complain("bug", text, null);
  }

  complain(promise: string, text: string, event: EventId | null): void {
    this.complaints.push({ promise, text, impression: event === null ? null : this.impressionOf(event) });
  }

  /** Index of the impression that an event belongs to. */
  impressionOf(event: EventId): number | null {
    return this.sent.get(event)?.request.impression.index ?? this.submissions.get(event) ?? null;
  }

  say(event: EventId, what: () => string): void {
    if (this.#traced === null || this.impressionOf(event) !== this.#traced) return;
    const time = new Date(this.#scheduler.nowMs).toISOString().slice(11, 23);
    this.trace.push(`${time} ${event.slice(-8)} ${what()}`);
  }
}

/** A move of an event, as asked for and as logged. */
export function moveName(event: EventId, { n, from, verdict, reason }: Omit<Change, "cause" | "by" | "atMs">): string {
  return `${event} ${n}: ${from.verdict}/${from.reason} to ${verdict}/${reason}`;
}

function isSameChange(a: Change, b: Change): boolean {
  return moveName("" as EventId, a) === moveName("" as EventId, b) && a.atMs === b.atMs && a.cause === b.cause;
}

function formOf(entry: LogEntry): string {
  if (!isTokenEntry(entry)) return "";
  if (entry.revision) return ` by revision ${entry.revision.n}`;
  return entry.review === null ? "" : " by review";
}

const edgeStory = ({ isolate, method, type, client }: Request) =>
  `edge ${isolate}: ${method} ${type === "click" ? "" : "pixel "}by ${client}`;
