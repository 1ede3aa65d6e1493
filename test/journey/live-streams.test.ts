/** Live streams over real sockets: the ninth of a tenant is refused until a client is simply gone. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type LocalRuntime, startRuntime } from "../../scripts/local-runtime.ts";
import { hashApiKey, makeApiKey } from "../../src/access/api-keys.ts";
import { TENANT_RULES } from "../../src/access/read-rules.ts";
import { TEST_SECRETS } from "../support/secrets.ts";

const TEST_MAX_MS = 120_000;
let runtime: LocalRuntime;
const key = makeApiKey(new Uint8Array(32).fill(7));

beforeAll(async () => {
  runtime = await startRuntime({ vars: { ...TEST_SECRETS } });
  await runtime.database
    .prepare(
      "INSERT INTO api_keys (key_hash, key_id, advertiser_id, scopes, created_at_ms) VALUES (?1, 'key_1', 'adv_1', '[\"report\"]', 0)",
    )
    .bind(hashApiKey(key))
    .run();
}, TEST_MAX_MS);

afterAll(() => runtime.stop());

it("[attack 8] gives a stream's place back when its client just disconnects", { timeout: TEST_MAX_MS }, async () => {
  const open = async () => {
    const gone = new AbortController();
    const headers = { Authorization: `Bearer ${key}` };
    const response = await fetch(`${runtime.url}/v1/live`, { headers, signal: gone.signal });
    return { status: response.status, response, leave: () => gone.abort() };
  };
  const opened = [];
  for (let at = 0; at < TENANT_RULES.streamsMax; at++) opened.push(await open());
  expect(opened.map(({ status }) => status)).toEqual(opened.map(() => 200));
  expect((await open()).status).toBe(429);
  opened[0]?.leave();
  // The runtime notices at its next write to the socket.
  await expect.poll(async () => (await open()).status, { timeout: TEST_MAX_MS / 2, interval: 500 }).toBe(200);
  for (const { leave } of opened) leave();
});
