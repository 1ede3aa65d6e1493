/**
 * A day that is over, logged, archived, posted and rolled by the code of production, in memory: two shards with three
 * segments each, of valid clicks and showings, duplicates, crawlers, a late click that was accepted, a revision that
 * promotes. Its audit is clean, and is run by the code of production, too.
 */
import type { LogOwner } from "../../../src/archive/archive.ts";
import { sourceOf } from "../../../src/archive/archive.ts";
import { encodeHead, headKey } from "../../../src/archive/head.ts";
import { LogText } from "../../../src/archive/log-text.ts";
import { R2Archive } from "../../../src/archive/r2-archive.ts";
import { runAudit } from "../../../src/audit/audit.ts";
import type { AuditReport } from "../../../src/audit/audit-report.ts";
import type { AuditPorts } from "../../../src/audit/context.ts";
import { attemptsOf } from "../../../src/audit/context.ts";
import { Meter } from "../../../src/audit/cost.ts";
import type { Judges } from "../../../src/audit/scan.ts";
import { auditShard } from "../../../src/audit/shard-audit.ts";
import { PLAIN_STEPS } from "../../../src/audit/steps.ts";
import { type Facts, foldEntry } from "../../../src/core/facts.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../src/core/limits.ts";
import { decodeLogLine, encodeLogLine } from "../../../src/core/log-line.ts";
import { LOG_START, type Position, positionAfter } from "../../../src/core/position.ts";
import { judgeUnder } from "../../../src/core/rules.ts";
import { type EventType, encodeTokenEvent } from "../../../src/core/token-event.ts";
import type { Decision } from "../../../src/core/verdict.ts";
import { D1Facts } from "../../../src/facts/d1-facts.ts";
import { rollAll } from "../../../src/facts/roll.ts";
import { aClick, anEpoch, CRAWLER, NOON_MS, NOON_S } from "../../support/builders.ts";
import { RULES } from "../../support/rules.ts";
import { aToken, POLICY, testRing } from "../../support/tokens.ts";
import { MemoryR2 } from "./memory-r2.ts";
import { SqliteD1 } from "./sqlite-d1.ts";

export const DAY = "2026-04-20";
const NOW_MS = NOON_MS + 2 * DAY_MS;
const SEGMENTS = 3;
const VALID: Decision = { verdict: "valid", reason: null };
const DUPLICATE: Decision = { verdict: "duplicate", reason: "same_impression" };
const CRAWLED: Decision = { verdict: "invalid", reason: "declared_crawler" };
const NAMED: Decision = { verdict: "invalid", reason: "high_frequency" };

export type AuditedDay = { readonly r2: MemoryR2; readonly d1: SqliteD1; readonly judges: Judges };

export async function makeDay(): Promise<AuditedDay> {
  const [r2, d1] = [new MemoryR2(), new SqliteD1()];
  const archive = new R2Archive(r2.binding);
  const store = new D1Facts(d1.binding, () => NOW_MS);
  for (const type of ["click", "impression"] as const) {
    const shard = `${type}s-0`;
    const owner: LogOwner = { shard, incarnation: `life-of-${shard}` };
    const facts: Facts = new Map();
    let at: Position = LOG_START;
    let segment = { key: "", from: at };
    for (let number = 0; number < SEGMENTS; number++) {
      const loggedAtMs = NOON_MS + number * HOUR_MS + 30 * MINUTE_MS;
      const from = at;
      const rows: LogText[] = [];
      for (const lines of await rowsOf(type, number)) {
        const seq = at.seq + 1;
        const text = lines.map(({ head, event }) => encodeLogLine({ seq, loggedAtMs, rules: RULES.id }, head, event));
        const row = new LogText(seq, loggedAtMs, text.join("\n"));
        for (const line of text) foldEntry(facts, decodeLogLine(line));
        at = await positionAfter(at, row);
        rows.push(row);
      }
      const hour = String(12 + number).padStart(2, "0");
      const place = String(from.seq + 1).padStart(12, "0");
      const key = `raw/v1/dt=${DAY}/hour=${hour}/shard=${shard}/${owner.incarnation}-${place}.ndjson.gz`;
      await archive.put({ key, owner, from, to: at, rows });
      segment = { key, from };
    }
    const life = { incarnation: owner.incarnation, base: LOG_START, end: at, segment };
    await r2.put(headKey(shard), encodeHead({ lives: [life] }));
    const posting = { source: sourceOf(owner), shard, from: null, to: { ...at, part: "" }, facts, lates: new Map() };
    await store.post(posting);
  }
  await rollAll(d1.binding, NOW_MS);
  const ring = await testRing();
  const judges = {
    ring,
    policy: POLICY,
    topology: [anEpoch(0, 1)],
    judge: (entry: Parameters<Judges["judge"]>[0]) => (entry.rules === RULES.id ? judgeUnder(RULES, entry) : null),
  };
  return { r2, d1, judges };
}

