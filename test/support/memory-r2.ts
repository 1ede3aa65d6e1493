/**
 * The parts of R2 that the evidence log uses, in memory: bytes, etags, conditions, lists by prefix, and a count of what
 * is asked by the class in which it is billed.
 *
 * Keeps: a write is atomic and the next read sees it; a condition holds at the instant of writing. `beforeWrite` may
 * throw, and then nothing was written.
 */
type Metadata = Readonly<Record<string, string>>;
type Stored = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly etag: string;
  readonly customMetadata?: Metadata;
};
type Value = string | Uint8Array | ArrayBuffer | Blob;
type Condition = { readonly etagDoesNotMatch?: string; readonly etagMatches?: string };

type Range = { readonly offset: number; readonly length?: number };

type ListOptions = {
  readonly prefix: string;
  readonly cursor?: string;
  readonly startAfter?: string;
  readonly limit?: number;
  readonly delimiter?: string;
};

const LIST_MAX = 1_000;
/** When everything was put, as lists say it. */
const UPLOADED = new Date("2026-04-20T12:00:00Z");

export class MemoryR2 {
  readonly objects = new Map<string, Stored>();
  readonly asked = { writes: 0, lists: 0, reads: 0, deletes: 0 };
  /** Called with the key of each object that is about to be written or deleted. */
  beforeWrite: (key: string) => void = () => {};
  #etags = 0;

  /** As the code under test knows it; each call lets others have their turn. */
  readonly bucket = {
    get: async (key: string, { range }: { range?: Range } = {}) => this.#read(key, range),
    head: async (key: string) => this.#read(key),
    put: async (
      key: string,
      value: Value,
      { onlyIf, customMetadata }: { onlyIf?: Condition; customMetadata?: Metadata } = {},
    ) => {
      const body = value instanceof Blob ? await value.arrayBuffer() : value;
      return this.#write(key, body instanceof ArrayBuffer ? new Uint8Array(body) : body, { onlyIf, customMetadata });
    },
    delete: async (keys: string | readonly string[]) => this.#delete([keys].flat()),
    list: async (options: ListOptions) => this.#list(options),
  } as unknown as R2Bucket;

  text(key: string): string | null {
    const stored = this.objects.get(key);
    return stored === undefined ? null : new TextDecoder().decode(stored.bytes);
  }

  keys(prefix = ""): string[] {
    return Array.from(this.objects.keys())
      .filter((key) => key.startsWith(prefix))
      .sort();
  }

  /** Sets an object to what it is told, whatever stood there. */
  set(key: string, value: string | Uint8Array, customMetadata?: Metadata): void {
    const bytes = new Uint8Array(typeof value === "string" ? Buffer.from(value) : value);
    const metadata = customMetadata === undefined ? {} : { customMetadata };
    this.objects.set(key, { bytes, etag: String(++this.#etags), ...metadata });
  }

  #read(key: string, range: Range = { offset: 0 }) {
    this.asked.reads++;
    const stored = this.objects.get(key);
    if (stored === undefined) return null;
    const { etag, customMetadata } = stored;
    const bytes = stored.bytes.slice(range.offset, range.offset + (range.length ?? stored.bytes.length));
    const text = async () => new TextDecoder().decode(bytes);
    const arrayBuffer = async () => bytes.slice().buffer;
    return {
      key,
      etag,
      customMetadata,
      size: stored.bytes.length,
      body: new Blob([bytes]).stream(),
      text,
      arrayBuffer,
    };
  }

  #write(
    key: string,
    value: string | Uint8Array,
    { onlyIf, customMetadata }: { onlyIf: Condition | undefined; customMetadata: Metadata | undefined },
  ) {
    this.asked.writes++;
    this.beforeWrite(key);
    const existing = this.objects.get(key);
    if (onlyIf?.etagDoesNotMatch === "*" && existing !== undefined) return null;
    if (onlyIf?.etagMatches !== undefined && existing?.etag !== onlyIf.etagMatches) return null;
    this.set(key, value, customMetadata);
    return { key, etag: this.objects.get(key)?.etag };
  }

  #delete(keys: readonly string[]): void {
    this.asked.deletes++;
    for (const key of keys) {
      this.beforeWrite(key);
      this.objects.delete(key);
    }
  }

  #list({ prefix, startAfter = "", cursor = startAfter, limit = LIST_MAX, delimiter }: ListOptions) {
    this.asked.lists++;
    if (delimiter !== undefined) {
      const cut = (key: string) => key.slice(0, key.indexOf(delimiter, prefix.length) + 1);
      const folders = this.keys(prefix)
        .filter((key) => key > cursor)
        .map(cut);
      return { objects: [], delimitedPrefixes: [...new Set(folders)].filter(Boolean), truncated: false };
    }
    const behind = this.keys(prefix).filter((key) => key > cursor);
    const page = behind.slice(0, Math.min(limit, LIST_MAX));
    const objects = page.map((key) => {
      const { bytes, customMetadata } = this.objects.get(key) as Stored;
      return { key, size: bytes.length, uploaded: UPLOADED, customMetadata };
    });
    return behind.length > page.length
      ? { objects, truncated: true, cursor: page.at(-1) }
      : { objects, truncated: false };
  }
}
