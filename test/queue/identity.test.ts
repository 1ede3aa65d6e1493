/** Two tokens of one impression meet, whatever else they say; two impressions never take each other's click. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { encodeMessage } from "../../src/core/message.ts";
import type { Topology } from "../../src/core/routing.ts";
import { consumeEvents, type IncomingMessage } from "../../src/queue/consumer.ts";
import { anEncodedEvent, anEpoch } from "../support/builders.ts";
import { totalsOf } from "../support/flush-harness.ts";
import { testSeal } from "../support/tokens.ts";

const SHARDS = 5;
const ISSUED_S = Math.floor(Date.now() / 1_000) - 60;

async function count(encoded: readonly string[], topology: Topology): Promise<void> {
  const outcomes: string[] = [];
  const message: IncomingMessage = {
    id: crypto.randomUUID(),
    timestamp: new Date(),
    attempts: 1,
    body: encodeMessage(encoded),
    ack: () => void outcomes.push("ack"),
    retry: () => void outcomes.push("retry"),
  };
  const ports = { shards: env.EVENT_SHARD, topology, archive: env.ARCHIVE, seal: testSeal };
  await consumeEvents({ queue: "clickledger-clicks-0", messages: [message] }, ports);
  expect(outcomes).toEqual(["ack"]);
  for (let index = 0; index < SHARDS; index++) {
    const shard = env.EVENT_SHARD.getByName(`clicks-${index}`);
    if ((await shard.status()).lastSeq > 0) await runDurableObjectAlarm(shard);
  }
}

function aClickOf(claims: Record<string, unknown>): string {
  return anEncodedEvent({ receivedAtMs: Date.now() }, { iat: ISSUED_S, exp: ISSUED_S + 3_600, ...claims });
}

describe("two tokens of one impression", () => {
  it.each([
    ["an ad of one place", "ad_slt_cold", {}],
    ["a hot ad", "ad_slt_hot", { ad_slt_hot: 64 }],
  ])("[attack 6] of %s meet whatever their slt is: 100 pairs are 100 valid and 100 duplicate", async (_, ad, hot) => {
    const topology = [anEpoch(0, SHARDS, hot)];
    const pairs = Array.from({ length: 100 }, (_, n) => `slt_${n}`);
    await count(
      pairs.map((jti) => aClickOf({ jti, ad, slt: 1 })),
      topology,
    );
    await count(
      pairs.map((jti) => aClickOf({ jti, ad, slt: 64 })),
      topology,
    );
    expect(await totalsOf(ad)).toMatchObject({ gross: 200, valid: 100, duplicate: 100 });
  });

  it.each([
    ["slt is no number", { slt: "many" }],
    ["slt is out of any range", { slt: -1 }],
    ["another price", { cpc: 900_000 }],
    ["another campaign", { cmp: "cmp_other" }],
    ["another landing page", { url: "https://other.example/" }],
    ["another end of life", { exp: ISSUED_S + 7_200 }],
    ["an ad group, a creative and a user", { grp: "g", crt: "c", uid: "u" }],
    ["iat written with a fraction of nothing", { iat: Number(`${ISSUED_S}.0`) }],
  ])("[attack 6] meet when the second says %s", async (what, other) => {
    const ad = `ad_meet_${what.replaceAll(/[^a-z]/g, "_")}`;
    const topology = [anEpoch(0, SHARDS, { [ad]: 16 })];
    const jtis = Array.from({ length: 20 }, (_, n) => `meet_${n}`);
    await count(
      jtis.flatMap((jti) => [aClickOf({ jti, ad }), aClickOf({ jti, ad, ...other })]),
      topology,
    );
    expect(await totalsOf(ad)).toMatchObject({ gross: 40, valid: 20, duplicate: 20 });
  });
});

describe("a publisher who may mint", () => {
  it("[attack 5b] cannot take another's click by signing its jti and iat first, at a price of one micro", async () => {
    const ad = "ad_rob";
    const rob = Array.from({ length: 10 }, (_, n) => aClickOf({ jti: `rob_${n}`, ad, pub: "pub_thief", cpc: 1 }));
    const real = Array.from({ length: 10 }, (_, n) => aClickOf({ jti: `rob_${n}`, ad, pub: "pub_1", cpc: 250_000 }));
    await count([...rob, ...real], [anEpoch(0, SHARDS)]);
    const { results } = await env.REPORT_DB.prepare(
      `SELECT publisher_id, sum(valid) AS valid, sum(duplicate) AS duplicate, sum(spend_micros) AS spend
       FROM cells_minute WHERE ad_id = ?1 GROUP BY publisher_id ORDER BY publisher_id`,
    )
      .bind(ad)
      .all();
    expect(results).toEqual([
      { publisher_id: "pub_1", valid: 10, duplicate: 0, spend: 2_500_000 },
      { publisher_id: "pub_thief", valid: 10, duplicate: 0, spend: 10 },
    ]);
  });
});
