/**
 * The archive as objects in R2: segments with their range in the metadata, heads with their etag.
 *
 * Keeps: the contract of archive.ts. Memory: one segment of text as rows, and its compressed form. A search for rows
 * lists the days and hours that there are, then the shard's segments of one hour.
 */
import { isSamePosition, type Position, positionAfter } from "../core/position.ts";
import { ruleSetKey } from "../core/rules.ts";
import { hourOf, isoDay } from "../core/time.ts";
import {
  ARCHIVE_PREFIX,
  ArchiveDamagedError,
  type ArchiveStore,
  type LogOwner,
  type Segment,
  sourceOf,
} from "./archive.ts";
import { type ArchiveHead, decodeHead, encodeHead, headKey, type StoredHead } from "./head.ts";
import type { LogRow } from "./log-source.ts";
import { type LogText, rowsOf } from "./log-text.ts";

export class R2Archive implements ArchiveStore {
  readonly #bucket: R2Bucket;

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  async put({ key, owner, from, to, rows }: Segment): Promise<Position | null> {
    const events = rows.reduce((sum, row) => sum + countLines(row.lines()), 0);
    const stored = await this.#bucket.put(key, await gzip(rows), {
      onlyIf: { etagDoesNotMatch: "*" },
      httpMetadata: { contentType: "application/gzip" },
      customMetadata: {
        source: sourceOf(owner),
        seqFrom: String(from.seq + 1),
        seqTo: String(to.seq),
        events: String(events),
        chainFrom: from.chain,
        chain: to.chain,
        loggedAtMs: String(to.loggedAtMs),
      },
    });
    return stored === null ? this.#placeOf(key) : to;
  }

  async readHead(shard: string): Promise<StoredHead | null> {
    const object = await this.#bucket.get(headKey(shard));
    return object === null ? null : { head: decodeHead(await object.text()), etag: object.etag };
  }

  async writeHead(shard: string, head: ArchiveHead, etag: string | null): Promise<string | null> {
    const stored = await this.#bucket.put(headKey(shard), encodeHead(head), {
      onlyIf: etag === null ? { etagDoesNotMatch: "*" } : { etagMatches: etag },
      httpMetadata: { contentType: "application/json" },
    });
    return stored?.etag ?? null;
  }

  async close(key: string): Promise<Position | null> {
    await this.#bucket.put(key, await gzip([]), {
      onlyIf: { etagDoesNotMatch: "*" },
      customMetadata: { closed: "1", events: "0" },
    });
    return this.#placeOf(key);
  }

  async putRules(id: string, text: string): Promise<void> {
    await this.#bucket.put(ruleSetKey(id), text, {
      onlyIf: { etagDoesNotMatch: "*" },
      httpMetadata: { contentType: "application/json" },
    });
  }

  async rowsAfter(owner: LogOwner, after: Position, until: Position): Promise<readonly LogRow[]> {
    for await (const prefix of this.#hours(owner, after.loggedAtMs, until.loggedAtMs)) {
      for await (const { key, customMetadata } of this.#objects(prefix)) {
        const seqTo = Number(customMetadata?.["seqTo"]);
        if (!(seqTo > after.seq)) continue;
        if (Number(customMetadata?.["seqFrom"]) > after.seq + 1) return [];
        return (await this.#open(key)).filter(({ seq }) => seq > after.seq);
      }
    }
    return [];
  }

  async #placeOf(key: string): Promise<Position | null> {
    const { seqTo, chain, loggedAtMs } = (await this.#bucket.head(key))?.customMetadata ?? {};
    if (seqTo === undefined || chain === undefined) return null;
    return { seq: Number(seqTo), chain, loggedAtMs: Number(loggedAtMs) };
  }

  /** The rows of a segment, whose chain is what its metadata says. */
  async #open(key: string): Promise<LogText[]> {
    const object = await this.#bucket.get(key);
    if (object === null) return [];
    const text = await new Response(object.body.pipeThrough(new DecompressionStream("gzip"))).text();
    const rows = rowsOf(text);
    const { chainFrom = "", chain, seqTo } = object.customMetadata ?? {};
    let at: Position = { seq: 0, chain: chainFrom, loggedAtMs: 0 };
    for (const row of rows) at = await positionAfter(at, row);
    if (!isSamePosition(at, { seq: Number(seqTo), chain: chain ?? "", loggedAtMs: 0 })) {
      throw new ArchiveDamagedError(`segment ${key} does not hold what its metadata says`);
    }
    return rows;
  }

  /** Prefixes of the owner's segments, hour by hour, of those hours that the archive has. */
  async *#hours({ shard, incarnation }: LogOwner, fromMs: number, untilMs: number): AsyncGenerator<string> {
    const [fromDay, untilDay] = [isoDay(fromMs), isoDay(untilMs)];
    for await (const day of this.#folders(ARCHIVE_PREFIX)) {
      const name = day.slice(-11, -1);
      if (name < fromDay || name > untilDay) continue;
      for await (const hour of this.#folders(day)) {
        const at = hourOf(Date.parse(`${name}T${hour.slice(-3, -1)}:00:00Z`));
        if (at >= hourOf(fromMs) && at <= hourOf(untilMs)) yield `${hour}shard=${shard}/${incarnation}-`;
      }
    }
  }

  async *#folders(prefix: string): AsyncGenerator<string> {
    for await (const page of this.#pages({ prefix, delimiter: "/" })) yield* page.delimitedPrefixes;
  }

  async *#objects(prefix: string): AsyncGenerator<R2Object> {
    for await (const page of this.#pages({ prefix, include: ["customMetadata"] })) yield* page.objects;
  }

  async *#pages(options: R2ListOptions): AsyncGenerator<R2Objects> {
    let cursor: string | undefined;
    do {
      const page: R2Objects = await this.#bucket.list({ ...options, ...(cursor === undefined ? {} : { cursor }) });
      yield page;
      cursor = page.truncated ? page.cursor : undefined;
    } while (cursor !== undefined);
  }
}

function countLines(text: string): number {
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}

/** Compresses row by row, so that the whole text never stands in memory beside its rows. */
export async function gzip(rows: readonly Pick<LogRow, "lines">[]): Promise<ArrayBuffer> {
  const encoder = new TextEncoder();
  let next = 0;
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const row = rows[next++];
      if (row === undefined) controller.close();
      else controller.enqueue(encoder.encode(`${row.lines()}\n`));
    },
  });
  return new Response(source.pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
}
