/**
 * Erasing over an archive in memory: after it nothing names the person, and a stranger reads the log as before. The
 * order is killed at each of its writes.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { segmentKey } from "../../src/archive/archive.ts";
import { putHold, releaseHold } from "../../src/archive/holds.ts";
import { LogText } from "../../src/archive/log-text.ts";
import { R2Archive } from "../../src/archive/r2-archive.ts";
import { segmentsBehind } from "../../src/archive/segments.ts";
import { ClickLines, readClickLines } from "../../src/audit/click-lines.ts";
import { scanSegment } from "../../src/audit/scan.ts";
import { decodeBase64url } from "../../src/core/base64url.ts";
import type { EvidenceLine } from "../../src/core/evidence.ts";
import { HOUR_MS } from "../../src/core/limits.ts";
import { encodeLogLine } from "../../src/core/log-line.ts";
import { LOG_START, type Position, positionAfter } from "../../src/core/position.ts";
import { isSealed, sealText } from "../../src/core/seal.ts";
import { hourOf } from "../../src/core/time.ts";
import { encodeTokenEvent, type TokenEvent } from "../../src/core/token-event.ts";
import { readOrder, readReceipt, type Subject, writeOrder } from "../../src/erasure/order.ts";
import { newOrder, PASS_EVERY_MS, runOrder } from "../../src/erasure/run.ts";
import { decodeTokens, encodeTokens } from "../../src/evidence/parquet.ts";
import { deadLetterKey, parseLetter, sealedText } from "../../src/queue/dead-letter.ts";
import { aClick, anEpoch, NOON_MS } from "../support/builders.ts";
import { MemoryR2 } from "../support/memory-r2.ts";
import { aToken, testRing } from "../support/tokens.ts";

const ring = await testRing();
const OWNER = { shard: "clicks-0", incarnation: "a" };
const USER: Subject = { advertiserId: "adv_1", uid: "user_jane_of_adv_1" };
const ID = "11111111-1111-4111-8111-111111111111";
const DAY = "2026-04-20";
const TOKENS = `evidence/v1/adv=adv_1/dt=${DAY}/tokens-12-0123456789abcdef.parquet`;
const PLAN = "replays/v1/x/changes/2026-04-20/clicks-0.ndjson";
/** What only the person's own events hold. */
const SECRETS = ["Jane's phone", "who=jane", "user_jane_of_adv_1"];

let events: TokenEvent[];
beforeAll(async () => {
  events = await Promise.all(
    ["user_jane_of_adv_1", "u_2", "user_jane_of_adv_1", "u_3", "user_jane_of_adv_1"].map(async (uid, at) => {
      const isHers = uid === "user_jane_of_adv_1";
      const url = `https://shop.example/?who=${isHers ? "jane" : "joe"}`;
      const token = await aToken({ jti: `imp_${at}`, uid, url });
      return { ...aClick({ userAgent: isHers ? "Jane's phone" : "Joe's phone" }), token };
    }),
  );
});

/** An archive with two segments, click lines, tokens, a letter, a plan, and a shelf of late clicks. */
class World {
  readonly r2 = new MemoryR2();
  nowMs = NOON_MS + 10 * HOUR_MS;
  shelf: { event: string; encoded: string }[] = [];
  end: Position = LOG_START;
  letter = "";
  isDead = false;
  /** Up to where all that was received has arrived. */
  arrivedMs: number | null = Number.POSITIVE_INFINITY;
  /** What a look at the clock takes. */
  clockStepMs = 0;

  static async make(): Promise<World> {
    const world = new World();
    for (const part of [events.slice(0, 3), events.slice(3)]) await world.#archive(part);
    await world.#leaveEvidence();
    await world.#bury();
    const [first] = events as [TokenEvent];
    const encoded = encodeTokenEvent(first);
    world.shelf = [{ event: first.id, encoded }];
    const change = { event: first.id, encoded, promote: { encoded, n: 1 } };
    world.r2.set(PLAN, JSON.stringify(change));
    return world;
  }

