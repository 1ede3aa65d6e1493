/** The configuration: what is deployed is valid, and a wrong setting is a sentence that names it. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ConfigError, readConfig } from "../src/config.ts";
import { STAND_INS } from "./support/bindings.ts";
import { anEpoch } from "./support/builders.ts";
import { TEST_SECRETS, TEST_TOKEN_KEYS } from "./support/secrets.ts";

const toml = readFileSync(new URL("../wrangler.toml", import.meta.url), "utf8");

/** The `[vars]` of wrangler.toml; each stands on one line as `NAME = "value"` or `NAME = 'value'`. */
function deployedVars(): Record<string, string> {
  const section = /^\[vars\]\n([\s\S]*?)^\[/m.exec(toml)?.[1] ?? "";
  const lines = section.matchAll(/^([A-Z_]+) = (?:"(.*)"|'(.*)')$/gm);
  return Object.fromEntries(Array.from(lines, ([, name, double, single]) => [name ?? "", double ?? single ?? ""]));
}

const read = (overrides: Record<string, unknown> = {}) =>
  readConfig({ ...deployedVars(), ...TEST_SECRETS, ...STAND_INS, ...overrides });

/** Why settings are refused. */
function refusalOf(overrides: Record<string, unknown>): ConfigError {
  try {
    read(overrides);
  } catch (refused) {
    if (refused instanceof ConfigError) return refused;
  }
  throw new Error("the settings are taken");
}

describe("wrangler.toml", () => {
  it("holds valid settings", () => {
    const config = read();
    expect(config.topology).toEqual({ ok: true, value: [anEpoch(0, 8)] });
    expect(config.enqueueChain).toEqual(["queue", "other_queue", "shard", "spool"]);
    expect(config.token.landingHttpHosts.size).toBe(0);
  });

  it("holds no secret, and requires each", () => {
    for (const name of Object.keys(TEST_SECRETS)) {
      expect(deployedVars()[name]).toBeUndefined();
      expect(toml).toMatch(new RegExp(`^required = .*"${name}"`, "m"));
    }
  });

  it("gives every click queue a consumer with every setting written out, and a dead-letter queue that has one too", () => {
    const consumers = toml.split("[[queues.consumers]]").slice(1);
    const queues = Array.from(toml.matchAll(/^binding = "CLICK_QUEUE_\d+"\nqueue = "(.+)"$/gm), ([, queue]) => queue);
    expect(queues.length).toBeGreaterThan(0);
    const consumed = new Map(consumers.map((text) => [/^queue = "(.+)"$/m.exec(text)?.[1], text]));
    for (const queue of queues) {
      const settings = consumed.get(queue) ?? "";
      for (const name of ["max_batch_size", "max_batch_timeout", "max_retries", "retry_delay"]) {
        expect(settings).toMatch(new RegExp(`^${name} = \\d+$`, "m"));
      }
      expect(consumed.has(/^dead_letter_queue = "(.+)"$/m.exec(settings)?.[1])).toBe(true);
    }
  });
});

describe("readConfig", () => {
  it("is checked once for the bindings of an isolate", () => {
    const env = { ...deployedVars(), ...TEST_SECRETS, ...STAND_INS };
    expect(readConfig(env)).toBe(readConfig(env));
  });

  it("[attack 18] names everything that is wrong together, and no value", () => {
    const refused = refusalOf({
      ENQUEUE_CHAIN: "",
      ADMIN_API_KEY: "hunter2",
      TOKEN_TTL_MAX_S: "1e5",
      ARCHIVE: undefined,
    });
    expect(refused.settings).toEqual(["TOKEN_TTL_MAX_S", "ADMIN_API_KEY", "ENQUEUE_CHAIN", "ARCHIVE"]);
    for (const name of refused.settings) expect(refused.message).toContain(`\n  ${name} `);
    expect(refused.message).not.toMatch(/hunter2|1e5/);
  });

  it.each([
    ...["", " ", ",", "queue,,spool", "queue,", "queue,queue", "queue,pigeon", "Queue", "other_queue", "queue;spool"],
    undefined,
  ])("[fault C2] refuses the enqueue chain %j, which would lose clicks", (chain) => {
    expect(refusalOf({ ENQUEUE_CHAIN: chain }).settings).toEqual(["ENQUEUE_CHAIN"]);
  });

  it.each(["spool", "shard,spool", "queue,other_queue,shard,spool", " queue , spool "])(
    "takes the enqueue chain %j",
    (chain) => {
      expect(read({ ENQUEUE_CHAIN: chain }).enqueueChain).toEqual(chain.split(",").map((step) => step.trim()));
    },
  );

  it.each(["clicks.example", "https://clicks.example/", "https://a.example,https://b.example", "on", undefined])(
    "refuses a canary at %j",
    (origin) => {
      expect(refusalOf({ CANARY_ORIGIN: origin }).settings).toEqual(["CANARY_ORIGIN"]);
    },
  );

  it.each([
    ["", null],
    ["off", null],
    ["https://clicks.example", "https://clicks.example"],
    ["http://127.0.0.1:8787", "http://127.0.0.1:8787"],
  ])("takes a canary at %j", (origin, at) => {
    expect(read({ CANARY_ORIGIN: origin }).canaryOrigin).toBe(at);
  });

  it.each(["", " ", "a b&c", "a&b", "a=b", "a#", "ü", "a%20b", "{x}", "x".repeat(65), "a\n", undefined])(
    "[fault C2] refuses the name %j for the parameter of the click id",
    (name) => {
      expect(refusalOf({ CLICK_ID_PARAM: name }).settings).toEqual(["CLICK_ID_PARAM"]);
    },
  );

  it.each([
    "REPORT_DB_1",
    "REPORT_DB,REPORT_DB_1",
    "ARCHIVE",
    "REPORT_DB,REPORT_DB",
    "report_db",
    " , ",
    "",
    undefined,
  ])("[fault C2] refuses new advertisers to %j", (databases) => {
    expect(refusalOf({ NEW_ADVERTISERS_TO: databases }).settings).toEqual(["NEW_ADVERTISERS_TO"]);
  });

  it("takes every report database that is bound", () => {
    const bound = { REPORT_DB_1: STAND_INS.REPORT_DB, NEW_ADVERTISERS_TO: "REPORT_DB_1,REPORT_DB" };
    expect(read(bound).newAdvertisersTo).toEqual(["REPORT_DB_1", "REPORT_DB"]);
  });

  it.each([
    "1e3",
    " 5",
    "5 ",
    "-1",
    "",
    "+5",
    "0x10",
    "007",
    "1_000",
    "5.0",
    "NaN",
    "Infinity",
    "٥",
    "99999999999999999999",
  ])("[fault C2] takes %j for no number", (text) => {
    const numbers = ["TOKEN_TTL_MAX_S", "ALLOWED_LATENESS_S", "COALESCE_HOLD_MS", "FLUSH_INTERVAL_MS", "HOT_MINUTES_H"];
    for (const name of numbers) expect(refusalOf({ [name]: text }).settings).toEqual([name]);
  });

  it.each([
    [{ HOT_MINUTES_H: "1000", MINUTES_KEPT_DAYS: "30" }, "HOT_MINUTES_H"],
    [{ HOT_MINUTES_H: "169", MINUTES_KEPT_DAYS: "7" }, "HOT_MINUTES_H"],
    [{ MINUTES_KEPT_DAYS: "731" }, "MINUTES_KEPT_DAYS"],
    [{ HOURS_KEPT_DAYS: "1827" }, "HOURS_KEPT_DAYS"],
    [{ DAYS_KEPT_DAYS: "729" }, "HOURS_KEPT_DAYS"],
    [{ RAW_KEPT_DAYS: "1827" }, "RAW_KEPT_DAYS"],
    [{ RAW_KEPT_DAYS: "12" }, "RAW_KEPT_DAYS"],
    [{ RAW_KEPT_DAYS: "13", CLOSE_GRACE_H: "25" }, "RAW_KEPT_DAYS"],
  ])("[fault C2] refuses tiers of which the finer outlives the coarser: %j", (tiers, name) => {
    expect(refusalOf(tiers).settings).toEqual([name]);
  });

  it("takes tiers that end together", () => {
    const tiers = { HOT_MINUTES_H: "168", MINUTES_KEPT_DAYS: "7", HOURS_KEPT_DAYS: "7", DAYS_KEPT_DAYS: "13" };
    expect(read({ ...tiers, RAW_KEPT_DAYS: "13" }).tiers.minutesKeptDays).toBe(7);
  });

  it.each([
    "x",
    "",
    "clk_",
    `clk_${"A".repeat(42)}`,
    `clk_${"A".repeat(44)}`,
    `CLK_${"A".repeat(43)}`,
    `clk_${"A".repeat(42)}=`,
  ])("[attack 13] refuses the operator's key %j, and says how to make one", (key) => {
    const refused = refusalOf({ ADMIN_API_KEY: key });
    expect(refused.settings).toEqual(["ADMIN_API_KEY"]);
    if (key !== "") expect(refused.message).toContain("openssl rand -base64 32");
  });

  it.each([
    ["{", "TOKEN_KEYS"],
    ["[]", "TOKEN_KEYS"],
    [JSON.stringify({ "test-1": "c2hvcnQ" }), "TOKEN_KEYS"],
    [JSON.stringify({ ...TEST_TOKEN_KEYS, more: "+/+/" }), "TOKEN_KEYS"],
    [JSON.stringify({ ...TEST_TOKEN_KEYS, more: { key: TEST_TOKEN_KEYS["test-1"], cpc: 1 } }), "TOKEN_KEYS"],
    ["{}", "TOKEN_SIGNING_KID"],
    [JSON.stringify({ "test-1": { key: TEST_TOKEN_KEYS["test-1"], retired: true } }), "TOKEN_SIGNING_KID"],
    [JSON.stringify({ "test-1": TEST_TOKEN_KEYS.limited }), "TOKEN_SIGNING_KID"],
  ])("[fault C2] refuses the keys %s by the name %s", (keys, name) => {
    const refused = refusalOf({ TOKEN_KEYS: keys });
    expect(refused.settings).toEqual([name]);
    expect(refused.message).not.toContain(TEST_TOKEN_KEYS["test-1"]);
  });

  it.each(["https://shop.example", "Shop.example", "*.example", "shop.example:8080", "shop.example/x", "a b", "a,,b"])(
    "refuses %j for hosts that may be landed on without TLS, where it would say nothing",
    (hosts) => {
      expect(refusalOf({ LANDING_HTTP_HOSTS: hosts }).settings).toEqual(["LANDING_HTTP_HOSTS"]);
    },
  );

  it("[fault A14] takes schemes of app links, of which there are none unless named", () => {
    expect(read().token.landingSchemes).toEqual(new Set());
    const given = { LANDING_SCHEMES: "market, itms-apps,intent,myapp+x.1" };
    expect(read(given).token.landingSchemes).toEqual(new Set(["market", "itms-apps", "intent", "myapp+x.1"]));
  });

  it.each(["javascript", "data", "vbscript", "file", "blob", "about", "ws", "wss", "view-source", "content", "http"])(
    "[fault A14] refuses %s among them, by name",
    (scheme) => {
      const refused = refusalOf({ LANDING_SCHEMES: `market,${scheme}` });
      expect(refused.settings).toEqual(["LANDING_SCHEMES"]);
      expect(refused.message).toContain(scheme);
    },
  );

  it.each(["market:", "JavaScript", "market://", "1a", "a b", "market,,intent", "*"])(
    "[fault A14] refuses %j, which names no scheme",
    (schemes) => {
      expect(refusalOf({ LANDING_SCHEMES: schemes }).settings).toEqual(["LANDING_SCHEMES"]);
    },
  );

  it.each(Object.keys(STAND_INS))("[fault C2] refuses to do without %s, or with another kind of thing", (name) => {
    expect(refusalOf({ [name]: undefined }).settings).toContain(name);
    expect(refusalOf({ [name]: "text" }).settings).toContain(name);
    expect(refusalOf({ [name]: {} }).settings).toContain(name);
  });

  it.each([...Object.keys(deployedVars()).filter((name) => name !== "TOPOLOGY"), ...Object.keys(TEST_SECRETS)])(
    "[fault C2] has no default for %s",
    (name) => {
      expect(refusalOf({ [name]: undefined }).settings).toEqual([name]);
    },
  );

  it.each([
    ["LATE_POLICY", "maybe"],
    ["HOT_MINUTES_H", "23"],
    ["MINUTES_KEPT_DAYS", "0"],
    ["DAYS_KEPT_DAYS", "five years"],
  ])("names the setting %s when it is %s", (name, value) => {
    expect(refusalOf({ [name]: value }).settings).toEqual([name]);
  });

  it("does not stop redirects for a topology that does not parse", () => {
    expect(read({ TOPOLOGY: "[" }).topology.ok).toBe(false);
    expect(read({ TOPOLOGY: undefined }).topology.ok).toBe(false);
  });
});
