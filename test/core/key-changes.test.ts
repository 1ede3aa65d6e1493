import { expect, it } from "vitest";
import { makeEventId } from "../../src/core/event-id.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import { decodeKeyChanges, encodeKeyChanges, KEY_CHANGE_BYTES_MAX } from "../../src/core/key-changes.ts";

const anId = (n: number) =>
  makeEventId({ receivedAtMs: 2 ** 42 - 1 - n, routingHash: 2 ** 32 - 1 - n }, new Uint8Array(8).fill(255 - n));
const aKey = (n: number) => n.toString(16).padStart(4, "0").padEnd(32, "a") as ImpressionKey;

it("are read as they were written, in their order: claims, releases, repeats, of any hours", () => {
  for (const count of [0, 1, 2, 300]) {
    const claims = Array.from({ length: count }, (_, n) => ({
      hour: n % 3 === 0 ? 2 ** 32 - 1 : n,
      key: aKey(n % 7),
      event: n % 4 === 0 ? null : anId(n % 200),
    }));
    const repeats = Array.from({ length: count }, (_, n) => ({ hour: n, event: anId(n % 250) }));
    for (const changes of [
      { claims, repeats },
      { claims, repeats: [] },
      { claims: [], repeats },
    ]) {
      const bytes = encodeKeyChanges(changes);
      expect(decodeKeyChanges(bytes)).toEqual(changes);
      expect(bytes.length).toBeLessThanOrEqual(4 + 2 * count * KEY_CHANGE_BYTES_MAX);
      const within = new Uint8Array(bytes.length + 3);
      within.set(bytes, 3);
      expect(decodeKeyChanges(within.subarray(3))).toEqual(changes);
    }
  }
});
