/** The tail of a log, skimmed: what is passed over by a look at its text is what adds nothing to the days before. */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LogText } from "../../src/archive/log-text.ts";
import type { StoredSegment } from "../../src/archive/segments.ts";
import { skimSegment } from "../../src/audit/scan.ts";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import { DAY_MS, SECOND_MS } from "../../src/core/limits.ts";
import { decodeLogLine, encodeLogLine } from "../../src/core/log-line.ts";
import { LOG_START, positionAfter } from "../../src/core/position.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { aClick, NOON_MS } from "../support/builders.ts";

const MIDNIGHT_MS = Math.ceil(NOON_MS / DAY_MS) * DAY_MS;
const NEAR_S = 90;

/** A click around midnight, by its own clock up to five seconds ahead of its receipt, within its token's life or past it. */
const aLine = fc
  .record({
    receivedS: fc.oneof(fc.integer({ min: -NEAR_S, max: NEAR_S }), fc.integer({ min: -4, max: 4 })),
    aheadS: fc.oneof(fc.integer({ min: -120, max: 5 }), fc.integer({ min: 0, max: 5 })),
    isExpired: fc.boolean(),
    agent: fc.constantFrom("Mozilla/5.0", '"occurred_at_ms":1', '\\","joins":{"', "}"),
    verdict: fc.constantFrom("valid", "duplicate", "invalid", "late", "deferred"),
    isReview: fc.boolean(),
    isRevision: fc.boolean(),
    joins: fc.option(fc.integer({ min: -NEAR_S, max: NEAR_S })),
  })
  .map(({ receivedS, aheadS, isExpired, agent, verdict, isReview, isRevision, joins }) => (seq: number) => {
    const receivedAtMs = MIDNIGHT_MS + receivedS * SECOND_MS;
    const times = { receivedAtMs, occurredAtMs: receivedAtMs + aheadS * SECOND_MS };
    const nowS = Math.floor(receivedAtMs / SECOND_MS);
    const exp = isExpired ? nowS - 10 : nowS + 3_600;
    const event = aClick({ ...times, userAgent: agent }, { iat: nowS - 3_600, exp });
    const by = { by: "key_7", atMs: receivedAtMs };
    const from = { verdict: "valid", reason: null } as const;
    const change = isRevision ? { revision: { n: 1, from, cause: "audit/x", ...by, isListed: false } } : {};
    const decided = !isRevision && isReview ? { review: by } : {};
    const to = event.id;
    const joined =
      joins === null || isRevision || isReview
        ? {}
        : { joins: { to, occurredAtMs: MIDNIGHT_MS + joins * SECOND_MS, country: "DE", device: "mobile" as const } };
    const head = { verdict: verdict as "valid", reason: null, ...change, ...decided, ...joined };
    return encodeLogLine({ seq, loggedAtMs: MIDNIGHT_MS + DAY_MS, rules: "4-1f3a9c02" }, head, encodeTokenEvent(event));
  });

describe("the tail of a log", () => {
  it("adds to the days before what a whole reading adds, whatever stands in its lines", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(aLine, { minLength: 1, maxLength: 20 }), async (makers) => {
        const texts = makers.map((make, at) => make(at + 1));
        const segment = await stored(texts);
        const { byRow } = await skimSegment(env.ARCHIVE, segment, { life: 0, beforeMs: MIDNIGHT_MS });
        for (const [at, text] of texts.entries()) {
          const whole: Facts = new Map();
          foldEntry(whole, decodeLogLine(text));
          for (const [key, { window }] of whole) if (window * 60_000 >= MIDNIGHT_MS) whole.delete(key);
          expect(byRow.get(at + 1) ?? new Map(), text).toEqual(whole);
        }
      }),
      { numRuns: 60 },
    );
  });
});

async function stored(texts: readonly string[]): Promise<StoredSegment> {
  let to = LOG_START;
  for (const [at, text] of texts.entries()) to = await positionAfter(to, new LogText(at + 1, MIDNIGHT_MS, text));
  const body = new Response(texts.map((text) => `${text}\n`).join("")).body?.pipeThrough(new CompressionStream("gzip"));
  const key = "raw/test";
  await env.ARCHIVE.put(key, await new Response(body).arrayBuffer());
  const owner = { shard: "clicks-0", incarnation: "test" };
  return { key, owner, from: LOG_START, to, events: texts.length, isClosed: false, bytes: 0 };
}
