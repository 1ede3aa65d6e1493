/** Logged events for tests of sinks: any mix of ads, minutes and verdicts, built through the real log line. */
import fc from "fast-check";
import type { LogRow, LogSource } from "../../src/archive/log-source.ts";
import { decodeEventLine, encodeLogLine, type LoggedEvent } from "../../src/core/log-line.ts";
import { digestOfLines, LOG_START, type Position } from "../../src/core/position.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import type { Decision } from "../../src/core/verdict.ts";
import type { PostedMark, PostTarget } from "../../src/facts/post.ts";
import { aClick, NOON_MS } from "./builders.ts";
import { RULES } from "./rules.ts";

export type Spec = {
  readonly advertiser: number;
  readonly ad: number;
  readonly publisher: number;
  readonly country: string | null;
  readonly minute: number;
  readonly count: number;
  readonly decision: Decision;
  /** Whom the token names as its user, if anybody. */
  readonly user?: number | null | undefined;
};

export const DECISIONS: readonly Decision[] = [
  { verdict: "valid", reason: null },
  { verdict: "valid", reason: "late_accepted" },
  { verdict: "duplicate", reason: "same_impression" },
  { verdict: "invalid", reason: "declared_crawler" },
  { verdict: "invalid", reason: "expired_token" },
  { verdict: "late", reason: "late" },
  { verdict: "deferred", reason: "key_table_dropped" },
];

/** Any event; minutes range over several hours and two days around the noon of the builders. */
export const anySpec: fc.Arbitrary<Spec> = fc.record({
  advertiser: fc.integer({ min: 1, max: 3 }),
  ad: fc.integer({ min: 1, max: 3 }),
  publisher: fc.integer({ min: 1, max: 3 }),
  country: fc.constantFrom("DE", "US", null),
  minute: fc.constantFrom(-1500, -61, -60, -59, -1, 0, 1, 59, 60, 61, 121),
  count: fc.integer({ min: 1, max: 3 }),
  decision: fc.constantFrom(...DECISIONS),
  user: fc.option(fc.integer({ min: 1, max: 4 })),
});

export function lineOf(spec: Spec, seq: number): string {
  const atMs = NOON_MS + spec.minute * 60_000;
  const uid = typeof spec.user === "number" ? { uid: `user_${spec.user}` } : {};
  const event = aClick(
    { receivedAtMs: atMs, count: spec.count, country: spec.country },
    { adv: `adv_${spec.advertiser}`, ad: `ad_${spec.ad}`, pub: `pub_${spec.publisher}`, jti: `j_${seq}`, ...uid },
  );
  return encodeLogLine({ seq, loggedAtMs: NOON_MS, rules: RULES.id }, spec.decision, encodeTokenEvent(event));
}

export function loggedOf(spec: Spec, seq: number): LoggedEvent {
  return decodeEventLine(lineOf(spec, seq));
}

/** A log in memory: one event a row, numbers from 1. */
export class MemoryLog implements LogSource {
  readonly rows: LogRow[] = [];

  append(specs: readonly Spec[]): void {
    for (const spec of specs) {
      const seq = this.rows.length + 1;
      const line = lineOf(spec, seq);
      const entries = () => [decodeEventLine(line)];
      this.rows.push({
        seq,
        loggedAtMs: NOON_MS,
        chars: line.length,
        lines: () => line,
        entries,
        digest: () => digestOfLines(line),
      });
    }
  }

  lastSeq(): number {
    return this.rows.length;
  }

  tail(): Position {
    return LOG_START;
  }

  rowsAfter(seq: number, charsMax: number): LogRow[] {
    const found: LogRow[] = [];
    let chars = 0;
    for (const row of this.rows.slice(seq)) {
      chars += row.chars;
      if (found.length > 0 && chars > charsMax) break;
      found.push(row);
    }
    return found;
  }
}

/** Marks in memory, from the start of a log. */
export function memoryMark(): PostTarget["mark"] {
  let value: PostedMark = { at: LOG_START, ledger: null };
  return {
    read: () => value,
    write: (mark) => {
      value = mark;
    },
  };
}
