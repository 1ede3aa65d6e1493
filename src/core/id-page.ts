/**
 * A page of event ids, packed: what a shard remembers of events that only their id can recognise (duplicates, invalid
 * and late ones), in 9 to 15 bytes each where the id as text takes 24.
 *
 *   page   | width 1–6, + 8 if all share a routing hash: 1 byte | earliest time: 6 | shared hash: 4, if so | records |
 *   record | time since the earliest: width | routing hash: 4, unless shared | random: 8 |
 *
 * Records ascend, as ids do (event-id.ts), so a look-up is a binary search in the bytes as they are stored. Pages are
 * made and merged as *rows*: ids unpacked to 18 bytes each, ascending, one behind the other.
 *
 * Keeps: `unpackPage(packPage(rows))` is `rows`; a page holds whole ids, so what it says is exact, whatever the ids
 * are.
 */
import { EVENT_ID_BYTES, type EventId, eventIdBytes } from "./event-id.ts";
import { assert } from "./result.ts";

const TIME_BYTES = 6;
const HASH_BYTES = 4;
const HASH_END = TIME_BYTES + HASH_BYTES;
const RANDOM_BYTES = 8;
const SHARED = 8;
/** What precedes the records at most. */
const HEAD_BYTES_MAX = 1 + TIME_BYTES + HASH_BYTES;
/** Bits of the routing hash in a rank, under the time. */
const RANK_HASH_BITS = 11;

export type IdRows = Uint8Array<ArrayBuffer>;
export type IdPage = Uint8Array<ArrayBuffer>;

type Layout = {
  readonly width: number;
  readonly earliest: number;
  /** Where the shared routing hash stands; null when each record has its own. */
  readonly sharedAt: number | null;
  readonly recordsAt: number;
  readonly recordBytes: number;
};

/** The ids as rows, each once. They need not ascend. */
export function rowsOf(ids: readonly EventId[]): IdRows {
  // As text they sort as their bytes do.
  const sorted = Array.from(new Set(ids)).sort();
  const rows = new Uint8Array(sorted.length * EVENT_ID_BYTES);
  for (const [at, id] of sorted.entries()) rows.set(eventIdBytes(id), at * EVENT_ID_BYTES);
  return rows;
}

export function rowCount(rows: IdRows): number {
  return rows.length / EVENT_ID_BYTES;
}

/**
 * Where an id stands among all, as a whole number that ascends with them: its time and the first bits of its routing
 * hash. Ids of one rank stay in one page.
 */
export function rankAt(rows: IdRows, row: number): number {
  const at = row * EVENT_ID_BYTES;
  const time = readNumber(rows, at, TIME_BYTES) % 2 ** 42;
  return time * 2 ** RANK_HASH_BITS + (readNumber(rows, at + TIME_BYTES, 2) >>> (16 - RANK_HASH_BITS));
}

/** Packs ascending rows; at least one. */
export function packPage(rows: IdRows): IdPage {
  const { width, earliest, isShared } = shapeOf(rows);
  const count = rowCount(rows);
  const recordBytes = width + (isShared ? 0 : HASH_BYTES) + RANDOM_BYTES;
  const headBytes = 1 + TIME_BYTES + (isShared ? HASH_BYTES : 0);
  const page = new Uint8Array(headBytes + count * recordBytes);
  page[0] = width + (isShared ? SHARED : 0);
  writeNumber(page, 1, { value: earliest, bytes: TIME_BYTES });
  if (isShared) page.set(rows.subarray(TIME_BYTES, HASH_END), 1 + TIME_BYTES);
  for (let row = 0, at = headBytes; row < count; row++, at += recordBytes) {
    writeRecord(page, at, { rows, row, width, earliest, isShared });
  }
  return page;
}

/** The rows of a page. O(ids). */
export function unpackPage(page: IdPage): IdRows {
  const { width, earliest, sharedAt, recordsAt, recordBytes } = layoutOf(page);
  const count = (page.length - recordsAt) / recordBytes;
  const rows = new Uint8Array(count * EVENT_ID_BYTES);
  const ownAt = sharedAt === null ? TIME_BYTES : HASH_END;
  for (let row = 0; row < count; row++) {
    const from = recordsAt + row * recordBytes;
    const to = row * EVENT_ID_BYTES;
    writeNumber(rows, to, { value: earliest + readNumber(page, from, width), bytes: TIME_BYTES });
    if (sharedAt !== null) copy(page, sharedAt, { to: rows, at: to + TIME_BYTES, bytes: HASH_BYTES });
    copy(page, from + width, { to: rows, at: to + ownAt, bytes: EVENT_ID_BYTES - ownAt });
  }
  return rows;
}

/** Whether a page holds the id that is a row of `rows`. O(log ids). */
export function pageHas(page: IdPage, rows: IdRows, row: number): boolean {
  const { width, earliest, sharedAt, recordsAt, recordBytes } = layoutOf(page);
  const id = rows.subarray(row * EVENT_ID_BYTES, (row + 1) * EVENT_ID_BYTES);
  const since = readNumber(id, 0, TIME_BYTES) - earliest;
  if (since < 0 || since >= 256 ** width) return false;
  const isShared = sharedAt !== null;
  if (isShared && compare(id, TIME_BYTES, { other: page, at: sharedAt, bytes: HASH_BYTES }) !== 0) return false;
  const asked = new Uint8Array(recordBytes);
  writeRecord(asked, 0, { rows: id, row: 0, width, earliest, isShared });
  let [low, high] = [0, (page.length - recordsAt) / recordBytes];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compare(asked, 0, { other: page, at: recordsAt + middle * recordBytes, bytes: recordBytes });
    if (order === 0) return true;
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return false;
}

