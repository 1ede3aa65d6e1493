/** Resharding: a link that was minted before it, and clicked before, during and after it, is counted once. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { parseJson } from "../../src/core/base64url.ts";
import { encodeMessage, openEvent } from "../../src/core/message.ts";
import type { Topology } from "../../src/core/routing.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { consumeEvents, type IncomingMessage } from "../../src/queue/consumer.ts";
import { groupByShard } from "../../src/queue/route.ts";
import { aClick, anEpoch } from "../support/builders.ts";
import { totalsOf } from "../support/flush-harness.ts";
import { testSeal } from "../support/tokens.ts";

const ISSUED_S = Math.floor(Date.now() / 1_000) - 600;
const EPOCH_S = ISSUED_S + 300;
const BEFORE: Topology = [anEpoch(0, 3)];
const AFTER: Topology = [...BEFORE, anEpoch(EPOCH_S * 1_000, 7, { ad_reshard: 4 })];

function click(jti: string, ad: string, iat: number, atS: number): string {
  const payload = { jti, ad, iat, exp: iat + 3_600 };
  return encodeTokenEvent(aClick({ receivedAtMs: atS * 1_000 }, payload));
}

async function consume(encoded: readonly string[], topology: Topology): Promise<void> {
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
}

describe("resharding", () => {
  it("counts each impression once, whichever topology the consumer of a copy knew", async () => {
    const ad = "ad_reshard";
    const old = Array.from({ length: 40 }, (_, n) => `old_${n}`);
    const young = Array.from({ length: 40 }, (_, n) => `young_${n}`);
    // Before the new epoch: minted and clicked under the old one.
    await consume(
      old.map((jti) => click(jti, ad, ISSUED_S, ISSUED_S + 10)),
      BEFORE,
    );
    // During: one consumer knows the new epoch already, another does not yet; no token is issued in it so far.
    await consume(
      old.map((jti) => click(jti, ad, ISSUED_S, EPOCH_S - 5)),
      AFTER,
    );
    await consume(
      old.map((jti) => click(jti, ad, ISSUED_S, EPOCH_S - 4)),
      BEFORE,
    );
    // After: old links are clicked again, and new ones are minted and clicked twice.
    await consume(
      old.map((jti) => click(jti, ad, ISSUED_S, EPOCH_S + 10)),
      AFTER,
    );
    await consume(
      young.map((jti) => click(jti, ad, EPOCH_S + 1, EPOCH_S + 20)),
      AFTER,
    );
    await consume(
      young.map((jti) => click(jti, ad, EPOCH_S + 1, EPOCH_S + 30)),
      AFTER,
    );
    for (let index = 0; index < 7; index++) {
      const shard = env.EVENT_SHARD.getByName(`clicks-${index}`);
      if ((await shard.status()).lastSeq > 0) await runDurableObjectAlarm(shard);
    }
    expect(await totalsOf(ad)).toMatchObject({ gross: 240, valid: 80, duplicate: 160 });
  });

  it("spreads the ad's new links over the new shards and leaves its old ones where they were", () => {
    const shardsOf = (iat: number, topology: Topology) => {
      const events = Array.from({ length: 200 }, (_, n) =>
        openEvent(parseJson(click(`s_${n}`, `ad_${n}`, iat, iat + 1))),
      );
      return new Set(
        groupByShard(
          events.map((event) => (event.ok ? event.value : never())),
          topology,
        ).keys(),
      );
    };
    expect(shardsOf(ISSUED_S, AFTER)).toEqual(shardsOf(ISSUED_S, BEFORE));
    expect(shardsOf(EPOCH_S, AFTER).size).toBe(7);
  });
});

describe("resharding of impressions alone", () => {
  it("leaves every click where it was", () => {
    const after: Topology = [...BEFORE, { ...anEpoch(EPOCH_S * 1_000, 3), shards: { click: 3, impression: 7 } }];
    const opened = (type: "click" | "impression") =>
      Array.from({ length: 200 }, (_, n) => {
        const payload = { jti: `r_${n}`, ad: `ad_${n}`, iat: EPOCH_S, exp: EPOCH_S + 3_600 };
        return openEvent(parseJson(encodeTokenEvent(aClick({ type, receivedAtMs: EPOCH_S * 1_000 }, payload))));
      }).map((event) => (event.ok ? event.value : never()));
    const shardsOf = (type: "click" | "impression", topology: Topology) => groupByShard(opened(type), topology);
    expect([...shardsOf("click", after).keys()].sort()).toEqual(["clicks-0", "clicks-1", "clicks-2"]);
    expect(shardsOf("impression", after).size).toBe(7);
    expect(shardsOf("impression", BEFORE).size).toBe(3);
  });
});

function never(): never {
  throw new Error("the builder makes readable events");
}
