/** The evidence log on the platform: kept by its object, woken by cron and by an operator, read by everybody. */
import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { readConfig } from "../../src/config.ts";
import { checkProof, openCheckpoint } from "../../src/core/checkpoint.ts";
import { hashLeaf } from "../../src/core/merkle.ts";
import { parseVerifierKey, type VerifierKey } from "../../src/core/signed-note.ts";
import { decodeEntries } from "../../src/core/tiles.ts";
import { runEvidenceLog, showEvidenceLog } from "../../src/operator/evidence-log.ts";
import { EVIDENCE_LOG_NAME, wakeEvidenceLog } from "../../src/tlog/evidence-log.ts";
import { enqueueLeaf, locateLeaf, proofOf } from "../../src/tlog/log.ts";
import { CHECKPOINT_KEY } from "../../src/tlog/objects.ts";
import { ask } from "../admin/ask.ts";
import { PATIENT } from "../support/patience.ts";

const HOUR_MS = 3_600_000;
const leafOf = (name: string) => new TextEncoder().encode(name) as Uint8Array<ArrayBuffer>;
const read = (path: string, init?: RequestInit) => exports.default.fetch(`https://clicks.example${path}`, init);
const sequence = () => ask("POST /v1/admin/evidence-log/sequence");

/** Keys as a follower finds them. */
async function followed() {
  const { origin, keys } = (await (await read("/evidence/keys")).json()) as {
    origin: string;
    keys: { vkey: string }[];
  };
  return { origin, keys: keys.map(({ vkey }) => parseVerifierKey(vkey) as VerifierKey) };
}

