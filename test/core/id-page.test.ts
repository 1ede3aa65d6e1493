import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EVENT_ID_BYTES, type EventId, makeEventId } from "../../src/core/event-id.ts";
import {
  cutRows,
  type IdRows,
  mergeRows,
  packPage,
  pageHas,
  rankAt,
  rowCount,
  rowsOf,
  unpackPage,
} from "../../src/core/id-page.ts";
import { NOON_MS } from "../support/builders.ts";

const SEED = { seed: 20261128, numRuns: 300 };

/** Ids that agree in as much as they may: few times, few routing hashes, and random parts of few bits. */
const anId = fc
  .tuple(
    fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 2 ** 42 - 1 }), fc.constant(NOON_MS)),
    fc.oneof(fc.constantFrom(0, 1, 2 ** 21, 2 ** 32 - 1), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
    fc.oneof(
      fc.constantFrom(...[0, 1, 127, 128, 255].map((byte) => new Uint8Array(8).fill(byte))),
      fc.uint8Array({ minLength: 8, maxLength: 8 }),
    ),
  )
  .map(([receivedAtMs, routingHash, random]) => makeEventId({ receivedAtMs, routingHash }, random));
const someIds = fc.array(anId, { minLength: 1, maxLength: 60 });

const sorted = (ids: readonly EventId[]) => Array.from(new Set(ids)).sort();
const partOf = (rows: IdRows, row: number) => rows.slice(row * EVENT_ID_BYTES, (row + 1) * EVENT_ID_BYTES);

/** Ids of one token: one routing hash, so many milliseconds apart. */
function floodOf(count: number, { apartMs = 1, routingHash = 7 } = {}): EventId[] {
  return Array.from({ length: count }, (_, n) => {
    const random = new Uint8Array(8);
    new DataView(random.buffer).setUint32(4, Math.imul(n + 1, 0x9e3779b1) >>> 0);
    return makeEventId({ receivedAtMs: NOON_MS + n * apartMs, routingHash }, random);
  });
}

describe("a page of ids", () => {
  it("holds exactly the ids that it was made of, ascending and once each", () => {
    fc.assert(
      fc.property(someIds, (ids) => {
        const rows = rowsOf(ids);
        expect(rowCount(rows)).toBe(new Set(ids).size);
        expect(unpackPage(packPage(rows))).toEqual(rows);
        expect(rows).toEqual(rowsOf(sorted(ids)));
      }),
      SEED,
    );
  });

  it("says of any id whether it holds it", () => {
    fc.assert(
      fc.property(someIds, someIds, (held, asked) => {
        const page = packPage(rowsOf(held));
        const rows = rowsOf(asked);
        const found = sorted(asked).filter((_, row) => pageHas(page, rows, row));
        expect(found).toEqual(sorted(asked).filter((id) => held.includes(id)));
      }),
      SEED,
    );
  });

  it("tells ids apart that differ in one bit, wherever it is", () => {
    const base = rowsOf(floodOf(1));
    const page = packPage(base);
    expect(pageHas(page, base, 0)).toBe(true);
    // The first 6 bits are the same in all ids.
    for (let bit = 6; bit < EVENT_ID_BYTES * 8; bit++) {
      const other = base.slice();
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (7 - (bit & 7)));
      expect(pageHas(page, other, 0), `bit ${bit}`).toBe(false);
      const both = mergeRows(base, other);
      expect(rowCount(both)).toBe(2);
      expect([pageHas(packPage(both), base, 0), pageHas(packPage(both), other, 0)]).toEqual([true, true]);
    }
  });

  it.each<[string, readonly EventId[], number]>([
    ["9 bytes an id of one token within 256 ms", floodOf(250), 9],
    ["10 bytes an id of one token within a minute", floodOf(250, { apartMs: 200 }), 10],
    [
      "14 bytes an id of many tokens within a minute",
      floodOf(250, { apartMs: 200 }).concat(floodOf(1, { routingHash: 8 })),
      14,
    ],
    [
      "15 bytes an id of many tokens within an hour",
      floodOf(250, { apartMs: 14_000 }).concat(floodOf(1, { routingHash: 8 })),
      15,
    ],
  ])("takes %s", (_, ids, bytes) => {
    const { length } = packPage(rowsOf(ids));
    expect(Math.floor(length / ids.length)).toBe(bytes);
  });
});

describe("rows of ids", () => {
  it("merge to both, ascending, each id once", () => {
    fc.assert(
      fc.property(someIds, someIds, (a, b) => {
        expect(mergeRows(rowsOf(a), rowsOf(b))).toEqual(rowsOf([...a, ...b]));
        expect(mergeRows(new Uint8Array(0), rowsOf(b))).toEqual(rowsOf(b));
        expect(mergeRows(rowsOf(a), new Uint8Array(0))).toEqual(rowsOf(a));
      }),
      SEED,
    );
  });

  it("have ranks that ascend as they do and are exact as numbers", () => {
    fc.assert(
      fc.property(someIds, (ids) => {
        const rows = rowsOf(ids);
        const ranks = Array.from({ length: rowCount(rows) }, (_, row) => rankAt(rows, row));
        expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
        expect(ranks.every(Number.isSafeInteger)).toBe(true);
      }),
      SEED,
    );
  });

  it("are cut into parts that hold all of them, in pages of bounded size, and never between ids of one rank", () => {
    fc.assert(
      fc.property(someIds, fc.integer({ min: 40, max: 300 }), fc.boolean(), (ids, bytesMax, isLast) => {
        const rows = rowsOf(ids);
        const parts = cutRows(rows, { bytesMax, isLast });
        expect(parts.reduce(mergeRows)).toEqual(rows);
        for (const [at, part] of parts.entries()) {
          const ranks = Array.from({ length: rowCount(part) }, (_, row) => rankAt(part, row));
          const before = parts[at - 1];
          if (before !== undefined) expect(rankAt(before, rowCount(before) - 1)).toBeLessThan(ranks[0] as number);
          // What makes it longer is of the rank of the last id that fits.
          let fitting = rowCount(part);
          while (fitting > 1 && ranks[fitting - 2] === ranks[rowCount(part) - 1]) fitting--;
          const least = Array.from({ length: fitting }, (_, row) => partOf(part, row)).reduce(mergeRows);
          expect(packPage(least).length).toBeLessThanOrEqual(bytesMax);
        }
      }),
      SEED,
    );
  });

  it("fill pages where ids go on ascending, and are cut evenly elsewhere", () => {
    const rows = rowsOf(floodOf(1_000, { apartMs: 10 }));
    const sizes = (isLast: boolean) => cutRows(rows, { bytesMax: 4_000, isLast }).map(rowCount);
    expect(sizes(true)).toEqual([398, 398, 204]);
    expect(sizes(false)).toEqual([334, 334, 332]);
  });

  it("stay whole where all are of one rank", () => {
    expect(cutRows(rowsOf(floodOf(1_000, { apartMs: 0 })), { bytesMax: 400, isLast: true }).map(rowCount)).toEqual([
      1_000,
    ]);
  });
});
