/** Receipts of clicks on the platform: for the advertiser and the publisher of the click, and for nobody else. */
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { hashApiKey, makeApiKey } from "../../src/access/api-keys.ts";
import { PLAIN_STEPS } from "../../src/audit/steps.ts";
import { readConfig } from "../../src/config.ts";
import { decodeBase64url, parseJson } from "../../src/core/base64url.ts";
import { checkProof } from "../../src/core/checkpoint.ts";
import { eventIdBytes, makeEventId } from "../../src/core/event-id.ts";
import { DAY_MS } from "../../src/core/limits.ts";
import { hashLeaf } from "../../src/core/merkle.ts";
import { parseVerifierKey } from "../../src/core/signed-note.ts";
import { encodeTokenEvent, type TokenEvent } from "../../src/core/token-event.ts";
import { eraseByCron } from "../../src/erasure/cron.ts";
import { PASS_EVERY_MS } from "../../src/erasure/run.ts";
import { hourLeaf } from "../../src/evidence/hours.ts";
import { makeEvidence } from "../../src/evidence/make.ts";
import { canonicalBytes, sha256Hex } from "../../src/evidence/manifest.ts";
import { evidencePorts } from "../../src/evidence/ports.ts";
import type { Receipt } from "../../src/evidence/receipt.ts";
import { type ReceiptPorts, receiptOfClick } from "../../src/operator/receipt.ts";
import { topologyInForce } from "../../src/shard/topology-keeper.ts";
import { aSignedClick, audit, count, shardOfEvent, startOver, TODAY, TOMORROW } from "../support/audited.ts";
import { CRAWLER } from "../support/builders.ts";
import { aScope } from "../support/scopes.ts";
import { POLICY, testRing } from "../support/tokens.ts";

const ADMIN = `Bearer ${env.ADMIN_API_KEY}`;
const PUB = "pub_1";
let mine: string, publishers: string, others: string, otherPublishers: string;
let first: TokenEvent, repeat: TokenEvent, crawler: TokenEvent;

async function ask(id: string, key: string, search = "") {
  const url = `https://track.example/v1/clicks/${encodeURIComponent(id)}/receipt${search}`;
  const response = await exports.default.fetch(url, { headers: { Authorization: key } });
  const text = await response.text();
  const json = parseJson(text) as Record<string, unknown>;
  return { status: response.status, retryAfter: response.headers.get("Retry-After"), text, json };
}

async function keyOf(column: "advertiser_id" | "publisher_id", ownerId: string): Promise<string> {
  const key = makeApiKey(crypto.getRandomValues(new Uint8Array(32)));
  await env.REPORT_DB.prepare(
    `INSERT INTO api_keys (key_hash, key_id, ${column}, scopes, created_at_ms) VALUES (?1, ?2, ?3, '["report"]', 0)`,
  )
    .bind(hashApiKey(key), `key_${ownerId}`, ownerId)
    .run();
  return `Bearer ${key}`;
}

const evidence = () => makeEvidence(evidencePorts(env), PLAIN_STEPS);
const sequence = () => env.EVIDENCE_LOG.getByName("log").sequence();
async function vkey(): Promise<string> {
  const keys = await exports.default.fetch("https://track.example/evidence/keys");
  return ((await keys.json()) as { keys: { vkey: string }[] }).keys[0]?.vkey ?? "";
}

/** What a receipt says, whose leaf the log has; its paths are checked in test/verify/receipt.test.ts. */
async function verified(text: string) {
  const receipt = parseJson(text) as Receipt;
  const bytes = canonicalBytes(receipt.manifest);
  const stored = { manifest: receipt.manifest, sha256: await sha256Hex(bytes), bytes };
  const key = parseVerifierKey(await vkey());
  if (key === null) throw new Error("the log has a key");
  const log = { origin: key.name, keys: [key], leafHash: hashLeaf(hourLeaf(stored)) };
  expect(await checkProof(receipt.proof, log)).toMatchObject({ ok: true });
  const line = parseJson(receipt.line) as { event: { id: string; token: string } };
  return { line, claims: openToken(line.event.token) };
}

function openToken(token: string): unknown {
  return parseJson(new TextDecoder().decode(decodeBase64url(token.split(".")[1] ?? "") ?? new Uint8Array()));
}

beforeAll(async () => {
  await startOver();
  mine = await keyOf("advertiser_id", "adv_1");
  others = await keyOf("advertiser_id", "adv_other");
  publishers = await keyOf("publisher_id", PUB);
  otherPublishers = await keyOf("publisher_id", "pub_other");
  first = await aSignedClick({ ipHash: "a1b2c3d4e5f60718", userHash: "1807f6e5d4c3b2a1" }, { pub: PUB });
  repeat = { ...first, id: (await aSignedClick()).id };
  crawler = await aSignedClick({ userAgent: CRAWLER }, { pub: PUB });
  await count([first, repeat, crawler]);
});