describe("the evidence log", () => {
  it("is not there before its first run, and says so", async () => {
    for (const path of ["/evidence/checkpoint", "/evidence/keys", "/evidence/tile/0/000"]) {
      const response = await read(path);
      expect([response.status, response.headers.get("Content-Type")]).toEqual([404, "application/problem+json"]);
    }
    const { detail } = (await (await read("/evidence/checkpoint")).json()) as { detail: string };
    expect(detail).toContain("published nothing yet");
  });

  it("takes leaves, and serves what proves them to everybody", async () => {
    for (const name of ["a", "b", "c"]) await enqueueLeaf(env.ARCHIVE, leafOf(name));
    expect((await sequence()).body).toEqual({ size: 3, added: 3, isMore: false });
    const log = await followed();
    const response = await read("/evidence/checkpoint");
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      "access-control-allow-origin": "*",
    });
    expect(await openCheckpoint(await response.text(), log)).toMatchObject({ ok: true, value: { size: 3 } });
    for (const name of ["a", "b", "c"]) {
      const leafHash = hashLeaf(leafOf(name));
      const index = await locateLeaf(env.ARCHIVE, leafHash);
      const proof = await proofOf(env.ARCHIVE, index ?? -1);
      expect(await checkProof(proof, { ...log, leafHash })).toMatchObject({ ok: true, value: { index } });
    }
    const bundle = await read("/evidence/tile/entries/000.p/3");
    expect(Object.fromEntries(bundle.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "cache-control": "public, max-age=31536000, immutable",
    });
    const entries = decodeEntries(new Uint8Array(await bundle.arrayBuffer())) ?? [];
    expect(entries.map((entry) => new TextDecoder().decode(entry)).toSorted()).toEqual(["a", "b", "c"]);
    const hashes = new Uint8Array(await (await read("/evidence/tile/0/000.p/3")).arrayBuffer());
    expect(hashes.slice(0, 32)).toEqual(hashLeaf(entries[0] ?? new Uint8Array()));
  });

  it.each([
    ...["/evidence/tile/0/000.p/4", "/evidence/tile/0/000", "/evidence/tile/1/000.p/1", "/evidence/tile/entries/001"],
    ...["/evidence/tile/0/0", "/evidence/tile/00/000.p/3", "/evidence/tile/0/000.p/03", "/evidence/tile/0/000.p/0"],
    ...["/evidence/tile/64/000", "/evidence/tile/data/000.p/3", "/evidence/tile/0/%30%30%30.p/3", "/evidence/tile/0"],
    ...["/evidence/tile/0/x000/000.p/3", "/evidence/tile/0/../0/001.p/3", "/evidence/tile", "/evidence/other"],
    "/evidence/tile/0/000.p/3/4",
  ])("has no %s", async (path) => {
    const response = await read(path);
    expect([response.status, response.headers.get("Content-Type")]).toEqual([404, "application/problem+json"]);
  });

  it("answers HEAD, other prefixes and a slash more as every route does, and takes no other method", async () => {
    expect((await read("/evidence/tile/0/000.p/3", { method: "HEAD" })).status).toBe(200);
    for (const path of [
      "/api/evidence/checkpoint",
      "/evidence/checkpoint/",
      "/evidence//keys",
      "/evidence/tile/0/000.p/3/",
    ]) {
      expect([path, (await read(path)).status]).toEqual([path, 200]);
    }
    const posted = await read("/evidence/checkpoint", { method: "POST" });
    expect([posted.status, posted.headers.get("Allow")]).toEqual([405, "GET, HEAD"]);
  });

  it("cuts a partial tile and bundle that it has not from the full ones", async () => {
    for (let at = 0; at < 256; at++) await enqueueLeaf(env.ARCHIVE, leafOf(`more ${at}`));
    expect((await sequence()).body).toEqual({ size: 259, added: 256, isMore: false });
    const full = new Uint8Array(await (await read("/evidence/tile/0/000")).arrayBuffer());
    expect(full.length).toBe(8_192);
    for (const width of [1, 3, 100, 255]) {
      const partial = new Uint8Array(await (await read(`/evidence/tile/0/000.p/${width}`)).arrayBuffer());
      expect(partial).toEqual(full.slice(0, width * 32));
      const bundle = new Uint8Array(await (await read(`/evidence/tile/entries/000.p/${width}`)).arrayBuffer());
      expect(decodeEntries(bundle)?.map(hashLeaf)).toEqual(
        Array.from({ length: width }, (_, at) => full.slice(at * 32, at * 32 + 32)),
      );
    }
    expect((await read("/evidence/tile/0/001.p/4")).status).toBe(404);
  });

  it("is sequenced by cron at one minute of each hour, and goes on by itself where more wait", async () => {
    for (let at = 0; at < 300; at++) await enqueueLeaf(env.ARCHIVE, leafOf(`many ${at}`));
    const config = readConfig(env);
    for (let minute = 0; minute < 60; minute++) {
      if (minute !== 7) await wakeEvidenceLog(env, config, 400_000 * HOUR_MS + minute * 60_000);
    }
    const size = async () => ((await ask("GET /v1/admin/evidence-log")).body as { size: number }).size;
    expect(await size()).toBe(259);
    await wakeEvidenceLog(env, config, 400_000 * HOUR_MS + 7 * 60_000);
    expect(await size()).toBe(259 + 256);
    await vi.waitFor(async () => expect(await size()).toBe(559), PATIENT);
  });

  it("says to an operator how it is, and who had it run", async () => {
    const state = (await ask("GET /v1/admin/evidence-log")).body as Record<string, unknown>;
    expect(state).toMatchObject({
      ...{ state: "on", origin: "clicks.example/evidence", size: 559, waiting: { leaves: 0, isMore: false } },
      ...{ stopped: null, keys: [{ vkey: expect.stringContaining("clicks.example/evidence+") }] },
    });
    const { entries } = (await ask("GET /v1/admin/audit-log")).body as { entries: { action: string }[] };
    expect(entries[0]).toMatchObject({ action: "sequence", subjectKind: "evidence_log" });
  });

  it("is off where no key is set, and counts nothing on it", async () => {
    const config = { ...readConfig(env), evidenceLog: null };
    await wakeEvidenceLog(env, config, 400_000 * HOUR_MS + 7 * 60_000);
    const state = await showEvidenceLog({ env, config });
    expect(state).toMatchObject({ ok: true, value: { state: "off", origin: null, stopped: null } });
    const off = {
      getByName: () => ({ sequence: async () => ({ endedAtMs: 0, outcome: { ok: false, error: "off" } }) }),
    };
    const ports = { env: { ...env, EVIDENCE_LOG: off } as unknown as Env, config };
    expect(await runEvidenceLog(ports, { keyId: "operator", nowMs: 0 })).toMatchObject({
      error: { reason: "evidence_log_off" },
    });
  });

  it("that is stopped signs nothing, and says why and what to do", async () => {
    const object = await env.ARCHIVE.get(CHECKPOINT_KEY);
    const whole = (await object?.text()) ?? "";
    await env.ARCHIVE.put(CHECKPOINT_KEY, whole.replace("\n559\n", "\n558\n"));
    const refused = await sequence();
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({
      type: "/problems/evidence-log-stopped",
      detail: expect.stringContaining("evidence-log/v1/checkpoint"),
    });
    expect((await ask("GET /v1/admin/evidence-log")).body).toMatchObject({
      state: "stopped",
      stopped: { reason: "checkpoint_foreign" },
    });
    await env.ARCHIVE.put(CHECKPOINT_KEY, whole);
    expect((await sequence()).body).toEqual({ size: 559, added: 0, isMore: false });
  });

  it("remembers what it signed, and stops where R2 is of an earlier day", async () => {
    const log = env.EVIDENCE_LOG.getByName(EVIDENCE_LOG_NAME);
    const kept = await runInDurableObject(log, (_, { storage }) => storage.get("signed"));
    expect(kept).toMatchObject({ size: 559 });
    await runInDurableObject(log, (_, { storage }) => storage.put("signed", { ...(kept as object), size: 560 }));
    expect((await sequence()).body).toMatchObject({
      detail: expect.stringContaining("older than what was signed"),
    });
    await runInDurableObject(log, (_, { storage }) => storage.put("signed", kept));
    expect((await sequence()).status).toBe(200);
  });
});
