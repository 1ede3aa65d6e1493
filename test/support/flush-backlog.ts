/**
 * A worker thread that catches up with a backlog made up row by row: the real flush over R2Archive, with stores that keep
 * nothing. Its heap is bounded by who starts it; it answers with what it carried.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { LogRow } from "../../src/archive/log-source.ts";
import { R2Archive } from "../../src/archive/r2-archive.ts";
import { MEASURES } from "../../src/core/fields.ts";
import { decodeLogLine, encodeLogLine } from "../../src/core/log-line.ts";
import { digestOfLines, LOG_START, type Position } from "../../src/core/position.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import type { LedgerRow, Posting } from "../../src/facts/facts-store.ts";
import { flush } from "../../src/shard/flush.ts";
import { type FlushPorts, FlushSession } from "../../src/shard/flush-ports.ts";
import type { Mark, ShardLog } from "../../src/shard/shard-log.ts";
import { aClick, NOON_MS } from "./builders.ts";
import { RULES } from "./rules.ts";

const ADS = 1_000;
const { rows, eventsPerRow } = workerData as { rows: number; eventsPerRow: number };
const templates = Array.from({ length: ADS }, (_, ad) =>
  encodeTokenEvent(aClick({ receivedAtMs: NOON_MS }, { ad: `ad_${ad}`, jti: `jti_${ad}` })),
);

class MadeRow implements LogRow {
  readonly seq: number;
  readonly loggedAtMs = NOON_MS;
  readonly #lines: string;

  constructor(seq: number) {
    this.seq = seq;
    const lines = Array.from({ length: eventsPerRow }, (_, at) =>
      encodeLogLine(
        { seq, loggedAtMs: NOON_MS, rules: RULES.id },
        { verdict: "valid", reason: null },
        templates[(seq * 7 + at) % ADS] ?? "",
      ),
    );
    // Flat, as storage gives it.
    this.#lines = Buffer.from(lines.join("\n")).toString();
  }

  get chars(): number {
    return this.#lines.length;
  }

  lines(): string {
    return this.#lines;
  }

  entries() {
    return this.#lines.split("\n").map(decodeLogLine);
  }

  digest(): Promise<string> {
    return digestOfLines(this.#lines);
  }
}

const marks = new Map<string, unknown>();
const markOf = <T>(name: string): Mark<T> => ({
  read: () => (marks.get(name) as T | undefined) ?? null,
  write: (value) => void marks.set(name, value),
});
let tail: Position = LOG_START;
const charsOfRow = new MadeRow(1).chars;
const log: ShardLog = {
  last: () => ({ seq: rows, loggedAtMs: NOON_MS }),
  append: () => 0,
  keysAfter: () => [],
  keys: () => markOf("keys"),
  tail: () => tail,
  rowsAfter: (seq, charsMax) => {
    const found: LogRow[] = [];
    for (let chars = 0, next = seq + 1; next <= rows; next++) {
      chars += charsOfRow;
      if (found.length > 0 && chars > charsMax) break;
      found.push(new MadeRow(next));
    }
    return found;
  },
  waitingAfter: (seq) => ({
    rows: rows - seq,
    chars: (rows - seq) * charsOfRow,
    oldestReceivedAtMs: seq < rows ? NOON_MS : null,
    oldestLoggedAtMs: seq < rows ? NOON_MS : null,
  }),
  cursor: () => ({ read: () => 0, advance: () => {} }),
  trim: (upTo) => {
    tail = upTo;
  },
  archived: () => markOf("archived"),
  posted: (database) => markOf(`posted/${database}`),
  visible: () => markOf("visible"),
  life: () => markOf("life"),
  rules: () => markOf("rules"),
};

const ledger = new Map<string, LedgerRow>();
const counted = { events: 0, postings: 0, segments: 0, bytes: 0 };
const heads = new Map<string, string>();
const bucket = {
  get: async (key: string) => (heads.has(key) ? { etag: heads.get(key), text: async () => heads.get(key) } : null),
  put: async (key: string, body: ArrayBuffer | string) => {
    if (typeof body === "string") heads.set(key, body);
    else {
      counted.segments++;
      counted.bytes += body.byteLength;
    }
    return { etag: typeof body === "string" ? body : key };
  },
} as unknown as R2Bucket;
const store = {
  post: async ({ source, to, facts }: Posting) => {
    ledger.set(source, to);
    counted.postings++;
    for (const { cells } of facts.values())
      for (const counts of cells.values()) counted.events += counts[MEASURES.indexOf("gross")] ?? 0;
  },
  open: async () => {},
  close: async () => {},
  ledger: async () => ledger,
  opened: async () => new Map(),
  standing: async () => ({ rows: ledger, opened: new Map() }),
};
const ports: FlushPorts = {
  log,
  rules: RULES,
  shard: "clicks-0",
  archive: new R2Archive(bucket),
  reports: {
    byName: new Map([["REPORT_DB", store]]),
    assign: async (ids) => new Map(ids.map((id) => [id, "REPORT_DB"])),
  },
  operations: { writeDataPoint: () => {} },
  transaction: (closure) => closure(),
  forget: () => {},
  remember: () => {},
  bury: async () => {},
  makeIncarnation: () => "memory",
  heldSeq: rows,
};

const session = new FlushSession();
while (tail.seq < rows) await flush(ports, { archiveIntervalMs: 0, postIntervalMs: 0 }, NOON_MS + 60_000, session);
parentPort?.postMessage({ ...counted, chars: rows * charsOfRow });
