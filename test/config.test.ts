/** The configuration: what is deployed is valid, and a wrong setting is a sentence that names it. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readConfig } from "../src/config.ts";
import { anEpoch } from "./support/builders.ts";
import { TEST_SECRETS } from "./support/secrets.ts";

const toml = readFileSync(new URL("../wrangler.toml", import.meta.url), "utf8");

/** The `[vars]` of wrangler.toml; each stands on one line as `NAME = "value"` or `NAME = 'value'`. */
function deployedVars(): Record<string, string> {
  const section = /^\[vars\]\n([\s\S]*?)^\[/m.exec(toml)?.[1] ?? "";
  const lines = section.matchAll(/^([A-Z_]+) = (?:"(.*)"|'(.*)')$/gm);
  return Object.fromEntries(Array.from(lines, ([, name, double, single]) => [name ?? "", double ?? single ?? ""]));
}

const read = (overrides: Record<string, string | undefined> = {}) =>
  readConfig({ ...deployedVars(), ...TEST_SECRETS, ...overrides });

describe("wrangler.toml", () => {
  it("holds valid settings", () => {
    const config = read();
    expect(config.topology).toEqual({ ok: true, value: [anEpoch(0, 8)] });
    expect(config.enqueueChain).toEqual(["queue", "other_queue", "shard", "spool"]);
    expect(config.token.landingHttpHosts.size).toBe(0);
  });

  it("does not deploy the demonstration pages", () => {
    expect(deployedVars()["LOCAL_DEMO"]).toBe("0");
    expect(read().isDemo).toBe(false);
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
  it.each([
    ["TOKEN_TTL_MAX_S", "abc"],
    ["TOKEN_TTL_MAX_S", "0"],
    ["TOKEN_TTL_MAX_S", "1.5"],
    ["LATE_POLICY", "maybe"],
    ["ENQUEUE_CHAIN", "queue,pigeon"],
    ["COALESCE_HOLD_MS", "-1"],
    ["FLUSH_INTERVAL_MS", undefined],
    ["ADMIN_API_KEY", ""],
    ["HOT_MINUTES_H", "23"],
    ["MINUTES_KEPT_DAYS", "0"],
    ["HOURS_KEPT_DAYS", undefined],
    ["DAYS_KEPT_DAYS", "five years"],
    ["NEW_ADVERTISERS_TO", undefined],
    ["NEW_ADVERTISERS_TO", " , "],
  ])("names the setting %s when it is %s", (name, value) => {
    expect(() => read({ [name]: value })).toThrow(name);
  });

  it("does not stop redirects for a topology that does not parse", () => {
    expect(read({ TOPOLOGY: "[" }).topology.ok).toBe(false);
    expect(read({ TOPOLOGY: undefined }).topology.ok).toBe(false);
  });
});