describe("a receipt", () => {
  it("is not there before its day is audited, and the answer says when it will be", async () => {
    const { status, json, retryAfter } = await ask(first.id, mine);
    expect([status, json["type"]]).toEqual([409, "/problems/receipt-not-yet"]);
    expect(json["detail"]).toMatch(new RegExp(`logged on ${TODAY}, .* audited after 20.* ask again at 20`));
    expect(Number(retryAfter)).toBeGreaterThan(0);
  });

  it("is not there before the evidence log has its hour, and the answer says when it will", async () => {
    await audit();
    await evidence();
    const { status, json, retryAfter } = await ask(first.id, mine);
    expect([status, json["type"]]).toEqual([409, "/problems/receipt-not-yet"]);
    expect(json["detail"]).toMatch(/the evidence log takes it within the hour/);
    expect(Number(retryAfter)).toBeLessThanOrEqual(2 * 3_600);
    await sequence();
  });

  it("is the same for the advertiser, the publisher and the operator, and a stranger verifies it", async () => {
    for (const event of [first, repeat, crawler]) {
      const answers = await Promise.all([mine, publishers, ADMIN].map((key) => ask(event.id, key)));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      const { line, claims } = await verified(answers[0]?.text ?? "");
      expect(line.event.id).toBe(event.id);
      expect(claims).toMatchObject({ adv: "adv_1", pub: PUB });
    }
    const { line } = await verified((await ask(repeat.id, mine)).text);
    expect(line).toMatchObject({ verdict: "duplicate", reason: "same_impression" });
    expect((await ask(first.id, mine)).text).not.toMatch(/a1b2c3d4e5f60718|1807f6e5d4c3b2a1/);
  });

  it("is for another tenant what that of an unknown click is, letter for letter", async () => {
    const random = crypto.getRandomValues(new Uint8Array(8));
    const unknown = makeEventId({ receivedAtMs: Date.now() - 1_000, routingHash: 77 }, random);
    const future = makeEventId({ receivedAtMs: Date.now() + 400 * DAY_MS, routingHash: 77 }, random);
    const of = await ask(unknown, mine);
    expect([of.status, of.json["type"]]).toEqual([404, "/problems/not-found"]);
    for (const key of [others, otherPublishers]) expect((await ask(first.id, key)).text).toBe(of.text);
    for (const search of ["?decision=0", "?decision=1", "?decision=9"]) {
      expect((await ask(first.id, others, search)).text).toBe(of.text);
    }
    expect((await ask(future, mine)).text).toBe(of.text);
    expect((await ask(future, ADMIN)).text).toBe(of.text);
  });

  it("asks for an id, and for nothing that it does not know", async () => {
    const ids = ["click-9", "1~", `${first.id}x`, first.id.slice(1), "%00", "..", first.id.toUpperCase()];
    const answers = await Promise.all(ids.map((id) => ask(id, mine)));
    for (const { status, json } of answers) {
      expect([400, 404]).toContain(status);
      expect(json["type"]).toMatch(/invalid-value|not-found/);
    }
    for (const decision of ["-1", "last", "1.5", "00", "10000", ""]) {
      const { status, json } = await ask(first.id, mine, `?decision=${decision}`);
      expect([status, json["field"]]).toEqual([400, "decision"]);
    }
    expect((await ask(first.id, mine, "?revision=1")).json["type"]).toBe("/problems/unknown-parameter");
    expect((await ask(first.id, "")).status).toBe(401);
    expect(eventIdBytes(first.id)).toHaveLength(18);
  });

  it("is there of each later decision on the click as well", async () => {
    const none = await ask(first.id, mine, "?decision=1");
    expect([none.status, none.json["field"]]).toEqual([404, "decision"]);
    const shard = env.EVENT_SHARD.getByName(await shardOfEvent(first));
    const request = {
      ...{ encoded: encodeTokenEvent(first), n: 1, from: { verdict: "valid", reason: null } as const },
      to: { verdict: "invalid", reason: "high_frequency" } as const,
    };
    await shard.revise([request], { cause: "replay/1", by: "key_op" });
    await shard.archiveNow();
    expect((await ask(first.id, mine, "?decision=1")).json["type"]).toBe("/problems/receipt-not-yet");
    await audit({}, PLAIN_STEPS, TOMORROW);
    await evidence();
    await sequence();
    const { line } = await verified((await ask(first.id, mine, "?decision=1")).text);
    expect(line).toMatchObject({ verdict: "invalid", reason: "high_frequency", revision: { n: 1, cause: "replay/1" } });
    const before = await verified((await ask(first.id, publishers)).text);
    expect(before.line).toMatchObject({ verdict: "valid", event: { id: first.id } });
  });

  it("is none where the deployment keeps no log, or where the lines of the day are gone, whoever asks", async () => {
    const config = readConfig(env);
    const ports: ReceiptPorts = {
      ...{ shards: env.EVENT_SHARD, archive: env.ARCHIVE, topology: await topologyInForce(env, config) },
      ...{ ring: await testRing(), policy: POLICY, nowMs: Date.now(), closeGraceMs: 0, keepsLog: false },
    };
    const asked = { id: first.id, search: new URLSearchParams() };
    const scope = aScope({ advertiserId: "adv_1" });
    expect(await receiptOfClick(asked, scope, ports)).toMatchObject({ error: { reason: "evidence_log_off" } });
    const oldMs = Date.now() - 500 * DAY_MS;
    const old = makeEventId({ receivedAtMs: oldMs, routingHash: 77 }, new Uint8Array(8));
    await env.ARCHIVE.put(`retired/v1/dt=${new Date(oldMs).toISOString().slice(0, 10)}.json`, "{}");
    for (const key of [mine, others, ADMIN]) {
      const { status, json } = await ask(old, key);
      expect([status, json["type"]]).toEqual([410, "/problems/receipt-gone"]);
    }
    for await (const { key } of (await env.ARCHIVE.list({ prefix: "hour-lines/" })).objects)
      await env.ARCHIVE.delete(key);
    expect((await ask(first.id, mine)).json["type"]).toBe("/problems/receipt-gone");
  });
});

