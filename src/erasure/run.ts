/**
 * The job behind an order to erase: a pass goes through all that may hold the person, some each minute; a further pass
 * two hours later finds what was on its way, and the order is done with the first one that finds nothing and began when
 * all that was received before the order had arrived.
 *
 *   lines (raw/) ─▶ click_lines (clicks/) ─▶ tokens (evidence/) ─▶ copies (dead/, replays/) ─▶ late_clicks (shards)
 *     ─▶ the next pass │ receipt
 *
 * Keeps: killed anywhere it goes on behind the last object that its order names, and does again what is idempotent. A
 * day under a hold is passed over and named; the order waits for the hold to be released. An object that R2 does not
 * let go is named as well, and tried again.
 * Relies on: what has arrived in a shard is archived within an hour; the audit and evidence that a pass ran beside have
 * ended two hours later.
 */
import { ARCHIVE_PREFIX } from "../archive/archive.ts";
import { foldersBelow } from "../archive/delete-below.ts";
import { heldStretches, isHeld } from "../archive/holds.ts";
import { type StoredSegment, segmentsBehind } from "../archive/segments.ts";
import { CLICK_LINES_PREFIX, clickLinesPrefix } from "../audit/click-lines.ts";
import { keysBelow } from "../audit/objects.ts";
import { encodeUtf8, parseJson } from "../core/base64url.ts";
import { decodeEventId, type EventId } from "../core/event-id.ts";
import { hexAt } from "../core/hex.ts";
import { DAY_MS, HOUR_MS, SERVICE_DAYS_BEFORE, SHARD_CLOCK_BEHIND_MAX_MS } from "../core/limits.ts";
import { advertiserBucketOf } from "../core/routing.ts";
import { sealText } from "../core/seal.ts";
import { isoDay } from "../core/time.ts";
import { EVIDENCE_PREFIX } from "../evidence/manifest.ts";
import { logFault } from "../log.ts";
import type { ShelvedLate } from "../shard/sqlite-late-store.ts";
import { bareIfOf, COPIES_PREFIXES, eraseCopies } from "./copies.ts";
import { type ErasePorts, eraseClickLines, eraseSegment, eraseTokens } from "./erase.ts";
import {
  closeOrder,
  type ErasureReceipt,
  NOTHING_ERASED,
  type Order,
  PHASES,
  type Phase,
  readOrder,
  type StoredOrder,
  type Subject,
  writeOrder,
} from "./order.ts";

export const PASS_EVERY_MS = 2 * HOUR_MS;
/** Objects between two notes of how far a phase is. */
const NOTED_EVERY = 50;
/** Objects that are worked on at once, since a small one is mostly waited for, and their bytes: a large one is not. */
const TOGETHER_MAX = 6;
const TOGETHER_BYTES_MAX = 4_000_000;
const ALONE = TOGETHER_BYTES_MAX;

export type LateShelf = {
  /** Late clicks that the shard keeps, behind one of them, in their order. */
  readonly shelved: (after: string) => Promise<readonly ShelvedLate[]>;
  /** Replaces some where they are as they were read. */
  readonly reshelve: (changed: readonly (ShelvedLate & { readonly was: string })[]) => Promise<void>;
};
export type RunPorts = ErasePorts & {
  readonly clock: () => number;
  /** Clicks and impressions that were received before it have arrived in their shards; null where nobody knows. */
  readonly arrivedUntilMs: () => Promise<number | null>;
  /** Event shards by name, of all that there are. */
  readonly shelves: () => Promise<ReadonlyMap<string, LateShelf>>;
};

export function newOrder(id: string, subject: Subject, { by, nowMs }: { by: string; nowMs: number }): Order {
  return {
    ...{ v: 1, id, subject, by, askedAtMs: nowMs, pass: 1, phase: "lines", after: "", notBeforeMs: nowMs },
    ...{ erased: NOTHING_ERASED, waiting: { held: [], refused: [] }, isFinding: false },
  };
}

/** Goes on with an order until the clock says so; resolves to whether it is done, or null where another run has it. */
export async function runOrder(ports: RunPorts, id: string, untilMs: number): Promise<boolean | null> {
  const stored = await readOrder(ports.bucket, id);
  if (stored === null) return true;
  if (stored.order.notBeforeMs > ports.clock()) return false;
  const run = new Run(ports, stored);
  for (;;) {
    if (ports.clock() >= untilMs) return false;
    const ended = await run.phase(untilMs);
    if (ended !== true) return ended;
    if (await run.next()) return true;
    if (run.order.notBeforeMs > ports.clock()) return false;
  }
}

class Run {
  readonly #ports: RunPorts;
  #stored: StoredOrder;

