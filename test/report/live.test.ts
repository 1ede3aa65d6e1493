/** Live totals: every change is pushed, nothing of another tenant, and a look that fails does not end the stream. */
import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { hashApiKey, makeApiKey } from "../../src/access/api-keys.ts";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import { decodeLogLine, encodeLogLine } from "../../src/core/log-line.ts";
import { isoSecond, minuteOf } from "../../src/core/time.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { countedClicks } from "../../src/facts/counted-clicks.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import { Directory } from "../../src/facts/directory.ts";
import { type LivePorts, liveEvents } from "../../src/report/live/live.ts";
import { aClick, NOON_MS } from "../support/builders.ts";
import { aPosting, placeOf, postTo } from "../support/post-to.ts";
import { RULES } from "../support/rules.ts";
import { aScope } from "../support/scopes.ts";

let postings = 0;

/** One valid click of an advertiser and publisher at an instant. */
function factsOf(adv: string, pub: string, atMs: number): Facts {
  const seq = ++postings;
  const event = aClick({ receivedAtMs: atMs }, { adv, pub, ad: `ad_of_${adv}`, jti: `live_${seq}` });
  const facts: Facts = new Map();
  const line = encodeLogLine(
    { seq, loggedAtMs: atMs, rules: RULES.id },
    { verdict: "valid", reason: null },
    encodeTokenEvent(event),
  );
  foldEntry(facts, decodeLogLine(line));
  return facts;
}

async function post(adv: string, pub: string, atMs: number): Promise<void> {
  await postTo(new D1Facts(env.REPORT_DB, () => atMs), { facts: factsOf(adv, pub, atMs) });
}

/** A stream over the real database with a clock that only `sleep` moves. */
function streamOf(scope: LivePorts["scope"], minutes: number, onSleep: () => Promise<void> = async () => {}) {
  let nowMs = NOON_MS;
  const sleep = async (ms: number) => {
    nowMs += ms;
    await onSleep();
  };
  const ports = { recent: new Map(), keep: async () => 0, currencies: async () => new Map() };
  return liveEvents({ directory: new Directory(env), scope, minutes, nowMs: () => nowMs, sleep, ...ports });
}

const totalsOf = (text: unknown) => {
  const data = /^event: totals\ndata: (.*)\n\n$/.exec(String(text))?.[1] ?? "null";
  return JSON.parse(data) as { minutes: { minute: string; clicks: number }[] } | null;
};

