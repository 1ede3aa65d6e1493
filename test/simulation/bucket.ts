/**
 * The parts of R2 that queue, spool and topology use, in memory and over the unreliable network.
 *
 * Keeps: a put or delete is atomic and the next read sees it; conditions on the etag hold at the instant of writing.
 */
import type { FaultKind } from "./faults.ts";
import type { Network } from "./network.ts";
import type { Scheduler } from "./scheduler.ts";

type Stored = { readonly text: string; readonly etag: string; readonly uploaded: Date };
type Condition = { readonly etagDoesNotMatch?: string; readonly etagMatches?: string };

const KIND: FaultKind = "r2";

export class MemoryBucket {
  readonly objects = new Map<string, Stored>();
  readonly #network: Network;
  readonly #scheduler: Scheduler;
  #writes = 0;

  constructor(network: Network, scheduler: Scheduler) {
    this.#network = network;
    this.#scheduler = scheduler;
  }

  /** The bucket as the code under test knows it, for a caller that may die. */
  bound(isCallerAlive: () => boolean): R2Bucket {
    const call = <T>(label: string, apply: () => T): Promise<T> =>
      this.#network.call({ kind: KIND, service: "r2", label, latencyMs: 40, apply, isCallerAlive });
    const view = {
      get: (key: string) => call("get", () => this.#read(key)),
      put: (key: string, text: string, options: { onlyIf?: Condition } = {}) =>
        call("put", () => this.#write(key, text, options.onlyIf)),
      delete: (key: string) => call("delete", () => void this.objects.delete(key)),
      list: (options: { prefix: string; startAfter?: string; limit?: number }) =>
        call("list", () => this.#list(options)),
    };
    return view as unknown as R2Bucket;
  }

  keysUnder(prefix: string): string[] {
    return Array.from(this.objects.keys())
      .filter((key) => key.startsWith(prefix))
      .sort();
  }

  #read(key: string) {
    const stored = this.objects.get(key);
    return stored === undefined ? null : { etag: stored.etag, text: async () => stored.text };
  }

  #write(key: string, text: string, onlyIf?: Condition) {
    const existing = this.objects.get(key);
    if (onlyIf?.etagDoesNotMatch === "*" && existing !== undefined) return null;
    if (onlyIf?.etagMatches !== undefined && existing?.etag !== onlyIf.etagMatches) return null;
    const stored = { text, etag: String(++this.#writes), uploaded: new Date(this.#scheduler.nowMs) };
    this.objects.set(key, stored);
    return stored;
  }

  #list({ prefix, startAfter = "", limit }: { prefix: string; startAfter?: string; limit?: number }) {
    const keys = this.keysUnder(prefix).filter((key) => key > startAfter);
    return { objects: keys.slice(0, limit).map((key) => ({ key, uploaded: this.objects.get(key)?.uploaded })) };
  }
}
