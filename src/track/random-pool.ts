/**
 * Random bytes for event ids, drawn from the platform a page at a time, which spares every click a call before its
 * redirect.
 *
 * Keeps: no byte is handed out twice. The bytes make ids differ; nothing secret rests on them.
 */
import { EVENT_ID_RANDOM_BYTES } from "../core/event-id.ts";

const PAGE_BYTES = 512 * EVENT_ID_RANDOM_BYTES;

export class RandomPool {
  #page = new Uint8Array(0);
  #at = 0;

  /** The next 8 bytes. */
  next(): Uint8Array {
    if (this.#at === this.#page.length) {
      this.#page = crypto.getRandomValues(new Uint8Array(PAGE_BYTES));
      this.#at = 0;
    }
    this.#at += EVENT_ID_RANDOM_BYTES;
    return this.#page.subarray(this.#at - EVENT_ID_RANDOM_BYTES, this.#at);
  }
}
