/** A day of signed events in the shards of the topology, and its audit, run here step by step. */
import { applyD1Migrations, type D1Migration, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { runAudit } from "../../src/audit/audit.ts";
import type { AuditReport } from "../../src/audit/audit-report.ts";
import type { AuditOf, AuditPorts } from "../../src/audit/context.ts";
import { auditPorts } from "../../src/audit/ports.ts";
import { takeAttempt } from "../../src/audit/start.ts";
import { PLAIN_STEPS, type Steps } from "../../src/audit/steps.ts";
import { readConfig } from "../../src/config.ts";
import { DAY_MS } from "../../src/core/limits.ts";
import { openEvent } from "../../src/core/message.ts";
import { assert } from "../../src/core/result.ts";
import { isoDay } from "../../src/core/time.ts";
import { encodeTokenEvent, type TokenEvent } from "../../src/core/token-event.ts";
import { shardNameOf } from "../../src/shard/stub.ts";
import { topologyInForce } from "../../src/shard/topology-keeper.ts";
import { aClick } from "./builders.ts";
import { aToken } from "./tokens.ts";

/** The UTC day of this run; a test that crosses midnight audits the day in which it began. */
export const TODAY = isoDay(Date.now());
export const TOMORROW = isoDay(Date.parse(TODAY) + DAY_MS);

/** A click of just now with a token that was really signed. */
export async function aSignedClick(overrides: Partial<TokenEvent> = {}, claims: Record<string, unknown> = {}) {
  const token = await aToken(claims);
  return aClick({ receivedAtMs: Date.now(), ...overrides, token }, {});
}

/** The shard that owns an event. */
export async function shardOfEvent(event: TokenEvent): Promise<string> {
  const opened = openEvent(JSON.parse(encodeTokenEvent(event)));
  assert(opened.ok, "a test's event is readable");
  return shardNameOf(opened.value, await topologyInForce(env, readConfig(env)));
}

/** Counts events in the shards that own them, and has them posted and archived. */
export async function count(events: readonly TokenEvent[]): Promise<void> {
  const shards = new Set<string>();
  for (const event of events) {
    const shard = await shardOfEvent(event);
    await env.EVENT_SHARD.getByName(shard).ingest([encodeTokenEvent(event)]);
    shards.add(shard);
  }
  for (const shard of shards) await env.EVENT_SHARD.getByName(shard).archiveNow();
}

/** Audits the day of this run, which is closed early; only shards that have an archive are asked. */
export async function audit(
  overrides: Partial<AuditPorts> = {},
  steps: Steps = PLAIN_STEPS,
  day = TODAY,
): Promise<AuditReport> {
  const of = await anAttempt(day);
  // The shards of the topology that never logged are not made for this.
  return runAudit({ ...auditPorts(env), shardNames: async () => [], ...overrides }, of, steps);
}

export async function anAttempt(day = TODAY): Promise<AuditOf> {
  // What is logged behind a day that was closed early goes under the next one's name, which may be asked for as well.
  const nowMs = Math.max(Date.now(), Date.parse(day));
  const attempt = await takeAttempt(env, { day, nowMs, graceMs: 0, isEarly: true });
  if (!attempt.ok) throw new Error(attempt.error);
  return { day, attempt: attempt.value };
}

/** An empty world for the next test. */
export async function startOver(): Promise<void> {
  await reset();
  const { TEST_MIGRATIONS } = env as unknown as { TEST_MIGRATIONS: D1Migration[] };
  await applyD1Migrations(env.REPORT_DB, TEST_MIGRATIONS);
}
