/**
 * Each kind of discrepancy has its way out: planted behind the system's back, found by its name, and closed by somebody
 * who has the API and nothing else. Verdicts, claims, figures and foreign lines: audit.test.ts and foreign.test.ts.
 */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { LogOwner } from "../../src/archive/archive.ts";
import { currentLife, decodeHead, encodeHead, headKey, withCurrent } from "../../src/archive/head.ts";
import { LogText } from "../../src/archive/log-text.ts";
import { R2Archive } from "../../src/archive/r2-archive.ts";
import { openSegment, type StoredSegment, segmentsOfDay } from "../../src/archive/segments.ts";
import type { AuditReport } from "../../src/audit/audit-report.ts";
import { DAY_MS } from "../../src/core/limits.ts";
import { encodeMessage } from "../../src/core/message.ts";
import { type Position, positionAfter } from "../../src/core/position.ts";
import { encodeTokenEvent, type TokenEvent } from "../../src/core/token-event.ts";
import { buryLetter } from "../../src/queue/dead-letter.ts";
import { ask } from "../admin/ask.ts";
import { aSignedClick, audit, count, shardOfEvent, startOver, TODAY } from "../support/audited.ts";
import { testSeal } from "../support/tokens.ts";

beforeEach(startOver);

const REASON = "No copy of it is left anywhere: it is lost.";
const ROUNDS_MAX = 4;

const sums = () => env.REPORT_DB.prepare("SELECT sum(gross) gross, sum(valid) valid FROM facts_minute").first();

/** Two segments of one log, a valid click and a duplicate of it. */
async function twoSegments(): Promise<[StoredSegment, StoredSegment]> {
  const click = await aSignedClick();
  await count([click]);
  await count([{ ...click, id: (await aSignedClick()).id } satisfies TokenEvent]);
  const segments = await segmentsOfDay(env.ARCHIVE, TODAY);
  expect(segments).toHaveLength(2);
  return segments as [StoredSegment, StoredSegment];
}

/** Writes the newest segment of a log anew, with right chains, as somebody could who has the bucket. */
async function forge({ key, owner, from }: StoredSegment, change: (text: string) => string, after: Position = from) {
  const old = (await openSegment(env.ARCHIVE, key)) ?? [];
  let to = after;
  const rows: LogText[] = [];
  for (const row of old) {
    const next = new LogText(row.seq, row.loggedAtMs, change(row.lines()));
    rows.push(next);
    to = await positionAfter(to, next);
  }
  await env.ARCHIVE.delete(key);
  await new R2Archive(env.ARCHIVE).put({ key, owner, from: after, to, rows });
  await endAt(owner, to);
}

async function endAt({ shard }: LogOwner, end: Position): Promise<void> {
  const head = decodeHead((await (await env.ARCHIVE.get(headKey(shard)))?.text()) ?? "");
  await env.ARCHIVE.put(headKey(shard), encodeHead(withCurrent(head, { ...currentLife(head), end })));
}

async function copyTo(from: string, to: string): Promise<void> {
  const object = await env.ARCHIVE.get(from);
  const customMetadata = object?.customMetadata ?? {};
  await env.ARCHIVE.put(to, (await object?.arrayBuffer()) ?? "", { customMetadata });
}

/** Accepts by name what may be accepted, has replayed what waits, mends the rest, over the API; until it is clean. */
async function close(): Promise<{ kinds: string[]; accepted: number; last: AuditReport }> {
  const kinds = new Set<string>();
  let accepted = 0;
  for (let round = 0; ; round++) {
    const last = await audit();
    for (const kind of Object.keys(last.found)) kinds.add(kind);
    if (last.outcome === "clean" || round === ROUNDS_MAX) return { kinds: [...kinds].sort(), accepted, last };
    const examples = Object.values(last.found).flatMap((found) => found.examples);
    for (const { kind, where, acceptable } of examples) {
      if (acceptable) {
        const { status } = await ask(`POST /v1/admin/audits/${TODAY}/losses`, {
          body: { object: where, reason: REASON },
        });
        expect(status).toBe(200);
        accepted++;
      }
      if (kind !== "leftover") continue;
      const { body } = await ask("POST /v1/admin/dead-letters/replay", { body: { keys: [where] } });
      expect(body).toMatchObject({ results: [{ outcome: "replayed", counted: 1 }] });
    }
    if (accepted === 0) expect((await ask(`POST /v1/admin/audits/${TODAY}/mend`)).status).toBe(200);
    else await ask(`POST /v1/admin/audits/${TODAY}/mend`);
  }
}

