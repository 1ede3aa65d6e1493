import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeEventId,
  EVENT_ID_BYTES,
  EVENT_ID_RANDOM_BYTES,
  eventIdBytes,
  isEventId,
  makeEventId,
} from "../../src/core/event-id.ts";
import { NOON_MS } from "../support/builders.ts";

const time = fc.integer({ min: 0, max: 2 ** 42 - 1 });
const routing = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const random = fc.uint8Array({ minLength: EVENT_ID_RANDOM_BYTES, maxLength: EVENT_ID_RANDOM_BYTES });

describe("an event id", () => {
  it("keeps its spelling, since stored events depend on it", () => {
    const zero = new Uint8Array(8);
    expect(makeEventId({ receivedAtMs: 0, routingHash: 0 }, zero)).toBe(`0${"-".repeat(23)}`);
    expect(makeEventId({ receivedAtMs: 2 ** 42 - 1, routingHash: 2 ** 32 - 1 }, zero.fill(255))).toBe(
      `0${"z".repeat(23)}`,
    );
    expect(makeEventId({ receivedAtMs: NOON_MS, routingHash: 0xdeadbeef }, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))).toBe(
      "0Oqekk7-reqyvk31-kF40VR7",
    );
  });

  it("tells when it was received and how it was routed", () => {
    fc.assert(
      fc.property(time, routing, random, (receivedAtMs, routingHash, bytes) => {
        const id = makeEventId({ receivedAtMs, routingHash }, bytes);
        expect(isEventId(id)).toBe(true);
        expect(decodeEventId(id)).toEqual({ receivedAtMs, routingHash });
      }),
      { seed: 20261122, numRuns: 1_000 },
    );
  });

  it("sorts by time as text", () => {
    fc.assert(
      fc.property(fc.tuple(time, routing, random), fc.tuple(time, routing, random), (a, b) => {
        fc.pre(a[0] !== b[0]);
        const idOf = ([receivedAtMs, routingHash, bytes]: typeof a) =>
          makeEventId({ receivedAtMs, routingHash }, bytes);
        expect(idOf(a) < idOf(b)).toBe(a[0] < b[0]);
      }),
      { seed: 20261122, numRuns: 1_000 },
    );
  });

  it("is 18 bytes: the marked time, the routing hash, the random part", () => {
    fc.assert(
      fc.property(time, routing, random, (receivedAtMs, routingHash, bytes) => {
        const packed = eventIdBytes(makeEventId({ receivedAtMs, routingHash }, bytes));
        const view = new DataView(packed.buffer);
        expect(packed.length).toBe(EVENT_ID_BYTES);
        expect(view.getUint16(0) * 2 ** 32 + view.getUint32(2)).toBe(2 ** 42 + receivedAtMs);
        expect(view.getUint32(6)).toBe(routingHash);
        expect(packed.slice(10)).toEqual(bytes);
      }),
      { seed: 20261128, numRuns: 1_000 },
    );
  });

  it("sorts neighbouring milliseconds by time as text, whatever follows", () => {
    const high = makeEventId({ receivedAtMs: NOON_MS, routingHash: 2 ** 32 - 1 }, new Uint8Array(8).fill(255));
    const low = makeEventId({ receivedAtMs: NOON_MS + 1, routingHash: 0 }, new Uint8Array(8));
    expect(high < low).toBe(true);
  });

  it("differs in every random bit", () => {
    const ids = new Set<string>();
    for (let bit = 0; bit < 64; bit++) {
      const bytes = new Uint8Array(8);
      bytes[bit >> 3] = 1 << (bit & 7);
      ids.add(makeEventId({ receivedAtMs: NOON_MS, routingHash: 1 }, bytes));
    }
    expect(ids.size).toBe(64);
  });

  it.each([
    ["too little randomness", { receivedAtMs: 0, routingHash: 0 }, 7],
    ["too much randomness", { receivedAtMs: 0, routingHash: 0 }, 9],
    ["a negative time", { receivedAtMs: -1, routingHash: 0 }, 8],
    ["a time beyond 48 bits", { receivedAtMs: 2 ** 48, routingHash: 0 }, 8],
    ["no time", { receivedAtMs: Number.NaN, routingHash: 0 }, 8],
  ])("is not made of %s", (_, parts, length) => {
    expect(() => makeEventId(parts, new Uint8Array(length))).toThrow("an event id takes");
  });

  it.each(["", "-".repeat(23), "-".repeat(25), `${"-".repeat(23)}=`, `${"-".repeat(23)}\n`, 1, null, undefined])(
    "is not %j",
    (value) => {
      expect(isEventId(value)).toBe(false);
    },
  );
});
