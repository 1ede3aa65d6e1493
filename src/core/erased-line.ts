/**
 * A log line without its person: what an erasure puts in the place of a line, so that everything that was counted is
 * counted as before, and nobody is named any more.
 *
 *   {"v":1,"seq":7,"logged_at_ms":…,"erased":{"leaf":"<hex>","row":"<hex>","token":"<hex>","user":true,"seal":{…}},
 *    "verdict":…,…,"event":<TokenEvent>}
 *
 *   leaf    the line's hash in its hour's tree (hour-tree.ts); null of an impression, which is in none
 *   row     the digest of the row as it was logged (position.ts), which the chain goes on with
 *   token   SHA-256 of the token that was there, by which evidence names it
 *   user    whether the click was counted with a user
 *   seal    of the whole row as it stands now, every seal of it left out (seal.ts), with where it stands
 *
 * What stays of the event: id, times, method, count, country and device; of its token the ids, price and life, signed
 * anew (unnamed-token.ts). What goes: the user, what tells a browser or a place of it, the landing page, and whatever
 * else the token held.
 *
 * Keeps: an erased line is read, folded, audited and revised like any other. The same line is erased once: again is the
 * same. A row with an erased line is believed where a key of ours sealed it, every line of it: who edits one of them
 * edits what is sealed.
 * Relies on: texts of others stand in a line with their quotes escaped; `erased` is looked for behind the place alone.
 */
import { parseJson } from "./base64url.ts";
import { tokenHashOf } from "./evidence.ts";
import type { KeyRing } from "./key-ring.ts";
import { decodeLogLine, isTokenEntry, type LoggedEvent } from "./log-line.ts";
import { digestOfLines } from "./position.ts";
import { isSealed, type Seal, sealText } from "./seal.ts";
import { bareToken } from "./unnamed-token.ts";
import { userKeyOf } from "./user-key.ts";

const PLACE = '\\{"v":1,"seq":\\d+,"logged_at_ms":\\d+,';
const HEX = '"[0-9a-f]{64}"';
const SEAL = '(?:null|\\{"kid":"[\\w.-]+","mac":"[\\w-]+"\\})';
const MARK = `"erased":(\\{"leaf":(?:null|${HEX}),"row":${HEX},"token":${HEX},"user":(?:true|false),"seal":${SEAL}\\})`;
const ERASED = new RegExp(`^${PLACE}${MARK},`);
const ERASED_IN_ROW = new RegExp(`^${PLACE}${MARK},`, "m");
const SEALS = new RegExp(`^(${PLACE}"erased":\\{[^{}]*"seal":)${SEAL}\\}`, "gm");
/** What every erased line has, and no other; it is found before an expression is tried. */
const NEEDLE = ',"erased":{"leaf":';

export type ErasedMark = {
  readonly leaf: string | null;
  readonly row: string;
  readonly token: string;
  readonly user: boolean;
  readonly seal: Seal | null;
};

/** What an erased line says of the one that was there; null for a line as it was logged. */
export function erasedMark(line: string): ErasedMark | null {
  const [, mark] = line.includes(NEEDLE) ? (ERASED.exec(line) ?? []) : [];
  return mark === undefined ? null : (parseJson(mark) as ErasedMark);
}

/** The digest of a row as it was logged, where a line of it is erased; null for a row that is whole. */
export function erasedRowDigest(lines: string): string | null {
  const [, mark] = lines.includes(NEEDLE) ? (ERASED_IN_ROW.exec(lines) ?? []) : [];
  return mark === undefined ? null : (parseJson(mark) as ErasedMark).row;
}

/** SHA-256 of a row's lines as they were logged. */
export async function digestOfRow(lines: string): Promise<string> {
  return erasedRowDigest(lines) ?? digestOfLines(lines);
}

export type RowAt = { readonly source: string; readonly lines: string };
export type EraseRow = {
  readonly ring: KeyRing;
  readonly isWanted: (entry: LoggedEvent) => boolean;
  /** The hash that a line of the row has in its hour's tree, by its place in the row; null where there is no tree. */
  readonly leafOf: (line: string, at: number) => Promise<string | null>;
};

/** The row with the wanted lines erased, and how many they were; null where none is to be. */
export async function eraseInRow({ source, lines: text }: RowAt, by: EraseRow) {
  const { ring, isWanted, leafOf } = by;
  let row = erasedRowDigest(text);
  const lines = text.split("\n");
  let erased = 0;
  for (const [at, line] of lines.entries()) {
    if (erasedMark(line) !== null) continue;
    const entry = decodeLogLine(line);
    if (!isTokenEntry(entry) || !isWanted(entry)) continue;
    row ??= await digestOfLines(text);
    const mark = { leaf: await leafOf(line, at), row, token: tokenHashOf(entry.event.token), user: hadUser(entry) };
    lines[at] = await withMark(line, { ...mark, seal: null }, ring);
    erased++;
  }
  if (erased === 0) return null;
  const unsealed = withoutSeals(lines.join("\n"));
  const seal = JSON.stringify(await sealText(ring, sealedText(source, unsealed)));
  const sealed = unsealed.replace(SEALS, (_, head: string) => `${head}${seal}}`);
  return { lines: sealed, erased };
}

/** Whether a row with erased lines is, to the letter, what a key of ours sealed in that log. */
export async function isErasedRowSealed({ source, lines }: RowAt, ring: KeyRing): Promise<boolean> {
  const marks = lines.split("\n").flatMap((line) => erasedMark(line) ?? []);
  const unsealed = sealedText(source, withoutSeals(lines));
  const [first] = marks;
  if (first === undefined || !marks.every(({ row }) => row === first.row)) return false;
  const keys = { ...ring, keys: new Map([...ring.retired, ...ring.keys]) };
  for (const { seal } of marks) if (seal === null || !(await isSealed(keys, unsealed, seal))) return false;
  return true;
}

const sealedText = (source: string, unsealed: string) => `erased\n${source}\n${unsealed}`;

function withoutSeals(lines: string): string {
  return lines.replace(SEALS, (_, head: string) => `${head}null}`);
}

function hadUser(entry: LoggedEvent): boolean {
  return userKeyOf(entry) !== null;
}

async function withMark(line: string, erased: ErasedMark, ring: KeyRing): Promise<string> {
  const { v, seq, logged_at_ms, event, ...rest } = parseJson(line) as Record<string, object>;
  return JSON.stringify({ v, seq, logged_at_ms, erased, ...rest, event: await bareEvent(event as WireEvent, ring) });
}

export type WireEvent = Readonly<Record<string, unknown>> & { readonly token: string };

/** An event as it is on the wire, without its person. */
export async function bareEvent(event: WireEvent, ring: KeyRing): Promise<WireEvent> {
  return {
    ...event,
    token: await bareToken(event.token, ring),
    ...{ region: null, colo: null, asn: null, ip_hash: null, user_hash: null, user_agent: "", hints: {} },
    referrer_host: null,
  };
}
