/**
 * Keyed hashes (SipHash) of the client's address, and of address and agent together: tell one client from another
 * within a day, and nothing after that.
 *
 *   salts/v1/dt=2026-04-20   16 random bytes in R2, put if absent by whichever isolate is first, deleted after two days
 *
 * Keeps: the address itself is never stored or logged, and of an IPv6 address only its network is hashed
 * (core/client-address.ts). R2 is used because a deleted object is gone; a database keeps history. Without a salt in
 * time, or under `Sec-GPC: 1` (the caller's decision), there is no hash: counting does not wait for longer than a
 * second. A salt that could not be read is asked for again, after 1 s, 2 s, 4 s … up to a minute, and taken also when
 * it comes late, so that a slow moment costs the users of that moment and not those of the day. Runs after the
 * response, never before it.
 */
import { encodeBase64url } from "../core/base64url.ts";
import { clientOf } from "../core/client-address.ts";
import { DAY_MS, MINUTE_MS, SALT_DAYS, SECOND_MS } from "../core/limits.ts";
import { SipHash } from "../core/siphash.ts";
import { dayOf, isoDay } from "../core/time.ts";
import { logFault } from "../log.ts";
import { PLATFORM_TIMING, within } from "../timing.ts";

export const SALT_PREFIX = "salts/v1/";
/** Counting does not wait longer than this for a salt. */
const SALT_TIMEOUT_MS = SECOND_MS;
/** After a failure; twice as long after each further one. */
const RETRY_MS = SECOND_MS;
const RETRY_MAX_MS = MINUTE_MS;
/** A key of SipHash: a salt that lives two days and then is nowhere needs no more (docs/decisions/0047). */
const SALT_BYTES = 16;
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

/** What an isolate knows of one day's salt. */
type DaySalt = { readonly day: number; keyed: SipHash | null; failures: number; retryAtMs: number };

export class AddressHasher {
  readonly #bucket: R2Bucket;
  /** Today's and yesterday's: requests of both are under way at midnight. */
  #current: DaySalt | null = null;
  #previous: DaySalt | null = null;

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  /** True when there is nothing to wait for: the salt of that day is known, or it is too soon to ask for it again. */
  isReady(atMs: number): boolean {
    const salt = this.#saltOf(dayOf(atMs));
    return salt !== null && (salt.keyed !== null || atMs < salt.retryAtMs);
  }

  /** Reads or makes the salt of that day. Never rejects; without a salt there is no hash until the next try. */
  async load(atMs: number): Promise<void> {
    const salt = this.#saltOf(dayOf(atMs)) ?? this.#begin(dayOf(atMs));
    // One request asks again; those beside it go on without a hash.
    if (salt.failures > 0) putOff(salt, atMs);
    // Two requests may both read the salt at first; they read the same one.
    const reading = this.#dailySalt(isoDay(atMs)).then((bytes) => {
      salt.keyed ??= new SipHash(new Uint8Array(bytes));
    });
    try {
      await within(PLATFORM_TIMING, SALT_TIMEOUT_MS, reading);
    } catch (fault) {
      logFault("address_hash_failed", fault);
      // Requests that asked at once failed at once: one failure.
      if (atMs >= salt.retryAtMs) putOff(salt, atMs);
    }
  }

  /**
   * 16 characters each, the same for one client all day at every edge; null when no salt could be had, or no address is
   * known. Synchronous, so that most requests have nothing to wait for after their response.
   */
  hash({ address, agent }: { address: string; agent: string }, atMs: number): ClientHashes {
    const keyed = this.#saltOf(dayOf(atMs))?.keyed;
    if (address === "" || keyed === undefined || keyed === null) return NO_HASHES;
    const client = clientOf(address);
    const digest = (text: string) => encodeBase64url(keyed.digest(text).subarray(0, HASH_BYTES));
    // No address holds a line end, so no address is another's address and agent.
    return { ipHash: digest(client), userHash: digest(`${client}\n${agent}`) };
  }

  #saltOf(day: number): DaySalt | null {
    if (this.#current?.day === day) return this.#current;
    return this.#previous?.day === day ? this.#previous : null;
  }

  #begin(day: number): DaySalt {
    this.#previous = this.#current;
    this.#current = { day, keyed: null, failures: 0, retryAtMs: 0 };
    return this.#current;
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

function putOff(salt: DaySalt, atMs: number): void {
  salt.retryAtMs = atMs + Math.min(RETRY_MS * 2 ** salt.failures, RETRY_MAX_MS);
  salt.failures++;
}

/** Deletes salts older than yesterday's. */
export async function destroyOldSalts(bucket: R2Bucket, nowMs: number): Promise<void> {
  const { objects } = await bucket.list({ prefix: SALT_PREFIX });
  const kept = new Set(Array.from({ length: SALT_DAYS }, (_, age) => saltKey(isoDay(nowMs - age * DAY_MS))));
  const old = objects.map(({ key }) => key).filter((key) => !kept.has(key));
  if (old.length > 0) await bucket.delete(old);
}