type Line = { readonly head: Parameters<typeof encodeLogLine>[1]; readonly event: string };

/** The rows of one segment, a few lines each. */
async function rowsOf(type: EventType, number: number): Promise<Line[][]> {
  const atMs = NOON_MS + number * HOUR_MS;
  const iat = NOON_S + (number * HOUR_MS) / 1_000;
  const lineOf = async (name: string, decision: Decision, of: { agent?: string; token?: string } = {}) => {
    const claims = {
      jti: `${type}-${number}-${name}`,
      iat,
      exp: iat + 7_200,
      ad: `ad_${number % 2}`,
      cpc: 1_000 + number,
      uid: `user-${name}`,
    };
    const token = of.token ?? (await aToken(claims));
    const agent = of.agent === undefined ? {} : { userAgent: of.agent };
    const event = { ...aClick({ receivedAtMs: atMs + 60_000, ...agent }, claims), type, token };
    return { line: { head: decision, event: encodeTokenEvent(event) }, token, event };
  };
  const first = await lineOf("first", VALID);
  const again = await lineOf("again", DUPLICATE, { token: first.token });
  const crawled = await lineOf("crawled", CRAWLED, { agent: CRAWLER });
  const other = await lineOf("other", VALID);
  const named = await lineOf("named", VALID);
  const heir = await lineOf("heir", DUPLICATE, { token: named.token });
  const change = { n: 1, cause: "replay/1", by: "key_7", atMs, isListed: false };
  return [
    [first.line, again.line],
    [crawled.line, other.line],
    [named.line],
    [heir.line],
    [
      { head: { ...NAMED, revision: { ...change, from: VALID } }, event: named.line.event },
      { head: { ...VALID, revision: { ...change, from: DUPLICATE } }, event: heir.line.event },
    ],
  ];
}

/** Audits a copy of the day's objects beside its database; nothing of it stays. */
export function auditCopy(r2: MemoryR2, { d1, judges }: AuditedDay): Promise<AuditReport> {
  const bucket = r2.binding;
  const ports: AuditPorts = {
    meter: new Meter(bucket),
    databases: new Map([["REPORT_DB", d1.binding]]),
    primary: d1.binding,
    shardNames: async () => [],
    seal: async () => true,
    archiveNow: async () => {},
    assign: async (ids) => new Map(ids.map((id) => [id, "REPORT_DB"])),
    runShards: async (of, { shards }, steps) => {
      const attempts = await attemptsOf({ primary: d1.binding }, of);
      for (const shard of shards) await auditShard({ ...of, shard, attempts }, bucket, judges, steps);
    },
    clock: () => NOW_MS,
    closeGraceMs: 0,
    kept: { minutesKeptDays: 400, hoursKeptDays: 400 },
  };
  return runAudit(ports, { day: DAY, attempt: 1 }, PLAIN_STEPS);
}
