/**
 * Keyed hashes of the client's address, and of address and agent together: tell one client from another within a day,
 * and nothing after that.
 *
 *   salts/v1/dt=2026-04-20   32 random bytes in R2, put if absent by whichever isolate is first, deleted after two days
 *
 * Keeps: the address itself is never stored or logged. R2 is used because a deleted object is gone; a database keeps
 * history. Without a salt in time, or under `Sec-GPC: 1` (the caller's decision), there is no hash. Runs after the
 * response, never before it.
 */
import { encodeBase64url } from "../core/base64url.ts";
import { KeyedHash } from "../core/keyed-hash.ts";
import { DAY_MS, SALT_DAYS } from "../core/limits.ts";
import { dayOf, isoDay } from "../core/time.ts";
import { logFault } from "../log.ts";
import { PLATFORM_TIMING, within } from "../queue/timing.ts";

export const SALT_PREFIX = "salts/v1/";
/** Counting does not wait longer than this for a salt. */
const SALT_TIMEOUT_MS = 1_000;
const SALT_BYTES = 32;
const HASH_BYTES = 12;

export function saltKey(day: string): string {
  return `${SALT_PREFIX}dt=${day}`;
}

export type ClientHashes = {
  readonly ipHash: string | null;
  /** Of address and agent: one browser of one address. */
  readonly userHash: string | null;
};

const NO_HASHES: ClientHashes = { ipHash: null, userHash: null };

export class AddressHasher {
  readonly #bucket: R2Bucket;
  #current: { readonly day: number; readonly keyed: KeyedHash | null } | null = null;

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  /** True when the salt of that day was asked for; `load` it otherwise. */
  isLoaded(atMs: number): boolean {
    return this.#current?.day === dayOf(atMs);
  }

  /** Reads or makes the salt of that day. Never rejects; without a salt there is no hash until the next day. */
  async load(atMs: number): Promise<void> {
    // Two requests may both read the salt at first; they read the same one.
    this.#current = { day: dayOf(atMs), keyed: await this.#keyedHash(isoDay(atMs)) };
  }

  /**
   * 16 characters each, the same for one client all day at every edge; null when no salt could be had, or no address is
   * known. Synchronous, so that most requests have nothing to wait for after their response.
   */
  hash({ address, agent }: { address: string; agent: string }, atMs: number): ClientHashes {
    if (address === "" || this.#current?.day !== dayOf(atMs) || this.#current.keyed === null) return NO_HASHES;
    const { keyed } = this.#current;
    const digest = (text: string) => encodeBase64url(keyed.digest(text).subarray(0, HASH_BYTES));
    // No address holds a line end, so no address is another's address and agent.
    return { ipHash: digest(address), userHash: digest(`${address}\n${agent}`) };
  }

  async #keyedHash(day: string): Promise<KeyedHash | null> {
    try {
      const salt = await within(PLATFORM_TIMING, SALT_TIMEOUT_MS, this.#dailySalt(day));
      return new KeyedHash(new Uint8Array(salt));
    } catch (fault) {
      logFault("address_hash_failed", fault);
      return null;
    }
  }

  async #dailySalt(day: string): Promise<ArrayBuffer> {
    const key = saltKey(day);
    const existing = await this.#bucket.get(key);
    return existing === null ? this.#createSalt(key) : existing.arrayBuffer();
  }

  /** Puts a new salt unless another edge was first, and returns the one that counts. */
  async #createSalt(key: string): Promise<ArrayBuffer> {
    const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
    const stored = await this.#bucket.put(key, salt, { onlyIf: { etagDoesNotMatch: "*" } });
    if (stored !== null) return salt.buffer;
    const winner = await this.#bucket.get(key);
    if (winner === null) throw new Error("the daily salt vanished");
    return winner.arrayBuffer();
  }
}

/** Deletes salts older than yesterday's. */
export async function destroyOldSalts(bucket: R2Bucket, nowMs: number): Promise<void> {
  const { objects } = await bucket.list({ prefix: SALT_PREFIX });
  const kept = new Set(Array.from({ length: SALT_DAYS }, (_, age) => saltKey(isoDay(nowMs - age * DAY_MS))));
  const old = objects.map(({ key }) => key).filter((key) => !kept.has(key));
  if (old.length > 0) await bucket.delete(old);
}
