/** What a report lacks because it lies in dead letters is said: to the tenant its own, to the operator all. */
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { encodeMessage } from "../../src/core/message.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { buryLetter, type DeadLetter } from "../../src/queue/dead-letter.ts";
import { readUncounted } from "../../src/report/answer/uncounted.ts";
import { platformSources } from "../../src/report/answer/watermark-sources.ts";
import { aClick, NOON_MS } from "../support/builders.ts";
import { aScope } from "../support/scopes.ts";
import { type Asked, ask, askJson } from "./ask.ts";
import { seedKey } from "./seed.ts";

const HOUR = 3_600_000;
const SERIES = "/v1/metrics/clicks?from=2026-04-20&to=2026-04-20";
const TABLE = "/v1/reports/clicks?from=2026-04-20&to=2026-04-20";
/** Two days after the day that is asked about, so that the watermark has passed it. */
const LATER: Asked = { nowMs: NOON_MS + 48 * HOUR };

const events = (adv: string, pub: string, atMs: number, count = 1) =>
  encodeTokenEvent({ ...aClick({ receivedAtMs: atMs, occurredAtMs: atMs }, { adv, pub }), count });

let letters = 0;
async function bury(payload: string, more: Partial<DeadLetter> = {}): Promise<void> {
  const letter = { queue: "clickledger-clicks-0", index: 0, attempts: 1, sentAtMs: NOON_MS, payload };
  const ports = { archive: env.ARCHIVE, seal: async () => ({ kid: "k", mac: "m" }) };
  await buryLetter(ports, { ...letter, reason: "retries_exhausted", messageId: `message_${letters++}`, ...more });
}

const as: Record<string, Asked> = {};
beforeAll(async () => {
  const keyOf = (name: string, owner: object) => seedKey(env.REPORT_DB, { name, scopes: ["report"], ...owner });
  as["adv_1"] = { ...LATER, authorization: await keyOf("one", { advertiserId: "adv_1" }) };
  as["adv_2"] = { ...LATER, authorization: await keyOf("two", { advertiserId: "adv_2" }) };
  as["adv_3"] = { ...LATER, authorization: await keyOf("three", { advertiserId: "adv_3" }) };
  as["pub_1"] = { ...LATER, authorization: await keyOf("pub", { publisherId: "pub_1" }) };
  as["operator"] = LATER;
});

beforeEach(async () => {
  const { objects } = await env.ARCHIVE.list({ prefix: "dead/" });
  if (objects.length > 0) await env.ARCHIVE.delete(objects.map(({ key }) => key));
});

/** Whether an answer is complete, and what it says of dead letters. */
async function saidTo(who: string, path = TABLE) {
  const { meta } = await askJson(path, as[who]);
  const said = (meta.warnings as { code: string; detail: string }[]).filter(({ code }) => code === "dead_letters");
  return { complete: meta["complete"], said: said.map(({ detail }) => /^.*?, the oldest of [^ ]*Z/.exec(detail)?.[0]) };
}

const lacks = (count: string, oldest: string) => ({
  complete: false,
  said: [`Not counted: ${count} that could not be carried, the oldest of ${oldest}`],
});
const NOTHING = { complete: true, said: [] };

