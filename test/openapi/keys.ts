/**
 * The keys that examples are sent with. An advertiser's key is there for one request only, so that no list of keys and no
 * audit log in the document shows it.
 */
import { env } from "cloudflare:workers";
import { hashApiKey } from "../../src/access/api-keys.ts";
import { withCheck } from "../../src/core/api-key.ts";
import type { Example } from "../../src/openapi/operation.ts";
import { TEST_SECRETS } from "../support/secrets.ts";

const KEY = withCheck("clk_exampleExampleExampleExampleExampleExampl10");
const KEY_ID = "key_exampleExample10";
const INSERT_KEY = `
INSERT INTO api_keys (key_hash, key_id, advertiser_id, scopes, created_at_ms) VALUES (?1, ?2, 'adv_1', ?3, 0)`;
const DELETE_KEY = `DELETE FROM api_keys WHERE key_id = ?1`;

/** Sends with the key that an example names; null is no key at all. */
export async function withKey<T>(name: Example["key"], send: (key: string | null) => Promise<T>): Promise<T> {
  if (name === undefined) return send(TEST_SECRETS.ADMIN_API_KEY);
  if (name === "none") return send(null);
  const scopes = JSON.stringify([name === "exhausted" ? "report" : name]);
  // Budgets are kept by key id, and the requests of one key must not be refused for the haste of another.
  const id = name === "exhausted" ? `${KEY_ID}-hasty` : KEY_ID;
  await env.REPORT_DB.prepare(INSERT_KEY).bind(hashApiKey(KEY), id, scopes).run();
  try {
    if (name === "exhausted") await exhaust(id);
    return await send(KEY);
  } finally {
    await env.REPORT_DB.prepare(DELETE_KEY).bind(id).run();
  }
}

/** Spends a key's budget through the binding. */
async function exhaust(keyId: string): Promise<void> {
  for (let calls = 0; calls < 5_000; calls++) if (!(await env.API_RATE.limit({ key: keyId })).success) return;
  throw new Error("the limiter never refuses");
}
