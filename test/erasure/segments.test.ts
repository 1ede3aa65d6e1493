/** Erasing in segments: a person is found however a token spells it, and small segments are read together. */
import { expect, it } from "vitest";
import { segmentKey, sourceOf } from "../../src/archive/archive.ts";
import { LogText } from "../../src/archive/log-text.ts";
import { R2Archive } from "../../src/archive/r2-archive.ts";
import { openSegment, segmentsBehind } from "../../src/archive/segments.ts";
import { nonceSecretOf } from "../../src/audit/hour-lines.ts";
import { encodeBase64url, encodeUtf8 } from "../../src/core/base64url.ts";
import { erasedMark } from "../../src/core/erased-line.ts";
import { hashLines, lineNonces, NONCE_BYTES } from "../../src/core/hour-tree.ts";
import { encodeLogLine } from "../../src/core/log-line.ts";
import { LOG_START, type Position, positionAfter } from "../../src/core/position.ts";
import { hourOf } from "../../src/core/time.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { eraseSegment } from "../../src/erasure/erase.ts";
import { readOrder, writeOrder } from "../../src/erasure/order.ts";
import { newOrder, runOrder } from "../../src/erasure/run.ts";
import { aClick, anUnsignedToken, aPayload, NOON_MS } from "../support/builders.ts";
import { MemoryR2 } from "../support/memory-r2.ts";
import { testRing } from "../support/tokens.ts";

const ring = await testRing();
const OWNER = { shard: "clicks-0", incarnation: "a" };
const SUBJECT = { advertiserId: "adv_1", uid: "u_42" };

/** A log of rows with these tokens, so many to a segment. */
async function archived(segments: readonly (readonly string[])[], rowsEach = 1): Promise<MemoryR2> {
  const r2 = new MemoryR2();
  let end: Position = LOG_START;
  for (let at = 0; at < segments.length; at += rowsEach) {
    const from = end;
    const rows: LogText[] = [];
    for (const tokens of segments.slice(at, at + rowsEach)) {
      const place = { seq: end.seq + 1, loggedAtMs: NOON_MS + 1_000, rules: "4-1f3a9c02" };
      const lines = tokens.map((token) =>
        encodeLogLine(place, { verdict: "valid", reason: null }, encodeTokenEvent({ ...aClick(), token })),
      );
      const row = new LogText(place.seq, place.loggedAtMs, lines.join("\n"));
      rows.push(row);
      end = await positionAfter(end, row);
    }
    const key = segmentKey(OWNER, hourOf(NOON_MS), from.seq + 1);
    await new R2Archive(r2.bucket).put({ key, owner: OWNER, from, to: end, rows });
  }
  return r2;
}

/** A token whose claims are that text. */
function tokenOf(claims: string): string {
  const [head = "", , signature = ""] = anUnsignedToken({}).split(".");
  return `${head}.${encodeBase64url(encodeUtf8(claims))}.${signature}`;
}
const plain = (uid: string, more = {}) => JSON.stringify(aPayload({ uid, ...more }));

async function erasedIn(r2: MemoryR2): Promise<number> {
  let erased = 0;
  for await (const segment of segmentsBehind(r2.bucket, "")) {
    erased += await eraseSegment({ bucket: r2.bucket, ring }, SUBJECT, segment);
  }
  return erased;
}

it.each([
  ["as it is", plain("u_42"), 1],
  ["with spaces", plain("u_42").replaceAll('":', '" : '), 1],
  ["by the number of a letter", plain("u_42").replace("u_42", "\\u0075_42"), 1],
  ["by the number of another", plain("u_42").replace("u_42", "u_4\\u0032"), 1],
  ["beside slashes that are escaped", plain("u_42").replaceAll("/", "\\/"), 1],
  ["in the landing page alone", plain("u_1", { url: "https://shop.example/?u_42" }), 0],
  ["not at all, beside another letter's number", plain("u_1").replace("u_1", "u_\\u0031"), 0],
  ["at every place of four letters", plain("u_42", { jti: "i" }), 1],
  ["at another", plain("u_42", { jti: "im" }), 1],
  ["at the last", plain("u_42", { jti: "imp" }), 1],
])("finds a user whom a token names %s", async (_, claims, count) => {
  const r2 = await archived([[tokenOf(plain("u_1")), tokenOf(claims), tokenOf(plain("u_9"))]]);
  expect(await erasedIn(r2)).toBe(count);
  expect(await erasedIn(r2), "again is the same").toBe(0);
});

it("keeps the leaf of a line by its place in the segment, behind rows that were not opened", async () => {
  const others = [tokenOf(plain("u_1")), tokenOf(plain("u_2"))];
  const r2 = await archived([others, [...others, tokenOf(plain("u_42"))]], 2);
  const key = segmentKey(OWNER, hourOf(NOON_MS), 1);
  const line = (await openSegment(r2.bucket, key))?.[1]?.lines().split("\n")[2] ?? "";
  expect(await erasedIn(r2)).toBe(1);
  const left = (await openSegment(r2.bucket, key))?.[1]?.lines().split("\n")[2] ?? "";
  const nonces = await lineNonces(await nonceSecretOf(r2.bucket), { source: sourceOf(OWNER), firstRow: 1, lines: 5 });
  const leaf = await hashLines([line], nonces.subarray(4 * NONCE_BYTES, 5 * NONCE_BYTES));
  expect(erasedMark(left)?.leaf).toBe(Buffer.from(leaf).toString("hex"));
});

it("reads six small segments at once, and counts what was erased in each", async () => {
  const r2 = await archived(Array.from({ length: 14 }, (_, at) => [tokenOf(plain(at % 2 === 0 ? "u_42" : "u_1"))]));
  let [now, most] = [0, 0];
  const bucket = new Proxy(r2.bucket, {
    get: (target, name) => {
      const value = Reflect.get(target, name, target) as unknown;
      if (name !== "get") return typeof value === "function" ? value.bind(target) : value;
      return async (key: string) => {
        if (key.startsWith("raw/")) most = Math.max(most, ++now);
        const found = await target.get(key);
        await new Promise((resolve) => setImmediate(resolve));
        if (key.startsWith("raw/")) now--;
        return found;
      };
    },
  });
  const id = "11111111-1111-4111-8111-111111111111";
  await writeOrder(bucket, newOrder(id, SUBJECT, { by: "key_1", nowMs: NOON_MS }), null);
  const ports = {
    bucket,
    ring,
    clock: () => NOON_MS,
    arrivedUntilMs: async () => NOON_MS,
    shelves: async () => new Map(),
  };
  expect(await runOrder(ports, id, Number.POSITIVE_INFINITY)).toBe(false);
  expect((await readOrder(bucket, id))?.order.erased.lines).toBe(7);
  expect(most).toBe(6);
});
