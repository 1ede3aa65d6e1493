/** Floods that one sender can make: what they leave in the shard, and that every redelivery of them is recognised. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { aClick } from "../support/builders.ts";
import { aLateClick } from "../support/late.ts";

const FLOOD = 20_000;
const PER_CALL = 500;
const shardNamed = (name: string) => env.EVENT_SHARD.getByName(name);
const issuedAtS = Math.floor(Date.now() / 1_000) - 900;

/** A click of now under a token with ten minutes to live, or with none left. */
function aClickOf(jti: string, { isExpired = false, dur = 0 } = {}): string {
  const exp = issuedAtS + (isExpired ? 60 : 4_500);
  return encodeTokenEvent(aClick({ receivedAtMs: Date.now() }, { jti, ad: "ad_repeat", iat: issuedAtS, exp, dur }));
}

async function ingestAll(name: string, encoded: readonly string[]): Promise<number> {
  let counted = 0;
  for (let at = 0; at < encoded.length; at += PER_CALL)
    counted += await shardNamed(name).ingest(encoded.slice(at, at + PER_CALL));
  return counted;
}

/** Bytes of the shard's storage when everything is posted and archived. */
async function bytesOf(name: string): Promise<number> {
  const shard = shardNamed(name);
  await shard.archiveNow();
  const { lastSeq, postedSeq, archivedSeq } = await shard.status();
  expect([postedSeq, archivedSeq]).toEqual([lastSeq, lastSeq]);
  return runInDurableObject(shard, (_, { storage: { sql } }) => {
    expect(sql.exec("SELECT count(*) AS rows FROM log").one()).toEqual({ rows: 0 });
    return sql.databaseSize;
  });
}

describe("[attack 4] a flood on one token", () => {
  it.each<[string, (jti: string) => string, number]>([
    ["repeats", (jti) => aClickOf(jti), 12.5],
    ["repeats that somebody waits for (dur: 1)", (jti) => aClickOf(jti, { dur: 1 }), 12.5],
    ["clicks after its life", (jti) => aClickOf(jti, { isExpired: true }), 12.5],
    ["late clicks", (jti) => aLateClick(jti, "ad_repeat", Math.floor(Math.random() * 30)).encoded, 13],
  ])("of %s leaves a few bytes each, and every redelivery is recognised", async (what, make, bytesMax) => {
    const name = `repeat-flood ${what}`;
    const encoded = Array.from({ length: FLOOD }, () => make("r_1"));
    await shardNamed(name).ingest([make("r_1")]);
    const before = await bytesOf(name);
    expect(await ingestAll(name, encoded)).toBe(FLOOD);
    await evictDurableObject(shardNamed(name));
    expect(await ingestAll(name, encoded.toReversed())).toBe(0);
    const bytes = ((await bytesOf(name)) - before) / FLOOD;
    expect(bytes).toBeLessThan(bytesMax);
  });
});
