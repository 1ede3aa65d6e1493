import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AuditRecord,
  compareRecords,
  RECORD_BYTES,
  RECORD_FORMS,
  RecordWriter,
  readRecord,
  sortedRecords,
} from "../../src/core/audit-record.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import { VERDICTS } from "../../src/core/verdict.ts";

const aRecord = fc
  .record({
    key: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    random: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    loggedAtMs: fc.integer({ min: 0, max: 2 ** 41 }),
    seq: fc.maxSafeInteger().map(Math.abs),
    line: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    life: fc.integer({ min: 0, max: 255 }),
    form: fc.constantFrom(...RECORD_FORMS),
    verdict: fc.constantFrom(...VERDICTS),
    from: fc.constantFrom(null, ...VERDICTS),
  })
  .map(({ key, random, ...record }): AuditRecord => {
    const hex = Array.from(key, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const event = makeEventId({ receivedAtMs: record.loggedAtMs, routingHash: 7 }, random);
    return { ...record, key: hex as ImpressionKey, event };
  });

const bytesOf = (records: readonly AuditRecord[]) => {
  const writer = new RecordWriter();
  for (const record of records) writer.add(record);
  return writer.encoded();
};

describe("records of an audit", () => {
  it("are read as they were written, 64 bytes each", () => {
    fc.assert(
      fc.property(fc.array(aRecord, { maxLength: 3_000, size: "max" }), (records) => {
        const bytes = bytesOf(records);
        expect(bytes.length).toBe(records.length * RECORD_BYTES);
        expect(records.map((_, at) => readRecord(bytes, at * RECORD_BYTES))).toEqual(records);
      }),
      { numRuns: 20 },
    );
  });

  it("come part by part in order, each once, however they were written", () => {
    fc.assert(
      fc.property(fc.array(fc.array(aRecord)), fc.integer({ min: 1, max: 7 }), (blocks, parts) => {
        const read = Array.from({ length: parts }, (_, part) => sortedRecords(blocks.map(bytesOf), { part, parts }));
        for (const part of read) {
          for (let at = 1; at < part.length; at++) {
            expect(compareRecords(part[at - 1] as AuditRecord, part[at] as AuditRecord)).toBeLessThanOrEqual(0);
          }
        }
        const texts = (records: readonly AuditRecord[]) =>
          records.map((record) => JSON.stringify(Object.entries(record).sort())).sort();
        expect(texts(read.flat())).toEqual(texts(blocks.flat()));
      }),
    );
  });

  it("are not read where some bytes are missing", () => {
    expect(() => sortedRecords([new Uint8Array(RECORD_BYTES - 1)], { part: 0, parts: 1 })).toThrow("whole records");
  });
});
