/**
 * What an audit keeps of one log line to check who claimed an impression: 64 bytes, so that a day of them is small.
 *
 *   0  impression key 16 bytes          16 event id 24, ASCII      40 logged_at ms, float64      48 seq, float64
 *   56 line in its row, uint32          60 life, uint8             61 form, uint8                62 verdict, uint8
 *   63 verdict before, of a revision    (life: number of the incarnation among its shard's)
 *
 * Keeps: what is decoded is what was encoded; records sort by (key, logged_at, life, seq, line), which is the order of
 * a shard's decisions on an impression.
 */
import type { EventId } from "./event-id.ts";
import { hexAt, writeHex } from "./hex.ts";
import type { ImpressionKey } from "./impression-key.ts";
import { assert } from "./result.ts";
import { VERDICTS, type Verdict } from "./verdict.ts";

export const RECORD_BYTES = 64;
const EVENT_AT = 16;
const LOGGED_AT = 40;
const SEQ_AT = 48;
const LINE_AT = 56;
const LIFE_AT = 60;
const FORM_AT = 61;
const VERDICT_AT = 62;
const FROM_AT = 63;
const KEY_BYTES = 16;

/** What a line does: decides an event first, or a late one, or moves one to another verdict. */
export const RECORD_FORMS = ["first", "review", "revision"] as const;
export type RecordForm = (typeof RECORD_FORMS)[number];

export type AuditRecord = {
  readonly key: ImpressionKey;
  readonly event: EventId;
  readonly loggedAtMs: number;
  readonly seq: number;
  readonly line: number;
  readonly life: number;
  readonly form: RecordForm;
  readonly verdict: Verdict;
  /** Of a revision: the verdict that it takes away. */
  readonly from: Verdict | null;
};

export class RecordWriter {
  #bytes = new Uint8Array(RECORD_BYTES * 1_024);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get records(): number {
    return this.#length / RECORD_BYTES;
  }

  add({ key, event, loggedAtMs, seq, line, life, form, verdict, from }: AuditRecord): void {
    if (this.#length === this.#bytes.length) this.#grow();
    const at = this.#length;
    writeHex(key, this.#bytes, at);
    for (let byte = 0; byte < event.length; byte++) this.#bytes[at + EVENT_AT + byte] = event.charCodeAt(byte);
    this.#view.setFloat64(at + LOGGED_AT, loggedAtMs);
    this.#view.setFloat64(at + SEQ_AT, seq);
    this.#view.setUint32(at + LINE_AT, line);
    this.#bytes[at + LIFE_AT] = life;
    this.#bytes[at + FORM_AT] = RECORD_FORMS.indexOf(form);
    this.#bytes[at + VERDICT_AT] = VERDICTS.indexOf(verdict);
    this.#bytes[at + FROM_AT] = from === null ? 255 : VERDICTS.indexOf(from);
    this.#length += RECORD_BYTES;
  }

  encoded(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(): void {
    const more = new Uint8Array(2 * this.#bytes.length);
    more.set(this.#bytes);
    this.#bytes = more;
    this.#view = new DataView(more.buffer);
  }
}

const ascii = new TextDecoder();

/** The record that begins at a byte. */
export function readRecord(bytes: Uint8Array, at: number): AuditRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, RECORD_BYTES);
  const form = RECORD_FORMS[view.getUint8(FORM_AT)];
  const verdict = VERDICTS[view.getUint8(VERDICT_AT)];
  assert(form !== undefined && verdict !== undefined, "a record has a form and a verdict");
  const event = ascii.decode(bytes.subarray(at + EVENT_AT, at + LOGGED_AT));
  return {
    key: hexAt(bytes, at, KEY_BYTES) as ImpressionKey,
    event: event as EventId,
    loggedAtMs: view.getFloat64(LOGGED_AT),
    seq: view.getFloat64(SEQ_AT),
    line: view.getUint32(LINE_AT),
    life: view.getUint8(LIFE_AT),
    form,
    verdict,
    from: VERDICTS[view.getUint8(FROM_AT)] ?? null,
  };
}

/**
 * The records of a part of all keys, in order: those whose key's first byte is `part` modulo `parts`, so that memory is
 * bounded whatever an hour holds. O(n log n) in the part.
 */
export function sortedRecords(blocks: readonly Uint8Array[], { part, parts }: { part: number; parts: number }) {
  const places: { readonly block: Uint8Array; readonly at: number; readonly prefix: number }[] = [];
  for (const block of blocks) {
    assert(block.length % RECORD_BYTES === 0, "a block holds whole records");
    const view = new DataView(block.buffer, block.byteOffset, block.length);
    for (let at = 0; at < block.length; at += RECORD_BYTES) {
      if ((block[at] as number) % parts !== part) continue;
      places.push({ block, at, prefix: view.getUint32(at) * 2 ** 16 + view.getUint16(at + 4) });
    }
  }
  // Numbers are compared several times faster than keys, and seldom leave anything to these.
  places.sort((a, b) => a.prefix - b.prefix);
  return places.map(({ block, at }) => readRecord(block, at)).sort(compareRecords);
}

export function compareRecords(a: AuditRecord, b: AuditRecord): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return compareLogged(a, b);
}

/** The order in which a shard logged them, through all of its lives. */
export function compareLogged(a: AuditRecord, b: AuditRecord): number {
  return a.loggedAtMs - b.loggedAtMs || a.life - b.life || a.seq - b.seq || a.line - b.line;
}
