/**
 * Erasing one object: a segment of the log, click lines of an audit, tokens of evidence. Each is replaced by the same
 * without the subject's person, under its own key, where it still is as it was read.
 *
 * Keeps: idempotent: what is erased is passed over. An object that somebody else replaced or deleted meanwhile is left,
 * and the next pass looks at it again. Nothing that is counted, hashed into a tree or chained changes
 * (core/erased-line.ts). Memory: one object.
 */
import { bytesToHex } from "@noble/hashes/utils.js";
import { sourceOf } from "../archive/archive.ts";
import { rowsOf } from "../archive/log-text.ts";
import { gzip } from "../archive/r2-archive.ts";
import type { StoredSegment } from "../archive/segments.ts";
import { packClickLines, readClickLines } from "../audit/click-lines.ts";
import { nonceSecretOf } from "../audit/hour-lines.ts";
import { decodeClaims } from "../core/claims.ts";
import { eraseInRow } from "../core/erased-line.ts";
import { tokenHashOf } from "../core/evidence.ts";
import { hashLines, lineNonces, NONCE_BYTES } from "../core/hour-tree.ts";
import type { KeyRing } from "../core/key-ring.ts";
import type { LoggedEvent } from "../core/log-line.ts";
import { decodeTokens, encodeTokens } from "../evidence/parquet.ts";
import type { Subject } from "./order.ts";

/** Of whole bytes, as `atob` wants it. */
const CLAIMS = /^(?:[\w-]{4})*(?:[\w-]{2,3})?$/;

export type ErasePorts = { readonly bucket: R2Bucket; readonly ring: KeyRing };

/** Whether an event is the subject's. Of a token nothing is believed but what it says of itself. */
export function isOf(subject: Subject, { event, claims }: Pick<LoggedEvent, "event" | "claims">): boolean {
  if (claims.adv !== subject.advertiserId) return false;
  return "uid" in subject ? claims.uid === subject.uid : event.id === subject.eventId;
}

/** The same of an event's id and token alone. */
function isTokenOf(subject: Subject, { event, token }: { readonly event: string; readonly token: string }): boolean {
  if (token === "") return false;
  if ("eventId" in subject) return event === subject.eventId;
  const claims = decodeClaims(token);
  return claims.ok && claims.value.uid === subject.uid && claims.value.adv === subject.advertiserId;
}

/** Erases lines of a segment; resolves to how many. */
export async function eraseSegment(
  ports: ErasePorts,
  subject: Subject,
  { key, owner }: StoredSegment,
): Promise<number> {
  const { bucket, ring } = ports;
  const object = await bucket.get(key);
  if (object === null) return 0;
  const text = await unzip(await object.arrayBuffer());
  // Of one click the id stands in the line.
  if ("eventId" in subject && !text.includes(subject.eventId)) return 0;
  const rows = rowsOf(text);
  const isNamed = (lines: string) => "eventId" in subject || mayName(lines, subject.uid);
  if (!rows.some((row) => isNamed(row.lines()))) return 0;
  const source = sourceOf(owner);
  const hasTree = owner.shard.startsWith("clicks-");
  let [erased, before] = [0, 0];
  const left: { readonly lines: () => string }[] = [];
  const count = rows.reduce((sum, row) => sum + row.lines().split("\n").length, 0);
  const nonces = hasTree ? await noncesOf(bucket, { source, firstRow: rows[0]?.seq ?? 0, lines: count }) : null;
  for (const row of rows) {
    const lines = row.lines();
    const first = before;
    before += lines.split("\n").length;
    if (!isNamed(lines)) {
      left.push(row);
      continue;
    }
    const leafOf = async (line: string, at: number) => {
      if (nonces === null) return null;
      const nonce = nonces.subarray((first + at) * NONCE_BYTES, (first + at + 1) * NONCE_BYTES);
      return bytesToHex(await hashLines([line], nonce));
    };
    const now = await eraseInRow({ source, lines }, { ring, isWanted: (entry) => isOf(subject, entry), leafOf });
    erased += now?.erased ?? 0;
    left.push(now === null ? row : { lines: () => now.lines });
  }
  return erased > 0 && (await replace(bucket, object, await gzip(left))) ? erased : 0;
}

/** Where a token begins in a line; whatever else stands there has its quotes escaped. */
const TOKEN = '"token":"';

/**
 * Whether a token in these lines may be of that user: sooner told than by opening each, and never "no" of one that is.
 * Relies on: a `uid` is of letters that JSON has as they are, or by their number (claims.ts).
 */
function mayName(lines: string, uid: string): boolean {
  for (let at = lines.indexOf(TOKEN); at !== -1; at = lines.indexOf(TOKEN, at + TOKEN.length)) {
    const begin = lines.indexOf(".", at) + 1;
    const claims = lines.slice(begin, lines.indexOf(".", begin));
    // An erased line says what its token was by a hash, behind which comes its event, with a dot or none.
    if (!CLAIMS.test(claims)) continue;
    const bytes = atob(claims.replaceAll("-", "+").replaceAll("_", "/"));
    if (bytes.includes(uid) || bytes.includes("\\u")) return true;
  }
  return false;
}

async function unzip(bytes: ArrayBuffer): Promise<string> {
  return new Response(new Response(bytes).body?.pipeThrough(new DecompressionStream("gzip"))).text();
}

async function noncesOf(bucket: R2Bucket, of: { source: string; firstRow: number; lines: number }) {
  return lineNonces(await nonceSecretOf(bucket), of);
}

/** Erases tokens of the lines that evidence is made of; resolves to how many. */
export async function eraseClickLines({ bucket }: ErasePorts, subject: Subject, key: string): Promise<number> {
  const object = await bucket.head(key);
  if (object === null) return 0;
  const lines = await readClickLines(bucket, key);
  let erased = 0;
  const left = lines.map((line) => {
    if (line.advertiserId !== subject.advertiserId || !isTokenOf(subject, line)) return line;
    erased++;
    return { ...line, token: "", tokenHash: tokenHashOf(line.token) };
  });
  return erased > 0 && (await replace(bucket, object, packClickLines(left))) ? erased : 0;
}

/** Erases tokens of an advertiser's evidence; its rows commit to them by their hashes. Resolves to how many. */
export async function eraseTokens({ bucket }: ErasePorts, subject: Subject, key: string): Promise<number> {
  const object = await bucket.get(key);
  if (object === null) return 0;
  const rows = await decodeTokens(await object.arrayBuffer());
  const left = rows.map((row) => (isTokenOf(subject, row) ? { ...row, token: "" } : row));
  const erased = left.filter((row, at) => row !== rows[at]).length;
  return erased > 0 && (await replace(bucket, object, encodeTokens(left))) ? erased : 0;
}

/** Replaces an object where it still is as it was read. */
export async function replace(bucket: R2Bucket, read: R2Object, body: ArrayBuffer | Uint8Array): Promise<boolean> {
  const { key, etag, httpMetadata, customMetadata } = read;
  const metadata = {
    ...(httpMetadata === undefined ? {} : { httpMetadata }),
    ...(customMetadata === undefined ? {} : { customMetadata }),
  };
  return (await bucket.put(key, body, { ...metadata, onlyIf: { etagMatches: etag } })) !== null;
}
