/**
 * A bucket in memory, as far as archive and audit ask of one; it can be copied.
 */
type Stored = { readonly bytes: Uint8Array; readonly metadata: Record<string, string> };
type Body = string | ArrayBuffer | Uint8Array;
type PutOptions = {
  readonly customMetadata?: Record<string, string>;
  readonly onlyIf?: { readonly etagDoesNotMatch?: string };
};
type ListOptions = { readonly prefix?: string; readonly delimiter?: string };

export class MemoryR2 {
  readonly objects: Map<string, Stored>;

  constructor(objects: ReadonlyMap<string, Stored> = new Map()) {
    this.objects = new Map(objects);
  }

  /** As the platform's binding. */
  get binding(): R2Bucket {
    return this as unknown as R2Bucket;
  }

  copy(): MemoryR2 {
    return new MemoryR2(this.objects);
  }

  async put(key: string, body: Body, { customMetadata = {}, onlyIf }: PutOptions = {}): Promise<object | null> {
    if (onlyIf?.etagDoesNotMatch === "*" && this.objects.has(key)) return null;
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : new Uint8Array(body);
    this.objects.set(key, { bytes, metadata: customMetadata });
    return this.#object(key);
  }

  async get(key: string): Promise<object | null> {
    const stored = this.objects.get(key);
    if (stored === undefined) return null;
    const response = () => new Response(stored.bytes.slice());
    return {
      ...this.#object(key),
      body: response().body,
      text: () => response().text(),
      arrayBuffer: () => response().arrayBuffer(),
    };
  }

  async head(key: string): Promise<object | null> {
    return this.objects.has(key) ? this.#object(key) : null;
  }

  async delete(key: string): Promise<void> {
    this.objects.delete(key);
  }

  async list({ prefix = "", delimiter }: ListOptions = {}): Promise<object> {
    const keys = Array.from(this.objects.keys())
      .filter((key) => key.startsWith(prefix))
      .sort();
    const folderOf = (key: string) => {
      const end = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
      return end < 0 ? null : key.slice(0, end + 1);
    };
    const delimitedPrefixes = [...new Set(keys.flatMap((key) => folderOf(key) ?? []))];
    const objects = keys.filter((key) => folderOf(key) === null).map((key) => this.#object(key));
    return { objects, delimitedPrefixes, truncated: false };
  }

  #object(key: string) {
    const { bytes, metadata } = this.objects.get(key) as Stored;
    const uploaded = new Date(0);
    return { key, size: bytes.length, etag: key, customMetadata: metadata, uploaded };
  }
}