  async #archive(part: readonly TokenEvent[]): Promise<void> {
    const at = { seq: this.end.seq + 1, loggedAtMs: NOON_MS + 1_000, rules: "4-1f3a9c02" };
    const lines = part.map((one) => encodeLogLine(at, { verdict: "valid", reason: null }, encodeTokenEvent(one)));
    const row = new LogText(at.seq, at.loggedAtMs, lines.join("\n"));
    const [from, to] = [this.end, await positionAfter(this.end, row)];
    const key = segmentKey(OWNER, hourOf(at.loggedAtMs), at.seq);
    await new R2Archive(this.r2.bucket).put({ key, owner: OWNER, from, to, rows: [row] });
    this.end = to;
  }

  async #leaveEvidence(): Promise<void> {
    const { clicks } = await this.scan();
    const lines = new ClickLines();
    for (const line of clicks) lines.add(line);
    await lines.put(this.r2.bucket, `${DAY}/0001/clicks-0-0`);
    this.r2.set(TOKENS, encodeTokens(clicks));
  }

  async #bury(): Promise<void> {
    const payload = `{"v":1,"events":[${events.map(encodeTokenEvent).join()}]}`;
    const letter = { reason: "retries_exhausted", queue: "q", messageId: "m", index: 0, attempts: 1, payload } as const;
    const sent = { ...letter, sentAtMs: NOON_MS };
    const { messageId: message_id, sentAtMs: sent_at_ms, ...rest } = sent;
    const seal = await sealText(ring, sealedText(sent));
    this.letter = deadLetterKey(sent);
    this.r2.set(this.letter, JSON.stringify({ v: 1, ...rest, message_id, sent_at_ms, seal }));
  }

  /** The log as an audit reads it. */
  async scan() {
    const clicks: EvidenceLine[] = [];
    const [found, records, figures] = [[] as unknown[], [] as unknown[], [] as unknown[]];
    for await (const segment of segmentsBehind(this.r2.bucket, "")) {
      const judge = () => ({ verdict: "valid", reason: null }) as const;
      const scanned = await scanSegment(this.r2.bucket, segment, {
        ...{ accepted: new Set<string>(), life: 0, judges: { ring, topology: [anEpoch(0, 1)], judge } },
        onRecord: (record) => void records.push(record),
        onClick: (line) => void clicks.push(line),
      });
      found.push(...scanned.found);
      for (const { facts, events: count, from, to } of scanned.pieces) {
        figures.push({ count, from, to, rows: Array.from(facts.values(), ({ users: _, ...row }) => row) });
      }
    }
    return { found, records, figures, clicks };
  }

  async order(subject: Subject = USER): Promise<void> {
    await writeOrder(this.r2.bucket, newOrder(ID, subject, { by: "key_1", nowMs: this.nowMs }), null);
  }

  run(untilMs = Number.POSITIVE_INFINITY) {
    const shelf = {
      shelved: async (after: string) => this.shelf.filter(({ event }) => event > after),
      reshelve: async (changed: readonly { event: string; was: string; encoded: string }[]) => {
        for (const { event, was, encoded } of changed) {
          this.shelf = this.shelf.map((one) => (one.event === event && one.encoded === was ? { event, encoded } : one));
        }
      },
    };
    const shelves = async () => new Map([["clicks-0", shelf]]);
    const clock = () => {
      this.nowMs += this.clockStepMs;
      return this.nowMs - this.clockStepMs;
    };
    const arrivedUntilMs = async () => this.arrivedMs;
    return runOrder({ bucket: this.r2.bucket, ring, clock, arrivedUntilMs, shelves }, ID, untilMs);
  }

  /** Runs until the order is done; a run that is dead writes nothing any more, and the next minute goes on. */
  async finish(): Promise<void> {
    for (let turn = 0; turn < 300; turn++) {
      if ((await this.run().catch(() => false)) === true) return;
      this.isDead = false;
      this.nowMs += PASS_EVERY_MS / 2;
    }
    throw new Error("the order is never done");
  }

  /** Everything that stands anywhere, opened: texts, and payloads of tokens. */
  async text(): Promise<string> {
    const lines = this.r2.keys("raw/");
    const texts = await Promise.all(
      lines.map(async (key) => {
        const stream = new Blob([this.r2.objects.get(key)?.bytes as Uint8Array<ArrayBuffer>]).stream();
        return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).text();
      }),
    );
    const [clickKey = ""] = this.r2.keys("clicks/");
    texts.push(JSON.stringify(await readClickLines(this.r2.bucket, clickKey)));
    const tokens = this.r2.objects.get(TOKENS)?.bytes.slice().buffer as ArrayBuffer;
    texts.push(JSON.stringify(await decodeTokens(tokens)), JSON.stringify(this.shelf));
    for (const key of [...this.r2.keys("dead/"), ...this.r2.keys("replays/"), ...this.r2.keys("erasures/")]) {
      texts.push(this.r2.text(key) ?? "");
    }
    const whole = texts.join("\n");
    return whole + Array.from(whole.matchAll(/eyJ[\w-]+\.(eyJ[\w-]+)\./g), ([, part = ""]) => atobUrl(part)).join("\n");
  }
}