describe("[fault C3] dead letters beside a report", () => {
  it("are told by number and oldest instant, to a tenant its own and to the operator all", async () => {
    const message = [
      events("adv_1", "pub_1", NOON_MS - HOUR),
      events("adv_1", "pub_2", NOON_MS, 3),
      events("adv_2", "pub_1", NOON_MS),
    ];
    await bury(encodeMessage(message));
    await bury(events("adv_2", "pub_2", NOON_MS + HOUR), { reason: "event_shape" });
    await bury("not json", { reason: "message_not_json" });
    for (const path of [TABLE, SERIES]) {
      expect(await saidTo("adv_1", path)).toEqual(lacks("4 events", "2026-04-20T11:00:00Z"));
      expect(await saidTo("adv_2", path)).toEqual(lacks("2 events", "2026-04-20T12:00:00Z"));
      expect(await saidTo("adv_3", path)).toEqual(NOTHING);
      expect(await saidTo("pub_1", path)).toEqual(lacks("2 events", "2026-04-20T11:00:00Z"));
      expect(await saidTo("operator", path)).toEqual(lacks("7 events", "2026-04-20T11:00:00Z"));
    }
  });

  it("that nobody can read are the operator's to know, and no tenant's", async () => {
    await bury("not json", { reason: "message_not_json" });
    expect(await saidTo("adv_1")).toEqual(NOTHING);
    expect(await saidTo("pub_1")).toEqual(NOTHING);
    expect(await saidTo("operator")).toEqual(lacks("1 event", "2026-04-20T12:00:00Z"));
  });

  it("that arrived before the range take nothing from it; those that arrived after it are told", async () => {
    await bury(events("adv_1", "pub_1", NOON_MS - 24 * HOUR));
    expect(await saidTo("adv_1")).toEqual(NOTHING);
    await bury(events("adv_1", "pub_1", NOON_MS + 24 * HOUR));
    expect(await saidTo("adv_1")).toEqual({ ...lacks("1 event", "2026-04-21T12:00:00Z"), complete: true });
  });

  it("stand in the headers of CSV and in the last line of NDJSON, and are never cached", async () => {
    await bury(events("adv_1", "pub_1", NOON_MS));
    const csv = await ask(`${TABLE}&format=csv`, as["adv_1"]);
    expect([csv.headers.get("X-Report-Complete"), csv.headers.get("ETag")]).toEqual(["false", null]);
    const warnings = JSON.parse(csv.headers.get("X-Report-Warnings") ?? "[]") as { code: string; detail: string }[];
    expect(warnings).toContainEqual({
      code: "dead_letters",
      detail: expect.stringMatching(/^Not counted: 1 event .*12:00:00Z/),
    });
    const ndjson = await await (await ask(`${TABLE}&format=ndjson`, as["adv_1"])).arrayBuffer();
    const last = new TextDecoder().decode(ndjson).trim().split("\n").at(-1) ?? "";
    expect(JSON.parse(last)).toMatchObject({ meta: { complete: false } });
  });

  it("without metadata are opened", async () => {
    const scope = aScope({ advertiserId: "adv_1" });
    await bury(encodeMessage([events("adv_1", "pub_1", NOON_MS), events("adv_2", "pub_1", NOON_MS)]));
    const [{ key } = { key: "" }] = (await env.ARCHIVE.list({ prefix: "dead/" })).objects;
    await env.ARCHIVE.put(key, (await (await env.ARCHIVE.get(key))?.text()) ?? "");
    expect(await saidTo("adv_1")).toEqual(lacks("1 event", "2026-04-20T12:00:00Z"));
    const range = { fromMs: NOON_MS - HOUR, toMs: NOON_MS + HOUR };
    const asked = { range, scope, nowMs: NOON_MS };
    const failing = { list: () => Promise.reject(new Error("planted")) } as unknown as R2Bucket;
    const unknown = await readUncounted(failing, asked, { letters: null });
    expect(unknown).toMatchObject({ isShort: true, warnings: [{ code: "dead_letters_unknown" }] });
  });

  it("are listed once for many reports of an isolate, and again when that is old", async () => {
    let lists = 0;
    const counting = new Proxy(env.ARCHIVE, {
      get: (target, name) => {
        if (name !== "list") return Reflect.get(target, name);
        return (options: R2ListOptions) => {
          lists++;
          return target.list(options);
        };
      },
    });
    const cache = { letters: null };
    const range = { fromMs: NOON_MS - HOUR, toMs: NOON_MS + HOUR };
    const read = async (advertiserId: string, nowMs: number) =>
      readUncounted(counting, { range, scope: aScope({ advertiserId }), nowMs }, cache);
    await read("adv_1", NOON_MS);
    await bury(events("adv_2", "pub_1", NOON_MS));
    expect((await read("adv_2", NOON_MS + 9_999)).isShort).toBe(false);
    expect(lists).toBe(1);
    expect((await read("adv_2", NOON_MS + 10_000)).isShort).toBe(true);
    expect(lists).toBe(2);
  });

  it("hold the watermark while they wait in their queue", async () => {
    const metrics = async () => ({ oldestMessageTimestamp: new Date(NOON_MS) });
    const queue = { metrics } as unknown as Env["DEAD_CLICK_QUEUE"];
    for (const name of ["DEAD_CLICK_QUEUE", "DEAD_IMPRESSION_QUEUE"] as const) {
      const stations = { conversions: false, counts: false };
      const scope = aScope();
      const sources = platformSources({ ...env, [name]: queue }, readConfig(env), stations, scope);
      expect(await sources.queueOldestMs()).toContain(NOON_MS);
    }
  });
});
