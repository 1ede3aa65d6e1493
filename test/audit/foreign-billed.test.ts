/**
 * From a click in a foreign log to the bill: audit, mend, evidence, statement, evidence log, and the stranger's verifier,
 * which shares no code with what made them.
 */

import { env } from "cloudflare:workers";
import { createHash } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../packages/verify/src/store.js";
import { readTokenKeys } from "../../packages/verify/src/token.js";
import { verifyStatement } from "../../packages/verify/src/verify.js";
import { PLAIN_STEPS } from "../../src/audit/steps.ts";
import { draftStatement, finalizeDraft } from "../../src/billing/issue.ts";
import { billingPorts } from "../../src/billing/ports.ts";
import { readConfig } from "../../src/config.ts";
import { decodeBase64url } from "../../src/core/base64url.ts";
import { DAY_MS, HOUR_MS } from "../../src/core/limits.ts";
import { formatVerifierKey, noteSigner } from "../../src/core/signed-note.ts";
import { encodeTokenEvent, type TokenEvent } from "../../src/core/token-event.ts";
import { makeEvidence } from "../../src/evidence/make.ts";
import { evidencePorts } from "../../src/evidence/ports.ts";
import { ask, seedKey, seedTenant } from "../admin/ask.ts";
import { aSignedClick, audit, count, shardOfEvent, startOver, TODAY, TOMORROW } from "../support/audited.ts";
import { TEST_SECRETS } from "../support/secrets.ts";

beforeEach(startOver);

const OWNER = { advertiserId: "adv_one" };
const CLAIMS = { adv: "adv_one", cmp: "cmp_one", pub: "pub_one" };

async function misplace(event: TokenEvent): Promise<void> {
  const owner = await shardOfEvent(event);
  const other = env.EVENT_SHARD.getByName(owner === "clicks-0" ? "clicks-1" : "clicks-0");
  await other.ingest([encodeTokenEvent(event)]);
  await other.archiveNow();
}

async function close(day: string): Promise<void> {
  expect(await audit({}, PLAIN_STEPS, day)).toMatchObject({ outcome: "clean" });
  await makeEvidence({ ...evidencePorts(env), graceMs: 0 }, PLAIN_STEPS);
}

/** The archive as a stranger downloads it. */
const store: Store = {
  bytes: async (key) => {
    const object = await env.ARCHIVE.get(key);
    return object === null ? null : new Uint8Array(await object.arrayBuffer());
  },
  file: async (key) => {
    const object = await env.ARCHIVE.get(key);
    if (object === null) return null;
    const bytes = await object.arrayBuffer();
    return {
      byteLength: bytes.byteLength,
      slice: async (start, end) => bytes.slice(start, end),
      sha256: async () => createHash("sha256").update(new Uint8Array(bytes)).digest("hex"),
    };
  },
};

describe("clicks in a foreign log", () => {
  it("are billed once each, whether their owner had them or not, and a stranger verifies it", async () => {
    await seedTenant("one");
    const bill = await seedKey({ advertiserId: "adv_one", scopes: ["bill"] });
    const [both, alone, usual] = [
      await aSignedClick({}, { ...CLAIMS, cpc: 1_000_001 }),
      await aSignedClick({}, { ...CLAIMS, cpc: 200_020 }),
      await aSignedClick({}, { ...CLAIMS, cpc: 30_300 }),
    ];
    await count([both, usual]);
    for (const event of [both, alone]) await misplace(event);
    expect(await audit()).toMatchObject({ outcome: "blocked", found: { foreign_shard: { count: 2 } } });
    const { body } = await ask(`POST /v1/admin/audits/${TODAY}/mend`);
    expect(body).toMatchObject({ found: [{ kind: "foreign_shard", mended: 2, left: 0 }] });
    for (const day of [TODAY, TOMORROW, TODAY]) await close(day);

    const ports = {
      ...billingPorts(env, { config: readConfig(env), nowMs: Date.parse(TOMORROW) + HOUR_MS }),
      graceMs: 0,
    };
    const billed = { owner: OWNER, currency: "EUR", timeZone: "UTC" };
    const draft = await draftStatement(ports, billed, { to: TODAY });
    if (!draft.ok) throw new Error(JSON.stringify(draft.error));
    const issued = await finalizeDraft(ports, draft.value.id);
    if (!issued.ok) throw new Error(JSON.stringify(issued.error));
    const { totals } = issued.value.stored.statement;
    expect(totals).toMatchObject({ gross: 3, valid: 3, duplicate: 0, spend_micros: "1230321" });

    expect((await ask("POST /v1/admin/evidence-log/sequence", { body: {} })).status).toBe(200);
    const [{ name, seed }] = JSON.parse(TEST_SECRETS.EVIDENCE_LOG_KEYS) as [{ name: string; seed: string }];
    const signer = await noteSigner(name, decodeBase64url(seed) ?? new Uint8Array());
    const secret = await ask("GET /v1/evidence/secret", { key: bill.key });
    const report = await verifyStatement({
      ...{ store, owner: OWNER, number: 1, logKey: formatVerifierKey(signer.key), tokenKeys: readTokenKeys([]) },
      secret: Buffer.from(decodeBase64url(String(secret.body["secret"])) ?? []),
      keep: { read: async () => ({}), write: async () => {} },
      nowMs: Date.now() + 3 * DAY_MS,
    });
    expect(report.statement.totals.spend_micros).toBe("1230321");
    expect(report.seen).toMatchObject({ rows: 3, tokens: 3 });
  });
});