const atobUrl = (part: string) => new TextDecoder().decode(decodeBase64url(part) ?? new Uint8Array());

describe("an erasure of a person", () => {
  it("leaves nothing that names them anywhere, and every figure, claim and chain as it was", async () => {
    const world = await World.make();
    const before = await world.scan();
    expect(before.found).toEqual([]);
    for (const secret of SECRETS) expect(await world.text()).toContain(secret);
    await world.order();
    await world.finish();
    const text = await world.text();
    for (const secret of SECRETS) expect(text).not.toContain(secret);
    expect(text).toContain("who=joe");
    const { clicks, ...after } = await world.scan();
    expect(after).toEqual({ found: [], records: before.records, figures: before.figures });
    const rows = (of: readonly EvidenceLine[]) => of.map(({ token: _, tokenHash: __, ...row }) => row);
    expect(rows(clicks)).toEqual(rows(before.clicks));
  });

  it("ends with a sealed receipt that counts what was erased, and names nobody", async () => {
    const world = await World.make();
    await world.order();
    await world.finish();
    expect(await readOrder(world.r2.bucket, ID)).toBeNull();
    const sealed = await readReceipt(world.r2.bucket, ID);
    const counts = { lines: 3, click_lines: 3, tokens: 3, copies: 5, late_clicks: 1 };
    expect(sealed?.receipt).toMatchObject({ id: ID, subject: "user", by: "key_1", passes: 2, erased: counts });
    expect(JSON.stringify(sealed)).not.toContain("user_jane_of_adv_1");
    expect(sealed !== null && (await isSealed(ring, JSON.stringify(sealed.receipt), sealed.seal))).toBe(true);
    expect((sealed?.receipt.ended_at_ms ?? 0) - NOON_MS).toBeLessThan(24 * HOUR_MS);
    const letter = parseLetter(world.r2.text(world.letter) ?? "");
    expect(letter !== null && (await isSealed(ring, sealedText(letter.letter), letter.seal))).toBe(true);
  });

  it("looks once more two hours later, also where it found nothing: what was on its way by then is erased", async () => {
    const world = await World.make();
    const [first] = events as [TokenEvent];
    const late = world.shelf;
    world.shelf = [];
    for (const key of ["raw/", "clicks/", "evidence/", "dead/", "replays/"].flatMap((prefix) =>
      world.r2.keys(prefix),
    )) {
      world.r2.objects.delete(key);
    }
    await world.order();
    expect(await world.run()).toBe(false);
    world.shelf = late;
    world.nowMs += PASS_EVERY_MS;
    expect(await world.run()).toBe(false);
    expect(world.shelf.map(({ encoded }) => encoded.includes(first.token))).toEqual([false]);
    await world.finish();
    expect((await readReceipt(world.r2.bucket, ID))?.receipt).toMatchObject({ passes: 3, erased: { late_clicks: 1 } });
  });

  it.each([
    ["something that was received before it is on its way", NOON_MS],
    ["nobody knows what is on its way", null],
  ])("looks again every two hours while %s", async (_, arrivedMs) => {
    const world = await World.make();
    const [late] = world.shelf;
    world.shelf = [];
    world.arrivedMs = arrivedMs;
    await world.order();
    for (let pass = 1; pass <= 4; pass++) {
      expect(await world.run()).toBe(false);
      world.nowMs += PASS_EVERY_MS;
    }
    // An outage is over.
    world.arrivedMs = world.nowMs;
    world.shelf = late === undefined ? [] : [late];
    await world.finish();
    expect((await readReceipt(world.r2.bucket, ID))?.receipt).toMatchObject({ passes: 6, erased: { late_clicks: 1 } });
  });

  it("goes on after it was killed at any of its writes, to the same end", async () => {
    const whole = await World.make();
    await whole.order();
    let writes = 0;
    whole.r2.beforeWrite = () => void writes++;
    await whole.finish();
    expect(writes).toBeGreaterThan(10);
    for (let killed = 1; killed <= writes; killed++) {
      const world = await World.make();
      await world.order();
      let at = 0;
      world.r2.beforeWrite = () => {
        world.isDead ||= ++at === killed;
        if (world.isDead) throw new Error("killed");
      };
      await world.finish();
      const text = await world.text();
      for (const secret of SECRETS) expect(text, `write ${killed}`).not.toContain(secret);
      expect((await world.scan()).found).toEqual([]);
    }
  });

  it("leaves nothing out where each turn has time for one object, at each of which it stops and goes on", async () => {
    const world = await World.make();
    const moved = `dead-replayed/v1/${world.letter}`;
    world.r2.set(moved, world.r2.text(world.letter) ?? "");
    await world.order();
    world.clockStepMs = 1;
    for (let turn = 0; turn < 300 && (await world.run(world.nowMs + 3)) !== true; turn++) {
      world.nowMs += PASS_EVERY_MS;
    }
    expect(await readOrder(world.r2.bucket, ID)).toBeNull();
    const text = await world.text();
    for (const secret of SECRETS) expect(text).not.toContain(secret);
    expect(world.r2.text(moved)).not.toContain("Jane's phone");
  });

  it("waits by name where a hold keeps a day, and ends when it is released", async () => {
    const world = await World.make();
    const hold = { id: "h", from: DAY, to: "2026-04-21", advertiserId: null, reason: "dispute", by: "k", atMs: 0 };
    await putHold(world.r2.bucket, hold);
    await world.order();
    for (let turn = 0; turn < 8; turn++) {
      expect(await world.run()).toBe(false);
      const waits = { pass: turn + 2, waiting: { held: [DAY], refused: [] } };
      expect((await readOrder(world.r2.bucket, ID))?.order).toMatchObject(waits);
      if (turn === 0) expect(await world.text()).toContain("Jane's phone");
      world.nowMs += PASS_EVERY_MS;
    }
    await releaseHold(world.r2.bucket, "h", { by: "k", atMs: 1 });
    await world.finish();
    expect(await world.text()).not.toContain("Jane's phone");
  });

  it("waits by name where an object cannot be replaced, and erases the others", async () => {
    const world = await World.make();
    await world.order();
    world.r2.beforeWrite = (key) => {
      if (key === TOKENS) throw new Error("10069: the object is locked");
    };
    expect(await world.run(world.nowMs + 1)).toBe(false);
    const kept = JSON.stringify(await decodeTokens(world.r2.objects.get(TOKENS)?.bytes.slice().buffer as ArrayBuffer));
    expect(kept).toContain("eyJ");
    expect((await world.scan()).clicks.filter(({ token }) => token === "")).toHaveLength(3);
    world.nowMs += PASS_EVERY_MS;
    await world.run(world.nowMs + 1);
    expect((await readOrder(world.r2.bucket, ID))?.order.waiting).toEqual({ held: [], refused: [TOKENS] });
    expect(await readReceipt(world.r2.bucket, ID)).toBeNull();
  });

  it("takes no other advertiser's person of the same name, and of one click nothing but that", async () => {
    const world = await World.make();
    await world.order({ advertiserId: "adv_2", uid: "user_jane_of_adv_1" });
    await world.finish();
    expect(await world.text()).toContain("Jane's phone");
    const other = await World.make();
    await other.order({ advertiserId: "adv_1", eventId: (events[2] as TokenEvent).id });
    await other.finish();
    expect((await other.scan()).clicks.map(({ token }) => token === "")).toEqual([false, false, true, false, false]);
  });
});