describe("a person who is erased", () => {
  it("is in no line, token or answer any more, and audits, proofs, figures and a filled database are as before", async () => {
    await startOver();
    const clicks = await Promise.all(
      ["u_1", "u_2", "u_1"].map((uid, at) => aSignedClick({ userAgent: `agent of ${uid}` }, { jti: `imp_${at}`, uid })),
    );
    await count(clicks);
    expect((await audit()).outcome).toBe("clean");
    expect((await audit({}, PLAIN_STEPS, TOMORROW)).outcome).toBe("clean");
    await evidence();
    await sequence();
    const admin = async (path: string, body?: object) => {
      const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
      const answered = await exports.default.fetch(`https://track.example${path}`, {
        ...{ headers: { Authorization: ADMIN }, ...sent },
      });
      return { status: answered.status, json: (await answered.json()) as Record<string, unknown> };
    };
    const [hers, his] = [clicks[0]?.id ?? "", clicks[1]?.id ?? ""];
    const kept = await ask(his, ADMIN);
    expect([(await ask(hers, ADMIN)).status, kept.status]).toEqual([200, 200]);
    const begun = await admin("/v1/admin/erasures", { advertiserId: "adv_1", uid: "u_1" });
    expect(begun).toMatchObject({ status: 202, json: { state: "open", of: "user" } });
    const ring = await testRing();
    let nowMs = Date.now() + 1_000;
    for (let turn = 0; turn < 4; turn++) {
      const topology = () => topologyInForce(env, readConfig(env));
      const ports = { bucket: env.ARCHIVE, ring, clock: () => nowMs, arrivedUntilMs: async () => nowMs };
      await eraseByCron(ports, { shards: env.EVENT_SHARD, topology });
      nowMs += PASS_EVERY_MS;
    }
    const erased = { lines: 2, clickLines: 2, tokens: 2, copies: 0, lateClicks: 0 };
    const shown = await admin(`/v1/admin/erasures/${begun.json["id"]}`);
    expect(shown).toMatchObject({ status: 200, json: { state: "done", pass: 2, erased } });
    expect(JSON.stringify(shown.json)).not.toContain("u_1");
    const explained = await admin(`/v1/clicks/${hers}`);
    expect(explained.status).toBe(200);
    expect(JSON.stringify(explained.json)).not.toMatch(/u_1/);
    expect(JSON.stringify((await admin(`/v1/clicks/${his}`)).json)).toContain("agent of u_2");
    expect((await ask(hers, ADMIN)).status).toBe(410);
    expect((await ask(his, ADMIN)).text).toBe(kept.text);
    expect((await audit()).outcome).toBe("clean");
    const facts = () => env.REPORT_DB.prepare("SELECT gross, valid, valid_with_user, cells FROM facts_minute").all();
    const before = (await facts()).results;
    await env.REPORT_DB.batch(
      ["facts_minute", "ledger", "roll_marks"].map((table) => env.REPORT_DB.prepare(`DELETE FROM ${table}`)),
    );
    expect((await admin("/v1/admin/rebuild", { database: "REPORT_DB" })).status).toBe(200);
    expect((await facts()).results).toEqual(before);
  });
});
