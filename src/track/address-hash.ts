/**
 * A keyed hash of the client's address: tells repeats of one client within a day apart, and nothing after that.
 *
 *   salts/v1/dt=2026-04-20   32 random bytes in R2, put if absent by whichever isolate is first, deleted after two days
 *
 * Keeps: the address itself is never stored or logged. R2 is used because a deleted object is gone; a database keeps
 * history. Without a salt in time, or under `Sec-GPC: 1` (the caller's decision), there is no hash. Runs after the
 * response, never before it.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeBase64url, encodeUtf8 } from "../core/base64url.ts";
import { DAY_MS } from "../core/limits.ts";
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

/** HMAC-SHA-256 with a key already mixed in, to be cloned for every message. */
type KeyedHash = ReturnType<typeof hmac.create>;

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
   * 16 characters, the same for one address all day at every edge; null when no salt could be had. Synchronous,
   * so that most requests have nothing to wait for after their response.
   */
  hash(address: string, atMs: number): string | null {
    if (this.#current?.day !== dayOf(atMs) || this.#current.keyed === null) return null;
    const digest = this.#current.keyed.clone().update(encodeUtf8(address)).digest();
    return encodeBase64url(digest.subarray(0, HASH_BYTES));
  }

  async #keyedHash(day: string): Promise<KeyedHash | null> {
    try {
      const salt = await within(PLATFORM_TIMING, SALT_TIMEOUT_MS, this.#dailySalt(day));
      return hmac.create(sha256, new Uint8Array(salt));
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
  const kept = new Set([saltKey(isoDay(nowMs)), saltKey(isoDay(nowMs - DAY_MS))]);
  const old = objects.map(({ key }) => key).filter((key) => !kept.has(key));
  if (old.length > 0) await bucket.delete(old);
}
