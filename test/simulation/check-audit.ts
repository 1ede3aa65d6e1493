/**
 * The audit of every log day of a run (src/audit/): its segments follow one another from seal to seal, each decision is
 * one that the rules allow, and each impression's claims are in order over all lives of its shard.
 *
 *   G7  what an audit finds in a run that nobody tampered with is a complaint; what a restore took with it is none
 *
 * Keeps: the parts that decide are the audit's own: inventory, recheck and check of claims.
 */
import type { StoredSegment } from "../../src/archive/segments.ts";
import { takeInventory } from "../../src/audit/inventory.ts";
import { type AuditRecord, compareRecords, type RecordForm } from "../../src/core/audit-record.ts";
import type { ClaimFinding } from "../../src/core/claim-check.ts";
import { prepareEvent } from "../../src/core/ingest.ts";
import { DAY_MS } from "../../src/core/limits.ts";
import { isTokenEntry, type LoggedEvent } from "../../src/core/log-line.ts";
import type { Position } from "../../src/core/position.ts";
import { recheck } from "../../src/core/recheck.ts";
import { isoDay } from "../../src/core/time.ts";
import { type Decision, judge, type LatePolicy } from "../../src/core/verdict.ts";
import type { Witness } from "./witness.ts";
import type { World } from "./world.ts";

const KEY = /^raw\/v1\/dt=([\d-]+)\/hour=\d\d\/shard=([^/]+)\/([^/]+)-(\d{12})\./;

export async function checkAudit(world: World): Promise<void> {
  const { archive, witness } = world;
  const { policy } = world.settings;
  const segments = segmentsOf(world);
  const nowMs = Math.max(0, ...segments.map(({ stored }) => stored.to.loggedAtMs));
  const days = [...new Set(segments.map(({ day }) => day))].sort();
  for (const [shard, { head }] of archive.heads) {
    const before = new Map<string, Position>();
    const isLossy = head.lives.some(({ lost }) => lost !== undefined);
    for (let ms = Date.parse(days[0] ?? isoDay(nowMs)); ms <= nowMs; ms += DAY_MS) {
      const segmentsOn = async (on: string) => segments.filter(({ day }) => day === on).map(({ stored }) => stored);
      const stock = await takeInventory({ shard, day: isoDay(ms), head, before, sealed: null, nowMs, segmentsOn });
      for (const { source, to } of stock.sources) before.set(source, to);
      for (const { kind, where, detail } of stock.found) {
        if (kind === "segment_missing" && isLossy) continue;
        witness.complain("G7", `the audit finds ${kind} at ${where}: ${detail}`, null);
      }
    }
    checkLines(world, { shard, lives: head.lives.map(({ incarnation }) => incarnation), policy });
  }
}

function segmentsOf({ archive }: World): { day: string; stored: StoredSegment }[] {
  return Array.from(archive.segments, ([key, segment]) => {
    const [, day = "", shard = "", incarnation = "", seq = ""] = KEY.exec(key) ?? [];
    const nothing = { seq: Number(seq) - 1, chain: "", loggedAtMs: 0 };
    const { from, to } = segment ?? { from: nothing, to: nothing };
    const events = segment?.rows.length ?? 0;
    const owner = { shard, incarnation };
    return { day, stored: { key, owner, from, to, events, isClosed: segment === null, bytes: 0 } };
  });
}

type Lines = { readonly shard: string; readonly lives: readonly string[]; readonly policy: LatePolicy };

function checkLines(world: World, lines: Lines): void {
  const { witness } = world;
  const { records, entries } = recordsOf(world, lines);
  for (const entry of entries.values()) checkDecision(witness, entry, lines.policy);
  for (const { record, kind, detail } of claimFindings(world, records, entries, lines.policy)) {
    witness.complain("G7", `the audit finds ${kind} of ${record.event}: ${detail}`, record.event);
  }
}

type Unsettled = {
  readonly shard: string;
  /** Of the impression. */
  readonly key: string;
  readonly entry: LoggedEvent;
  readonly to: Decision;
};

/** The deferred events that an audit finds to wait, and what they are. */
export function unsettledIn(world: World): Unsettled[] {
  const { policy } = world.settings;
  return Array.from(world.archive.heads).flatMap(([shard, { head }]) => {
    const lines = { shard, lives: head.lives.map(({ incarnation }) => incarnation), policy };
    const { records, entries } = recordsOf(world, lines);
    return claimFindings(world, records, entries, policy).flatMap(({ record, kind, to }) => {
      const entry = entries.get(record);
      return kind === "unsettled" && entry !== undefined && to !== null ? [{ shard, key: record.key, entry, to }] : [];
    });
  });
}

type Entries = ReadonlyMap<AuditRecord, LoggedEvent>;

function recordsOf({ archive }: World, { shard, lives }: Lines): { records: AuditRecord[]; entries: Entries } {
  const entries = new Map<AuditRecord, LoggedEvent>();
  for (const segment of archive.segments.values()) {
    if (segment === null || segment.owner.shard !== shard) continue;
    const life = lives.indexOf(segment.owner.incarnation);
    for (const row of segment.rows) {
      const { seq, loggedAtMs } = row;
      for (const [line, entry] of row.entries().entries()) {
        if (!isTokenEntry(entry)) continue;
        const { key } = prepareEvent(entry);
        const { verdict } = entry;
        const from = entry.revision?.from.verdict ?? null;
        const form = formOf(entry);
        entries.set({ key, event: entry.event.id, loggedAtMs, seq, line, life, form, verdict, from }, entry);
      }
    }
  }
  return { records: Array.from(entries.keys()).sort(compareRecords), entries };
}

function claimFindings(
  { parts }: World,
  records: readonly AuditRecord[],
  entries: Entries,
  policy: LatePolicy,
): ClaimFinding[] {
  const judged = (record: AuditRecord) => judge(entries.get(record) as LoggedEvent, policy);
  const byKey = Map.groupBy(records, ({ key }) => key);
  return Array.from(byKey.values()).flatMap((ofKey) => parts.checkImpression(ofKey, judged));
}

function formOf({ revision, review }: LoggedEvent): RecordForm {
  if (revision) return "revision";
  return review === null ? "first" : "review";
}

function checkDecision(witness: Witness, entry: LoggedEvent, policy: LatePolicy): void {
  if (entry.revision) return;
  const to = recheck(entry, judge(entry, policy));
  if (to === null) return;
  witness.complain(
    "G7",
    `the audit finds ${entry.event.id} ${entry.verdict}, the rules say ${to.verdict}`,
    entry.event.id,
  );
}
