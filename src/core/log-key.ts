/**
 * The keys that sign a log: as they are configured, and how a new one is introduced by those before it.
 *
 *   EVIDENCE_LOG_KEYS = [{"name":"ads.example/evidence","seed":"<base64url, 32 bytes>"}, …]      the newest first
 *
 *   clickledger-log-key v1                          a statement: a note that the keys so far sign, and the new one
 *   <origin>
 *   <vkey of the new key>
 *   since <instant>
 *
 * Keeps: all keys of a log have its origin as their name. A statement is never a checkpoint: its second line is no
 * size. Who trusts one key of the list trusts what that key introduced, and so on; what nobody introduced is no key.
 */
import { decodeBase64url } from "./base64url.ts";
import { err, ok, type Result } from "./result.ts";
import { formatVerifierKey, isKeyName, openNote, parseVerifierKey, type VerifierKey } from "./signed-note.ts";

export type LogKeys = { readonly origin: string; readonly seeds: readonly Uint8Array[] };

/** A key as the log serves it, in the order in which keys came; the first has no statement. */
export type LogKey = { readonly vkey: string; readonly since: string; readonly statement: string | null };

export const LOG_SEED_BYTES = 32;
const MARK = "clickledger-log-key v1";

/** The configured keys, null for none, or what is wrong with them. */
export function parseLogKeys(value: unknown): Result<LogKeys | null, string> {
  if (!Array.isArray(value)) return err("must be a JSON list of keys, the newest first; [] keeps no evidence log");
  const seeds: Uint8Array[] = [];
  const names = new Set<unknown>();
  for (const entry of value as unknown[]) {
    const { name, seed, ...more } = (typeof entry === "object" && entry !== null ? entry : {}) as Record<
      string,
      unknown
    >;
    if (Object.keys(more).length > 0) return err("has a key with another member than name and seed");
    if (typeof name !== "string" || !isKeyName(name)) return err("has a key whose name is empty, or has a space or +");
    const bytes = typeof seed === "string" ? decodeBase64url(seed) : null;
    if (bytes?.length !== LOG_SEED_BYTES) {
      const make = "openssl rand -base64 32 | tr +/ -_ | tr -d =";
      return err(`has a key whose seed is not base64url of ${LOG_SEED_BYTES} bytes: ${make}`);
    }
    if (seeds.some((known) => known.every((byte, at) => byte === bytes[at]))) return err("has the same seed twice");
    names.add(name);
    seeds.push(bytes);
  }
  if (names.size > 1) return err("has keys of several names; the name is the log's origin, which never changes");
  const [origin] = names as Set<string>;
  return ok(origin === undefined ? null : { origin, seeds });
}

/** The text by which keys introduce another. */
export function encodeKeyStatement(origin: string, key: VerifierKey, since: string): string {
  return `${MARK}\n${origin}\n${formatVerifierKey(key)}\nsince ${since}\n`;
}

/**
 * The keys of `origin` that follow from trusted ones by the statements of a list, in its order, behind those that are
 * trusted already. What is out of order, of another origin or signed by nobody known introduces nothing.
 */
export async function followKeys(
  list: readonly LogKey[],
  { origin, trusted }: { readonly origin: string; readonly trusted: readonly VerifierKey[] },
): Promise<readonly VerifierKey[]> {
  const keys = [...trusted];
  const isKnown = (vkey: string) => keys.some((key) => formatVerifierKey(key) === vkey);
  for (const { vkey, since, statement } of list) {
    const key = parseVerifierKey(vkey);
    if (key === null || key.name !== origin || statement === null || isKnown(vkey)) continue;
    const opened = await openNote(statement, keys);
    if (opened.ok && opened.value.text === encodeKeyStatement(origin, key, since)) keys.push(key);
  }
  return keys;
}
