/**
 * A shard's log of two hours with receipts, made by the code that makes them: segments in the archive, their hashes, the
 * trees of the hours and the evidence log.
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { LogText } from "../../src/archive/log-text.ts";
import type { StoredSegment } from "../../src/archive/segments.ts";
import { HourLines, hoursPrefix } from "../../src/audit/hour-lines.ts";
import { PLAIN_STEPS } from "../../src/audit/steps.ts";
import type { EventId } from "../../src/core/event-id.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import { encodeLogLine } from "../../src/core/log-line.ts";
import { LOG_START, type Position, positionAfter } from "../../src/core/position.ts";
import { formatVerifierKey, noteSigner } from "../../src/core/signed-note.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { hourLeaf, makeHours } from "../../src/evidence/hours.ts";
import { type LineAt, type NoReceipt, type Receipt, receiptOf } from "../../src/evidence/receipt.ts";
import { enqueueLeaf } from "../../src/tlog/log.ts";
import { type Memory, sequence } from "../../src/tlog/sequence.ts";
import { aClick } from "../support/builders.ts";
import { MemoryR2 } from "../support/memory-r2.ts";

export const DAY = "2026-11-27";
const ORIGIN = "ads.example/evidence";
const NOW_MS = Date.parse("2026-11-28T03:00:00Z");

export class ReceiptWorld {
  readonly r2 = new MemoryR2();
  readonly lines: LineAt[] = [];
  readonly segments: StoredSegment[] = [];
  vkey = "";
  #at: Position = LOG_START;
  #signer: Awaited<ReturnType<typeof noteSigner>> | undefined;
  readonly #memory: Memory;
  #signed: Awaited<ReturnType<Memory["read"]>> = null;

  constructor() {
    this.#memory = {
      read: async () => this.#signed,
      write: async (head) => {
        this.#signed = head;
      },
    };
  }

  /** A world in which each hour has segments of so many lines, up to three in a row of the log. */
  static async make(hours: readonly (readonly number[])[], seed = "log"): Promise<ReceiptWorld> {
    const world = new ReceiptWorld();
    world.#signer = await noteSigner(ORIGIN, createHash("sha256").update(seed).digest());
    world.vkey = formatVerifierKey(world.#signer.key);
    for (const [hour, segments] of hours.entries()) {
      for (const count of segments) await world.#archive(hour, count);
    }
    await world.audit();
    await world.publish();
    return world;
  }

  async #archive(hour: number, count: number): Promise<void> {
    const from = this.#at;
    const rows: LogText[] = [];
    for (let left = count; left > 0; left -= 3) {
      const place = { seq: this.#at.seq + 1, loggedAtMs: Date.parse(`${DAY}T00:00:00Z`) + hour * 3_600_000 + 700 };
      const texts = Array.from({ length: Math.min(3, left) }, (_, line) => lineOf(place, line));
      for (const text of texts) this.lines.push({ text, shard: "clicks-0", ...place });
      rows.push(new LogText(place.seq, place.loggedAtMs, texts.join("\n")));
      this.#at = await positionAfter(this.#at, rows.at(-1) as LogText);
    }
    const key = `raw/v1/dt=${DAY}/hour=0${hour}/shard=clicks-0/a-${String(from.seq + 1).padStart(12, "0")}.ndjson.gz`;
    this.r2.set(key, gzipSync(rows.map((row) => `${row.lines()}\n`).join("")));
    const owner = { shard: "clicks-0", incarnation: "a" };
    this.segments.push({ key, owner, from, to: this.#at, events: count, isClosed: false, bytes: 1 });
  }

  /** Has the log read again, as the audit of that number does. */
  async audit(attempt = 1): Promise<void> {
    const hours = new HourLines(this.r2.bucket);
    const { openSegment } = await import("../../src/archive/segments.ts");
    for (const segment of this.segments) {
      await hours.add(segment, (await openSegment(this.r2.bucket, segment.key)) ?? []);
    }
    await hours.put(`${hoursPrefix(DAY, attempt, "clicks-0")}0.ndjson`);
    const onHour = (stored: Parameters<typeof hourLeaf>[0]) => enqueueLeaf(this.r2.bucket, hourLeaf(stored));
    await makeHours({ bucket: this.r2.bucket, onHour }, new Map([[DAY, attempt]]), PLAIN_STEPS);
  }

  /** Gives leaves that wait their places, and others with them. */
  async publish(others = 5): Promise<void> {
    for (let at = 0; at < others; at++) {
      await enqueueLeaf(
        this.r2.bucket,
        createHash("sha512").update(`${this.#at.chain} ${this.#signed?.size} ${at}`).digest(),
      );
    }
    const signers = this.#signer === undefined ? [] : [this.#signer];
    const ports = { bucket: this.r2.bucket, origin: ORIGIN, signers, memory: this.#memory, nowMs: NOW_MS };
    const done = await sequence(ports);
    if (!done.ok) throw new Error(done.error);
  }

  async receipt(at: number): Promise<Receipt> {
    const made = await this.receiptOf(this.lines[at] as LineAt);
    if (!made.ok) throw new Error(made.error);
    return made.value;
  }

  receiptOf(line: LineAt): Promise<{ ok: true; value: Receipt } | { ok: false; error: NoReceipt }> {
    return receiptOf(this.r2.bucket, line);
  }
}

function lineOf(place: { seq: number; loggedAtMs: number }, line: number): string {
  const receivedAtMs = place.loggedAtMs - 500;
  const random = createHash("sha256").update(`${place.seq} ${line}`).digest().subarray(0, 8);
  const id: EventId = makeEventId({ receivedAtMs, routingHash: place.seq }, random);
  const event = aClick({ id, receivedAtMs, ipHash: `ip${place.seq}_${line}`, userHash: `user${place.seq}_${line}` });
  return encodeLogLine({ ...place, rules: "4-1f3a9c02" }, { verdict: "valid", reason: null }, encodeTokenEvent(event));
}
