/** Dead letters come back: counted once, and never when somebody edited them. */
import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { encodeMessage } from "../../src/core/message.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { buryLetter, type DeadLetter, deadLetterKey } from "../../src/queue/dead-letter.ts";
import { type ReplayPorts, replayLetter } from "../../src/queue/replay.ts";
import { aClick, anEpoch, aPayload, NOON_MS } from "../support/builders.ts";
import { aSignedToken } from "../support/signing.ts";
import { aToken, testRing, testSeal } from "../support/tokens.ts";

const TOPOLOGY = [anEpoch(0, 1)];

async function ports(): Promise<ReplayPorts> {
  const { EVENT_SHARD: shards, ORDER_SHARD: orders, ARCHIVE: archive } = env;
  return { shards, orders, topology: TOPOLOGY, archive, ring: await testRing() };
}

async function anEvent(payload: Record<string, unknown> = {}) {
  return encodeTokenEvent({ ...aClick({ receivedAtMs: Date.now() }), token: await aToken(payload) });
}

let serial = 0;

async function bury(payload: string): Promise<string> {
  const letter: DeadLetter = {
    reason: "retries_exhausted",
    queue: "clickledger-clicks-dead",
    messageId: `letter-${serial++}`,
    index: 0,
    attempts: 100,
    sentAtMs: NOON_MS,
    payload,
  };
  await buryLetter({ archive: env.ARCHIVE, seal: testSeal }, letter);
  return deadLetterKey(letter);
}

async function edit(key: string, change: (letter: Record<string, unknown>) => Record<string, unknown>): Promise<void> {
  const letter = (await (await env.ARCHIVE.get(key))?.json()) as Record<string, unknown>;
  await env.ARCHIVE.put(key, JSON.stringify({ ...letter, ...change(letter) }));
}

describe("replayLetter", () => {
  it("counts what had not been counted, once, and keeps the letter as evidence", async () => {
    const [counted, lost] = [await anEvent(), await anEvent()];
    await env.EVENT_SHARD.getByName("clicks-0").ingest([counted]);
    const key = await bury(encodeMessage([counted, lost]));
    expect(await replayLetter(key, await ports())).toEqual({ key, outcome: "replayed", events: 2, counted: 1 });
    expect(await replayLetter(key, await ports())).toEqual({ key, outcome: "refused", reason: "not_found" });
    expect(await env.ARCHIVE.head(key.replace("dead/", "dead-replayed/"))).not.toBeNull();
  });

  it("counts nothing twice when it is replayed again after a crash before the letter was moved", async () => {
    const message = encodeMessage([await anEvent()]);
    const key = await bury(message);
    expect(await replayLetter(key, await ports())).toMatchObject({ counted: 1 });
    const again = await bury(message);
    expect(await replayLetter(again, await ports())).toMatchObject({ outcome: "replayed", counted: 0 });
  });

  it.each<[string, (letter: Record<string, unknown>) => Record<string, unknown>]>([
    ["payload", ({ payload }) => ({ payload: String(payload).replace('"count":1', '"count":9') })],
    ["time", () => ({ sent_at_ms: 1 })],
    ["seal", () => ({ seal: { kid: "test-2", mac: "A".repeat(43) } })],
  ])("refuses a letter whose %s was edited by hand", async (_, change) => {
    const key = await bury(encodeMessage([await anEvent()]));
    await edit(key, change);
    expect(await replayLetter(key, await ports())).toMatchObject({ outcome: "refused", reason: "seal_broken" });
    expect(await env.ARCHIVE.head(key)).not.toBeNull();
  });

  it("refuses an object that is no letter any more", async () => {
    const key = await bury(encodeMessage([await anEvent()]));
    await env.ARCHIVE.put(key, "{");
    expect(await replayLetter(key, await ports())).toMatchObject({ outcome: "refused", reason: "not_a_letter" });
  });

  it("verifies each token again: an edited price mints no money, even under a good seal", async () => {
    const token = await aToken();
    const [header, payload, signature] = token.split(".");
    const dearer = btoa(atob(payload as string).replace("250000", "950000")).replaceAll("=", "");
    const forged = encodeTokenEvent({ ...aClick(), token: `${header}.${dearer}.${signature}` });
    const key = await bury(encodeMessage([await anEvent(), forged]));
    const before = (await env.EVENT_SHARD.getByName("clicks-0").status()).lastSeq;
    expect(await replayLetter(key, await ports())).toEqual({
      key,
      outcome: "refused",
      reason: "token_refused",
      detail: "signature_invalid",
    });
    expect((await env.EVENT_SHARD.getByName("clicks-0").status()).lastSeq).toBe(before);
  });

  it("asks for the signature alone, by a retired key too: settings of its receipt let it in", async () => {
    const iat = Math.floor(Date.now() / 1_000) - 1;
    const payload = { iat, exp: iat + 90_000, url: "http://shop.example/" };
    const header = { alg: "EdDSA", kid: "ed-retired", typ: "JWT" };
    const events = await Promise.all(
      ["retired-1", "retired-2"].map(async (jti) =>
        encodeTokenEvent({
          ...aClick({ receivedAtMs: Date.now() }),
          token: await aSignedToken(aPayload({ jti, ...payload }), header),
        }),
      ),
    );
    const key = await bury(encodeMessage(events));
    expect(await replayLetter(key, await ports())).toMatchObject({ outcome: "replayed", events: 2, counted: 2 });
  });

  it("leaves what cannot be read where it is", async () => {
    const key = await bury("{}");
    expect(await replayLetter(key, await ports())).toMatchObject({ outcome: "refused", reason: "unreadable" });
  });
});

describe("the desk for dead letters", () => {
  const call = async (path: string, init: RequestInit = {}) => {
    const headers = { Authorization: `Bearer ${env.ADMIN_API_KEY}` };
    const response = await exports.default.fetch(`https://track.example${path}`, { headers, ...init });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  it("lists, shows and replays", async () => {
    const key = await bury(encodeMessage([await anEvent()]));
    const listed = await call("/v1/admin/dead-letters");
    expect(listed.body["letters"]).toContainEqual(
      expect.objectContaining({ key, reason: "retries_exhausted", attempts: 100 }),
    );
    const shown = await call(`/v1/admin/dead-letters/show?key=${encodeURIComponent(key)}`);
    expect(shown.body["letter"]).toMatchObject({ reason: "retries_exhausted", queue: "clickledger-clicks-dead" });
    const replayed = await call("/v1/admin/dead-letters/replay", {
      method: "POST",
      body: JSON.stringify({ keys: [key] }),
    });
    expect(replayed.body["results"]).toEqual([{ key, outcome: "replayed", events: 1, counted: 1 }]);
    expect((await call(`/v1/admin/dead-letters/show?key=${encodeURIComponent(key)}`)).status).toBe(404);
  });

  it("shows nothing but dead letters, to nobody but the operator", async () => {
    expect((await call("/v1/admin/dead-letters/show?key=raw/v1/x")).status).toBe(400);
    expect((await call("/v1/admin/dead-letters", { headers: {} })).status).toBe(401);
  });
});