describe("a day in whose archive there is", () => {
  it.each<[string, string[], (segments: [StoredSegment, StoredSegment]) => Promise<void>, object]>([
    [
      "no segment where one was",
      ["fact_extra", "segment_missing"],
      async ([{ key }]) => void (await env.ARCHIVE.delete(key)),
      { gross: 1, valid: 0 },
    ],
    [
      "a segment that was changed",
      ["fact_extra", "segment_changed"],
      async ([, { key }]) => {
        const { customMetadata = {} } = (await env.ARCHIVE.head(key)) ?? {};
        await env.ARCHIVE.put(key, "junk", { customMetadata });
      },
      { gross: 1, valid: 1 },
    ],
    [
      "a copy of a segment under another life",
      ["late_segment"],
      async ([{ key }]) => copyTo(key, key.replace(/[^/]+-(\d{12})/, "feedbeef-$1")),
      { gross: 2, valid: 1 },
    ],
    [
      "a whole segment that follows another log",
      ["chain_broken"],
      async ([, newest]) => forge(newest, (text) => text, { ...newest.from, chain: "0".repeat(64) }),
      { gross: 2, valid: 1 },
    ],
    [
      "a line that nobody can read, under right chains",
      ["fact_extra", "line_unreadable"],
      async ([, newest]) => forge(newest, (text) => text.replace('"verdict":"duplicate"', '"verdict":"perhaps"')),
      { gross: 1, valid: 1 },
    ],
  ])("%s becomes clean when that is accepted by name, and figures follow", async (_, kinds, plant, figures) => {
    await plant(await twoSegments());
    const closed = await close();
    expect(closed).toMatchObject({ kinds: expect.arrayContaining(kinds), last: { outcome: "clean" } });
    expect(closed.accepted).toBeGreaterThan(0);
    expect(closed.last.accepted[0]).toMatchObject({ reason: REASON, by: "admin" });
    expect(await sums()).toEqual(figures);
  });
});

describe("a day of events", () => {
  it("whose rules are lost becomes clean when they are accepted as they stand, and when the rules come back", async () => {
    await count([await aSignedClick()]);
    const [{ key = "" } = {}] = (await env.ARCHIVE.list({ prefix: "rules/v1/" })).objects;
    await copyTo(key, "copy");
    await env.ARCHIVE.delete(key);
    expect(await audit()).toMatchObject({ outcome: "blocked", found: { rules_unknown: { count: 1 } } });
    await copyTo("copy", key);
    expect(await audit()).toMatchObject({ outcome: "clean", accepted: [] });
    await env.ARCHIVE.delete(key);
    expect(await close()).toMatchObject({ kinds: ["rules_unknown"], accepted: 1, last: { outcome: "clean" } });
    expect(await sums()).toEqual({ gross: 1, valid: 1 });
  });

  it("of which one waits in a dead letter becomes clean when it is replayed, and counts it once", async () => {
    const [counted, waiting] = [await aSignedClick(), await aSignedClick()];
    await count([counted]);
    const letter = { reason: "retries_exhausted", queue: "clicks-dead", messageId: "m-1", index: 0 } as const;
    const payload = encodeMessage([encodeTokenEvent(waiting)]);
    const sentAtMs = Date.parse(TODAY);
    await buryLetter({ archive: env.ARCHIVE, seal: testSeal }, { ...letter, attempts: 100, sentAtMs, payload });
    expect(await close()).toMatchObject({ kinds: ["leftover"], accepted: 0, last: { outcome: "clean" } });
    await count([waiting]);
    expect(await sums()).toEqual({ gross: 2, valid: 2 });
  });

  it("of which one came when its keys were forgotten becomes clean when it is settled", async () => {
    const receivedAtMs = Date.now() - 12 * DAY_MS;
    const iat = Math.floor(receivedAtMs / 1_000) - 60;
    const held = await aSignedClick({ receivedAtMs, occurredAtMs: receivedAtMs }, { iat, exp: iat + 3_600 });
    await env.EVENT_SHARD.getByName(await shardOfEvent(held)).sweep();
    await count([held]);
    expect(await sums()).toEqual({ gross: null, valid: null });
    expect(await close()).toMatchObject({ kinds: ["unsettled"], accepted: 0, last: { outcome: "clean" } });
    expect(await sums()).toEqual({ gross: 1, valid: 1 });
  });
});
