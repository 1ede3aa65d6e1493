/**
 * The click of the document's example of a receipt: an hour of a shard's log in the archive, its tree, and a leaf for it
 * in the evidence log. Every byte of it is the same in each run, so what is recorded of it can be verified.
 */
import { type LogOwner, segmentKey } from "../../src/archive/archive.ts";
import { LogText } from "../../src/archive/log-text.ts";
import { HourLines, hoursPrefix } from "../../src/audit/hour-lines.ts";
import { PLAIN_STEPS } from "../../src/audit/steps.ts";
import { readConfig } from "../../src/config.ts";
import { encodeUtf8 } from "../../src/core/base64url.ts";
import { decodeEventId, type EventId, makeEventId } from "../../src/core/event-id.ts";
import { SECOND_MS } from "../../src/core/limits.ts";
import { encodeLogLine } from "../../src/core/log-line.ts";
import { type Position, positionAfter } from "../../src/core/position.ts";
import { eventShardName, shardsOfHash } from "../../src/core/routing.ts";
import { hourOf, isoDay } from "../../src/core/time.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { hourLeaf, makeHours } from "../../src/evidence/hours.ts";
import { EXAMPLE } from "../../src/openapi/example-values.ts";
import { topologyInForce } from "../../src/shard/topology-keeper.ts";
import { enqueueLeaf } from "../../src/tlog/log.ts";
import { aClick } from "../support/builders.ts";
import { aToken } from "../support/tokens.ts";

/** Rows of the log with one line each, of two segments. */
const SEGMENTS = [
  ["imp_before-1", "imp_before-2", "imp_receipt"],
  ["imp_behind-1", "imp_behind-2"],
];
const BEFORE: Position = { seq: 811, chain: "0".repeat(64), loggedAtMs: 0 };

/** Seeds it, and has the log sequence whatever waits. */
export async function seedReceipt(env: Env): Promise<void> {
  const { receivedAtMs, routingHash } = decodeEventId(EXAMPLE.receiptEventId as EventId);
  const [index = 0] = shardsOfHash("click", routingHash, await topologyInForce(env, readConfig(env)));
  const owner = { shard: eventShardName("click", index), incarnation: "example" };
  await env.ARCHIVE.put("keys/v1/hour-lines", encodeUtf8("the nonces of this example's log"));
  const hours = new HourLines(env.ARCHIVE);
  let at = BEFORE;
  for (const impressions of SEGMENTS) at = await archive({ env, owner, hours }, impressions, at);
  const day = isoDay(receivedAtMs);
  await hours.put(`${hoursPrefix(day, 1, owner.shard)}0.ndjson`);
  const onHour = (stored: Parameters<typeof hourLeaf>[0]) => enqueueLeaf(env.ARCHIVE, hourLeaf(stored));
  await makeHours({ bucket: env.ARCHIVE, onHour }, new Map([[day, 1]]), PLAIN_STEPS);
  await env.EVIDENCE_LOG.getByName("log").sequence();
}

type World = { readonly env: Env; readonly owner: LogOwner; readonly hours: HourLines };

/** Puts the segment behind a place; resolves to the place behind it. */
async function archive({ env, owner, hours }: World, impressions: readonly string[], from: Position) {
  const rows: LogText[] = [];
  let to = from;
  for (const jti of impressions) {
    const row = await rowOf(jti, to.seq + 1);
    to = await positionAfter(to, row);
    rows.push(row);
  }
  const key = segmentKey(owner, hourOf(to.loggedAtMs), from.seq + 1);
  const text = rows.map((row) => `${row.lines()}\n`).join("");
  const packed = new Response(text).body?.pipeThrough(new CompressionStream("gzip"));
  await env.ARCHIVE.put(key, await new Response(packed).arrayBuffer());
  await hours.add({ key, owner, from, to, events: rows.length, isClosed: false, bytes: 0 }, rows);
  return to;
}

async function rowOf(jti: string, seq: number): Promise<LogText> {
  const asked = decodeEventId(EXAMPLE.receiptEventId as EventId);
  const { receivedAtMs } = asked;
  const iat = Math.floor(receivedAtMs / SECOND_MS) - 60;
  const isAsked = jti === "imp_receipt";
  const id = isAsked ? (EXAMPLE.receiptEventId as EventId) : makeEventId(asked, encodeUtf8(jti.slice("imp_".length)));
  const event = aClick({
    ...{ id, receivedAtMs, token: await aToken({ jti, iat, exp: iat + 3_600 }), ipHash: "a1b2c3d4e5f60718" },
  });
  const place = { seq, loggedAtMs: receivedAtMs + seq };
  const valid = { verdict: "valid", reason: null } as const;
  const line = encodeLogLine({ ...place, rules: "4-1f3a9c02" }, valid, encodeTokenEvent(event));
  return new LogText(seq, place.loggedAtMs, line);
}