describe("live totals", () => {
  it("push the last minutes with their zeros, then only what changed", async () => {
    await post("adv_live", "pub_a", NOON_MS);
    const stream = streamOf(aScope({ advertiserId: "adv_live" }), 3, () => post("adv_live", "pub_a", NOON_MS));
    expect((await stream.next()).value).toBe("retry: 2000\n\n");
    const first = totalsOf((await stream.next()).value);
    const minute = (back: number) => isoSecond((minuteOf(NOON_MS) - back) * 60_000);
    expect(first?.minutes.map(({ minute: at, clicks }) => [at, clicks])).toEqual([
      [minute(2), 0],
      [minute(1), 0],
      [minute(0), 1],
    ]);
    expect(totalsOf((await stream.next()).value)?.minutes.at(-1)?.clicks).toBe(2);
  });

  it("say that nothing is new when nothing is", async () => {
    const stream = streamOf(aScope({ advertiserId: "adv_idle" }), 1);
    await stream.next();
    expect(totalsOf((await stream.next()).value)?.minutes).toHaveLength(1);
    expect((await stream.next()).value).toBe(": nothing new\n\n");
  });

  it("hold a tenant's own rows and no others, and all for the operator", async () => {
    const atMs = NOON_MS - 600_000;
    await post("adv_mine", "pub_mine", atMs);
    await post("adv_mine", "pub_other", atMs);
    await post("adv_else", "pub_mine", atMs);
    const clicksOf = async (scope: LivePorts["scope"]) => {
      const stream = streamOf(scope, 15);
      await stream.next();
      const totals = totalsOf((await stream.next()).value);
      return totals?.minutes.find(({ minute }) => minute === isoSecond(atMs))?.clicks;
    };
    expect(await clicksOf(aScope({ advertiserId: "adv_mine" }))).toBe(2);
    expect(await clicksOf(aScope({ publisherId: "pub_mine" }))).toBe(2);
    expect(await clicksOf(aScope())).toBe(3);
    expect(await clicksOf(aScope({ advertiserId: "adv_nobody" }))).toBe(0);
  });

  it("[row writes] hold what is open, for everybody who may see it, and the same when it is posted", async () => {
    const atMs = NOON_MS - 1_200_000;
    const facts = factsOf("adv_open", "pub_open", atMs);
    const store = new D1Facts(env.REPORT_DB, () => atMs);
    let at = 0;
    await store.open(aPosting(null, { source: "live/1", facts }));
    for (const scope of [aScope({ advertiserId: "adv_open" }), aScope({ publisherId: "pub_open" }), aScope()]) {
      const stream = streamOf(scope, 25, async () => {
        await post("adv_open", "pub_open", atMs);
        await postTo(store, { source: "live/1", facts });
        await store.open(aPosting(placeOf(++at), { source: "live/1", facts }));
      });
      await stream.next();
      const clicksIn = (text: unknown) =>
        totalsOf(text)?.minutes.find(({ minute }) => minute === isoSecond(atMs))?.clicks;
      const clicks = Number(clicksIn((await stream.next()).value));
      expect(clicks).toBeGreaterThan(0);
      // One was posted, one that was open was posted, and is open once more.
      expect(clicksIn((await stream.next()).value)).toBe(clicks + 2);
    }
  });

  it("[row writes] and what the canary counts hold what is open and what is posted alike", async () => {
    const atMs = NOON_MS - 2_400_000;
    const facts = factsOf("adv_canary", "pub_canary", atMs);
    const store = new D1Facts(env.REPORT_DB, () => atMs);
    const count = () => countedClicks(env.REPORT_DB, { advertiserId: "adv_canary", fromMinute: minuteOf(atMs) });
    await store.open(aPosting(null, { source: "canary/1", facts }));
    const counted = new Map([[`${minuteOf(atMs)} ad_of_adv_canary`, 1]]);
    expect(await count()).toEqual(counted);
    await postTo(store, { source: "canary/1", facts });
    expect(await count()).toEqual(counted);
  });

  it("go on after a look that failed, and end after ten minutes", async () => {
    const down = { prepare: () => ({ bind: () => ({ all: () => Promise.reject(new Error("D1 is down")) }) }) };
    let nowMs = NOON_MS;
    const ports: LivePorts = {
      currencies: async () => new Map(),
      directory: new Directory({ REPORT_DB: down as unknown as D1Database }),
      scope: aScope({ advertiserId: "adv_live" }),
      minutes: 1,
      recent: new Map(),
      keep: async () => 0,
      nowMs: () => nowMs,
      sleep: async () => {
        nowMs += 60_000;
      },
    };
    const pieces: string[] = [];
    for await (const piece of liveEvents(ports)) pieces.push(piece);
    expect(pieces).toEqual(["retry: 2000\n\n", ...Array.from({ length: 10 }, () => ": nothing new\n\n")]);
  });

  it("arrive as server-sent events for a key, and not without one", async () => {
    const key = makeApiKey(crypto.getRandomValues(new Uint8Array(32)));
    const insert =
      "INSERT INTO api_keys (key_hash, key_id, advertiser_id, scopes, created_at_ms) VALUES (?1, ?2, ?3, ?4, 0)";
    await env.REPORT_DB.prepare(insert).bind(hashApiKey(key), "key_live", "adv_live", '["report"]').run();
    const ask = (path: string, bearer: string) =>
      exports.default.fetch(`https://track.example${path}`, { headers: { Authorization: `Bearer ${bearer}` } });
    const response = await ask("/api/v1/live?minutes=2", key);
    expect([response.status, response.headers.get("Content-Type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = "";
    while (!text.includes("event: totals")) text += new TextDecoder().decode((await reader.read()).value);
    await reader.cancel();
    expect(text.startsWith("retry: 2000\n\n")).toBe(true);
    const refused = await Promise.all([
      ask("/v1/live", "nobody"),
      ask("/v1/live?minutes=0", key),
      ask("/v1/live?minutes=1.5", key),
      ask("/v1/live?colour=red", key),
    ]);
    expect(refused.map(({ status }) => status)).toEqual([401, 400, 400, 400]);
  });
});
