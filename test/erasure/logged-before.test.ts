/**
 * A click that was logged before it was received, by the shard's clock, which lies behind that of the edge: it stands
 * in the hour before, which may be of the day before, and is found and erased there.
 */
import { expect, it } from "vitest";
import { segmentKey } from "../../src/archive/archive.ts";
import { LogText } from "../../src/archive/log-text.ts";
import { R2Archive } from "../../src/archive/r2-archive.ts";
import { findArchived } from "../../src/archive/reader.ts";
import { HOUR_MS } from "../../src/core/limits.ts";
import { encodeLogLine } from "../../src/core/log-line.ts";
import { LOG_START, positionAfter } from "../../src/core/position.ts";
import { hourOf } from "../../src/core/time.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { readReceipt, writeOrder } from "../../src/erasure/order.ts";
import { newOrder, PASS_EVERY_MS, runOrder } from "../../src/erasure/run.ts";
import { aClick } from "../support/builders.ts";
import { MemoryR2 } from "../support/memory-r2.ts";
import { aToken, testRing } from "../support/tokens.ts";

const ring = await testRing();
const OWNER = { shard: "clicks-0", incarnation: "a" };
const MIDNIGHT_MS = Date.UTC(2026, 3, 21);
const RECEIVED_MS = MIDNIGHT_MS + 20;
const ORDER = "11111111-1111-4111-8111-111111111111";

/** An archive with one click that was logged so long before it was received. */
async function archived(behindMs: number) {
  const r2 = new MemoryR2();
  const token = await aToken({ uid: "user_jane", url: "https://shop.example/" });
  const event = { ...aClick({ receivedAtMs: RECEIVED_MS, userAgent: "Jane's phone" }), token };
  const at = { seq: 1, loggedAtMs: RECEIVED_MS - behindMs, rules: "4-1f3a9c02" };
  const line = encodeLogLine(at, { verdict: "valid", reason: null }, encodeTokenEvent(event));
  const row = new LogText(at.seq, at.loggedAtMs, line);
  const key = segmentKey(OWNER, hourOf(at.loggedAtMs), at.seq);
  const to = await positionAfter(LOG_START, row);
  await new R2Archive(r2.bucket).put({ key, owner: OWNER, from: LOG_START, to, rows: [row] });
  return { r2, event, key };
}

it.each([0, 45, 30_000])("is found in the archive, logged %d ms before", async (behindMs) => {
  const { r2, event, key } = await archived(behindMs);
  const list = async (options: R2ListOptions) => {
    const page = await r2.bucket.list(options);
    return { ...page, objects: page.objects.map((one) => ({ ...one, uploaded: new Date(RECEIVED_MS - behindMs) })) };
  };
  const bucket = { ...r2.bucket, list } as unknown as R2Bucket;
  const search = { needle: `"id":"${event.id}"`, fromMs: RECEIVED_MS, nowMs: RECEIVED_MS, isWanted: () => true };
  const found = await findArchived(bucket, ["clicks-0"], search);
  expect(found.map(({ object }) => object)).toEqual([key]);
});

it.each([0, 45, 30_000])("is erased, logged %d ms before", async (behindMs) => {
  const { r2, event, key } = await archived(behindMs);
  const before = r2.objects.get(key)?.etag;
  let nowMs = RECEIVED_MS + HOUR_MS;
  await writeOrder(r2.bucket, newOrder(ORDER, { advertiserId: "adv_1", eventId: event.id }, { by: "k", nowMs }), null);
  const ports = {
    bucket: r2.bucket,
    ring,
    clock: () => nowMs,
    arrivedUntilMs: async () => nowMs,
    shelves: async () => new Map(),
  };
  for (; (await runOrder(ports, ORDER, Number.POSITIVE_INFINITY)) !== true; nowMs += PASS_EVERY_MS);
  expect(r2.objects.get(key)?.etag).not.toBe(before);
  expect((await readReceipt(r2.bucket, ORDER))?.receipt.erased.lines).toBe(1);
});
