/**
 * Finds out whether a record of 24 bytes comes twice, however many there are: what does not fit into memory waits on
 * disk in 256 parts, each of which does.
 */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const RECORD_BYTES = 24;
const BUCKETS = 256;
/** Of an impression and of a click one that differs from the next. */
const BUCKET_BYTE = 15;
const MEMORY_MAX_BYTES = 2_000_000 * RECORD_BYTES;
const MEMORY_FIRST_BYTES = 1_000 * RECORD_BYTES;

export class Spill {
  #maxBytes;
  #page;
  #length = 0;
  /** @type {string | null} */
  #folder = null;

  /** @param {number} [maxBytes] what is in memory at most */
  constructor(maxBytes = MEMORY_MAX_BYTES) {
    this.#maxBytes = Math.max(RECORD_BYTES, maxBytes - (maxBytes % RECORD_BYTES));
    this.#page = Buffer.alloc(Math.min(this.#maxBytes, MEMORY_FIRST_BYTES));
  }

  /**
   * @param {string} text
   * @param {"hex" | "latin1"} encoding of at most 24 bytes
   */
  add(text, encoding) {
    if (this.#length === this.#page.length) this.#makeRoom();
    this.#page.fill(0, this.#length, this.#length + RECORD_BYTES);
    this.#page.write(text, this.#length, RECORD_BYTES, encoding);
    this.#length += RECORD_BYTES;
  }

  #makeRoom() {
    if (this.#page.length < this.#maxBytes) {
      const page = Buffer.alloc(Math.min(this.#maxBytes, 2 * this.#page.length));
      this.#page.copy(page);
      this.#page = page;
      return;
    }
    this.#folder ??= mkdtempSync(join(tmpdir(), "clickledger-verify-"));
    for (const [bucket, records] of this.#buckets().entries()) {
      appendFileSync(join(this.#folder, String(bucket)), records);
    }
    this.#length = 0;
  }

  /** What is in memory, by bucket. */
  #buckets() {
    const sizes = new Uint32Array(BUCKETS);
    const bucketAt = (/** @type {number} */ at) => /** @type {number} */ (this.#page[at + BUCKET_BYTE]);
    for (let at = 0; at < this.#length; at += RECORD_BYTES) {
      sizes[bucketAt(at)] = /** @type {number} */ (sizes[bucketAt(at)]) + RECORD_BYTES;
    }
    const buckets = Array.from(sizes, (size) => Buffer.alloc(size));
    sizes.fill(0);
    for (let at = 0; at < this.#length; at += RECORD_BYTES) {
      const bucket = bucketAt(at);
      const filled = /** @type {number} */ (sizes[bucket]);
      this.#page.copy(/** @type {Buffer} */ (buckets[bucket]), filled, at, at + RECORD_BYTES);
      sizes[bucket] = filled + RECORD_BYTES;
    }
    return buckets;
  }

  /**
   * The first record found that came more than once, or null; nothing is left on disk.
   * @param {"hex" | "latin1"} encoding
   */
  finish(encoding) {
    let repeated = null;
    for (const [bucket, records] of this.#buckets().entries()) {
      const path = this.#folder === null ? null : join(this.#folder, String(bucket));
      const all = path !== null && existsSync(path) ? Buffer.concat([readFileSync(path), records]) : records;
      const seen = new Set();
      for (let at = 0; at < all.length && repeated === null; at += RECORD_BYTES) {
        const record = all.toString("latin1", at, at + RECORD_BYTES);
        if (seen.has(record)) repeated = all.subarray(at, at + RECORD_BYTES);
        seen.add(record);
      }
    }
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true });
    return repeated === null ? null : repeated.toString(encoding);
  }
}