  constructor(ports: RunPorts, stored: StoredOrder) {
    this.#ports = ports;
    this.#stored = stored;
  }

  get order(): Order {
    return this.#stored.order;
  }

  /** Goes through a phase: true at its end, false when time is over, null where somebody else has the order. */
  async phase(untilMs: number): Promise<boolean | null> {
    const { clock } = this.#ports;
    // What the pass before waited for is told until this one begins.
    const isBegin = this.order.phase === PHASES[0] && this.order.after === "";
    if (isBegin && !(await this.#note(await this.#begun()))) return null;
    let [since, after] = [0, this.order.after];
    for await (const group of together(WORK[this.order.phase](this.#ports, this.order))) {
      if (clock() >= untilMs) return (await this.#note({ after })) ? false : null;
      const held = await heldStretches(this.#ports.bucket);
      const outcomes = (await Promise.all(group.map((one) => outcomeOf(one, held)))).filter((one) => one !== null);
      after = group.at(-1)?.key ?? after;
      since += group.length;
      if (outcomes.length === 0 && since < NOTED_EVERY) continue;
      since = 0;
      if (!(await this.#note({ after, ...this.#with(outcomes) }))) return null;
    }
    return true;
  }

  /** What is known of a pass that begins. */
  async #begun(): Promise<Partial<Order>> {
    const arrivedMs = await this.#ports.arrivedUntilMs();
    const mayFollow = arrivedMs === null || arrivedMs < this.order.askedAtMs;
    return { waiting: { held: [], refused: [] }, isFinding: false, mayFollow };
  }

  /** The next phase, the next pass, or the end; whether it is the end. */
  async next(): Promise<boolean> {
    const { phase, pass, isFinding, mayFollow = false, waiting } = this.order;
    const following = PHASES[PHASES.indexOf(phase) + 1];
    if (following !== undefined) {
      await this.#note({ phase: following, after: "" });
      return false;
    }
    const isOver = pass > 1 && !isFinding && !mayFollow && waiting.held.length + waiting.refused.length === 0;
    if (!isOver) {
      const notBeforeMs = this.#ports.clock() + PASS_EVERY_MS;
      await this.#note({ pass: pass + 1, phase: PHASES[0], after: "", notBeforeMs });
      return false;
    }
    await closeOrder(this.#ports.bucket, await this.#receipt());
    return true;
  }

  /** The order with what came of some objects. */
  #with(outcomes: readonly Outcome[]): Partial<Order> {
    const { erased, waiting, phase, isFinding } = this.order;
    const count = outcomes.reduce((sum, one) => sum + one.erased, 0);
    const [held, refused] = (["held", "refused"] as const).map((why) => outcomes.flatMap((one) => one[why] ?? []));
    return {
      erased: { ...erased, [phase]: erased[phase] + count },
      isFinding: isFinding || count > 0,
      waiting: {
        held: Array.from(new Set([...waiting.held, ...(held ?? [])])),
        refused: [...waiting.refused, ...(refused ?? [])].slice(0, 100),
      },
    };
  }

  async #note(change: Partial<Order>): Promise<boolean> {
    const written = await writeOrder(this.#ports.bucket, { ...this.order, ...change }, this.#stored.etag);
    if (written === null) return false;
    this.#stored = written;
    return true;
  }

  async #receipt() {
    const { id, subject, by, askedAtMs, pass, erased } = this.order;
    const receipt: ErasureReceipt = {
      ...{ v: 1, id, subject: "uid" in subject ? "user" : "click", subject_hash: await subjectHash(id, subject) },
      ...{ by, asked_at_ms: askedAtMs, ended_at_ms: this.#ports.clock(), passes: pass, erased },
    };
    return { receipt, seal: await sealText(this.#ports.ring, JSON.stringify(receipt)) };
  }
}

/** By which a subject is told to be that of a receipt, by who knows it. */
async function subjectHash(id: string, subject: Subject): Promise<string> {
  const hmac = { name: "HMAC", hash: "SHA-256" } as const;
  const key = await crypto.subtle.importKey("raw", encodeUtf8(id), hmac, false, ["sign"]);
  const name = "uid" in subject ? ["user", subject.advertiserId, subject.uid] : ["click", subject.eventId];
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, encodeUtf8(JSON.stringify(name))));
  return hexAt(mac, 0, mac.length);
}

/** What came of an object: how many were erased, or why none. */
type Outcome = { readonly erased: number; readonly held?: string; readonly refused?: string };

/** Erases in one object; null where there was nothing to erase. */
async function outcomeOf(
  { key, day, erase }: Work,
  held: Awaited<ReturnType<typeof heldStretches>>,
): Promise<Outcome | null> {
  if (day !== null && isHeld(day, held)) return { erased: 0, held: day };
  try {
    const erased = await erase();
    return erased === 0 ? null : { erased };
  } catch (fault) {
    logFault("erasure_refused", fault, { object: key });
    return { erased: 0, refused: key };
  }
}

/** Neighbours that are worked on at once, in their order. */
async function* together(work: AsyncGenerator<Work>): AsyncGenerator<Work[]> {
  let [group, bytes]: [Work[], number] = [[], 0];
  for await (const one of work) {
    if (group.length === TOGETHER_MAX || (group.length > 0 && bytes + one.bytes > TOGETHER_BYTES_MAX)) {
      yield group;
      [group, bytes] = [[], 0];
    }
    group.push(one);
    bytes += one.bytes;
  }
  if (group.length > 0) yield group;
}

type Work = {
  /** By which the phase goes on behind it. */
  readonly key: string;
  /** Its log day; null where no hold can name it. */
  readonly day: string | null;
  readonly bytes: number;
  readonly erase: () => Promise<number>;
};
type Working = (ports: RunPorts, order: Order) => AsyncGenerator<Work>;

const WORK: Readonly<Record<Phase, Working>> = {
  lines: async function* (ports, { subject, after }) {
    const loggedFromMs = (id: EventId) => decodeEventId(id).receivedAtMs - SHARD_CLOCK_BEHIND_MAX_MS;
    const first = "eventId" in subject ? isoDay(loggedFromMs(subject.eventId)) : "";
    const from = `${ARCHIVE_PREFIX}dt=${first}`;
    for await (const segment of segmentsBehind(ports.bucket, after > from ? after : from)) {
      const { key, bytes } = segment;
      yield { key, bytes, day: dayIn(segment), erase: () => eraseSegment(ports, subject, segment) };
    }
  },
  click_lines: async function* (ports, { subject, after }) {
    for (const day of await daysBelow(ports.bucket, CLICK_LINES_PREFIX, subject)) {
      const prefix = clickLinesPrefix(day, advertiserBucketOf(subject.advertiserId));
      for (const key of await keysBelow(ports.bucket, prefix)) {
        if (key > after) yield { key, bytes: ALONE, day: null, erase: () => eraseClickLines(ports, subject, key) };
      }
    }
  },
  tokens: async function* (ports, { subject, after }) {
    const folder = `${EVIDENCE_PREFIX}adv=${subject.advertiserId}/`;
    for (const day of await daysBelow(ports.bucket, folder, subject)) {
      for (const key of await keysBelow(ports.bucket, `${folder}dt=${day}/tokens-`)) {
        if (key > after) yield { key, bytes: ALONE, day: null, erase: () => eraseTokens(ports, subject, key) };
      }
    }
  },
  copies: async function* (ports, { subject, after }) {
    for (const prefix of COPIES_PREFIXES) {
      for (const key of await keysBelow(ports.bucket, prefix)) {
        if (key > after) yield { key, bytes: ALONE, day: null, erase: () => eraseCopies(ports, subject, key) };
      }
    }
  },
  late_clicks: async function* (ports, { subject, after }) {
    for (const [name, shelf] of await ports.shelves()) {
      if (name > after) yield { key: name, bytes: ALONE, day: null, erase: () => eraseLate(ports, subject, shelf) };
    }
  },
};

const dayIn = ({ key }: StoredSegment) => key.slice(`${ARCHIVE_PREFIX}dt=`.length).slice(0, "YYYY-MM-DD".length);

/** Days that have a folder; of a click those on which it may count. */
async function daysBelow(bucket: R2Bucket, prefix: string, subject: Subject): Promise<string[]> {
  const days = (await foldersBelow(bucket, prefix)).map((folder) => folder.slice("dt=".length));
  if (!("eventId" in subject)) return days;
  const { receivedAtMs } = decodeEventId(subject.eventId);
  const [from, to] = [isoDay(receivedAtMs - SERVICE_DAYS_BEFORE * DAY_MS), isoDay(receivedAtMs + DAY_MS)];
  return days.filter((day) => day >= from && day <= to);
}

/** Late clicks that a shard keeps until they are decided are whole events. */
async function eraseLate({ ring }: RunPorts, subject: Subject, shelf: LateShelf): Promise<number> {
  let erased = 0;
  for (let after = ""; ; ) {
    const page = await shelf.shelved(after);
    const last = page.at(-1);
    if (last === undefined) return erased;
    after = last.event;
    const changed: (ShelvedLate & { was: string })[] = [];
    for (const { event, encoded } of page) {
      const bare = await bareIfOf(subject, parseJson(encoded), ring);
      if (bare !== null) changed.push({ event, was: encoded, encoded: JSON.stringify(bare) });
    }
    if (changed.length > 0) await shelf.reshelve(changed);
    erased += changed.length;
  }
}