/** Both, ascending, each id once. Looks at each id of `added`, and at few of `held`. */
export function mergeRows(held: IdRows, added: IdRows): IdRows {
  const merged = new Uint8Array(held.length + added.length);
  let [from, to] = [0, 0];
  for (let row = 0; row < rowCount(added); row++) {
    const at = row * EVENT_ID_BYTES;
    const place = placeOf(added, at, held, from / EVENT_ID_BYTES);
    merged.set(held.subarray(from, place), to);
    to += place - from;
    from = place;
    const isHeld = from < held.length && compare(added, at, { other: held, at: from, bytes: EVENT_ID_BYTES }) === 0;
    if (isHeld) continue;
    copy(added, at, { to: merged, at: to, bytes: EVENT_ID_BYTES });
    to += EVENT_ID_BYTES;
  }
  merged.set(held.subarray(from), to);
  return merged.slice(0, to + held.length - from);
}

/** Where the first row from `fromRow` on stands that is not before the id at `at`. */
function placeOf(ids: IdRows, at: number, rows: IdRows, fromRow: number): number {
  let [low, high] = [fromRow, rowCount(rows)];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compare(ids, at, { other: rows, at: middle * EVENT_ID_BYTES, bytes: EVENT_ID_BYTES });
    if (order <= 0) high = middle;
    else low = middle + 1;
  }
  return low * EVENT_ID_BYTES;
}

/**
 * Cuts rows into parts that pack into pages of `bytesMax`: full ones and a rest where ids go on ascending
 * (`isLast`), else equal ones. Parts are cut between ranks, so many ids of one rank make a page that is longer.
 */
export function cutRows(rows: IdRows, { bytesMax, isLast }: { bytesMax: number; isLast: boolean }): IdRows[] {
  const { width, isShared } = shapeOf(rows);
  const count = rowCount(rows);
  const perPage = Math.floor((bytesMax - HEAD_BYTES_MAX) / (width + (isShared ? 0 : HASH_BYTES) + RANDOM_BYTES));
  assert(perPage > 0, "a page holds an id");
  const each = isLast ? perPage : Math.ceil(count / Math.ceil(count / perPage));
  const parts: IdRows[] = [];
  for (let from = 0, to = 0; from < count; from = to) {
    to = Math.min(count, from + each);
    while (to < count && rankAt(rows, to) === rankAt(rows, to - 1)) to++;
    parts.push(rows.slice(from * EVENT_ID_BYTES, to * EVENT_ID_BYTES));
  }
  return parts;
}

/** What a page of these rows needs: bytes of a time, and whether one routing hash stands for all. */
function shapeOf(rows: IdRows): { width: number; earliest: number; isShared: boolean } {
  assert(rows.length > 0, "a page holds an id");
  const earliest = readNumber(rows, 0, TIME_BYTES);
  const span = readNumber(rows, rows.length - EVENT_ID_BYTES, TIME_BYTES) - earliest;
  let width = 1;
  while (span >= 256 ** width) width++;
  let isShared = true;
  for (let at = EVENT_ID_BYTES; isShared && at < rows.length; at += EVENT_ID_BYTES) {
    isShared = compare(rows, at + TIME_BYTES, { other: rows, at: TIME_BYTES, bytes: HASH_BYTES }) === 0;
  }
  return { width, earliest, isShared };
}

function layoutOf(page: IdPage): Layout {
  const head = page[0] ?? 0;
  const width = head % SHARED;
  const isShared = head >= SHARED;
  const sharedAt = isShared ? 1 + TIME_BYTES : null;
  const recordsAt = 1 + TIME_BYTES + (isShared ? HASH_BYTES : 0);
  const recordBytes = width + (isShared ? 0 : HASH_BYTES) + RANDOM_BYTES;
  return { width, earliest: readNumber(page, 1, TIME_BYTES), sharedAt, recordsAt, recordBytes };
}

function writeRecord(
  to: Uint8Array,
  at: number,
  {
    rows,
    row,
    width,
    earliest,
    isShared,
  }: { rows: IdRows; row: number; width: number; earliest: number; isShared: boolean },
): void {
  const from = row * EVENT_ID_BYTES;
  writeNumber(to, at, { value: readNumber(rows, from, TIME_BYTES) - earliest, bytes: width });
  const ownAt = isShared ? HASH_END : TIME_BYTES;
  copy(rows, from + ownAt, { to, at: at + width, bytes: EVENT_ID_BYTES - ownAt });
}

function compare(
  one: Uint8Array,
  from: number,
  { other, at, bytes }: { other: Uint8Array; at: number; bytes: number },
): number {
  for (let byte = 0; byte < bytes; byte++) {
    const difference = (one[from + byte] ?? 0) - (other[at + byte] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Byte by byte: for a few bytes that is faster than a view and `set`. */
function copy(from: Uint8Array, start: number, { to, at, bytes }: { to: Uint8Array; at: number; bytes: number }): void {
  for (let byte = 0; byte < bytes; byte++) to[at + byte] = from[start + byte] ?? 0;
}

function readNumber(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let byte = 0; byte < count; byte++) value = value * 256 + (bytes[at + byte] ?? 0);
  return value;
}

function writeNumber(to: Uint8Array, at: number, { value, bytes }: { value: number; bytes: number }): void {
  let high = Math.floor(value / 2 ** 24);
  let low = value % 2 ** 24;
  for (let byte = bytes - 1; byte >= 0; byte--) {
    to[at + byte] = low & 0xff;
    low >>= 8;
    if (byte === bytes - 3) [low, high] = [high, 0];
  }
}
