/**
 * One segment, read as a stranger would: is it what its metadata says, does each line belong into this log, was each
 * token signed, would the rules decide the same; and what do the lines add up to.
 *
 * Keeps: believes nothing but the key ring, the topology and the recorded rules. Memory: one segment.
 */
import { type LogOwner, sourceOf } from "../archive/archive.ts";
import type { LogText } from "../archive/log-text.ts";
import { openSegment, type StoredSegment } from "../archive/segments.ts";
import type { AuditRecord, RecordForm } from "../core/audit-record.ts";
import { openClickId } from "../core/click-id.ts";
import type { Discrepancy, DiscrepancyKind } from "../core/discrepancy.ts";
import { erasedRowDigest, isErasedRowSealed } from "../core/erased-line.ts";
import { type EvidenceLine, evidenceLineOf } from "../core/evidence.ts";
import { type Facts, foldEntry } from "../core/facts.ts";
import { prepareEvent } from "../core/ingest.ts";
import type { KeyRing } from "../core/key-ring.ts";
import { MINUTE_MS } from "../core/limits.ts";
import { decodeLogLine, isConversionEntry, isTokenEntry, type LogEntry, type LoggedEvent } from "../core/log-line.ts";
import { isSamePosition, type Position, positionAfter } from "../core/position.ts";
import { recheck } from "../core/recheck.ts";
import { WITHDRAWN } from "../core/revision.ts";
import { eventShardName, shardOf, type Topology } from "../core/routing.ts";
import { verifyLoggedToken } from "../core/token.ts";
import type { Decision } from "../core/verdict.ts";
import { Pieces, type ScannedPiece } from "./pieces.ts";
import type { Repair } from "./repair.ts";

/** What a finding needs to be mended: where its line stands, and what the event should be. */
export type Finding = Discrepancy & {
  readonly place?: LineAt;
  readonly from?: Decision;
  /** Null where a person has to see. */
  readonly to?: Decision | null;
  /** The shard that owns the event, where its line stands in another's log. */
  readonly owner?: string;
  /** Of the line by which that log gave the event up: where its owner's records must have it. */
  readonly withdrawn?: Pick<ScannedRecord, "key" | "hour">;
  /** Of figures: what the database lacks. */
  readonly repair?: Repair;
};

export type LineAt = {
  readonly shard: string;
  readonly incarnation: string;
  readonly seq: number;
  readonly line: number;
  readonly loggedAtMs: number;
};

export type Judges = {
  readonly ring: KeyRing;
  readonly topology: Topology;
  /** What the rules that the line names say of it; null when nobody has these rules. */
  readonly judge: (entry: LoggedEvent) => Promise<Decision | null> | Decision | null;
};

export type Scanned = {
  /** The whole segment, in the order of its log. */
  readonly pieces: readonly ScannedPiece[];
  /** What accepted changes of nothing would add up to: a shard has posted it. */
  readonly voided: Facts;
  readonly found: readonly Finding[];
  readonly events: number;
  readonly rows: readonly LogText[];
};

export type ScannedRecord = AuditRecord & { readonly hour: number };

/** Where a scan puts what each line leaves, in the order of the log: nothing of it is kept here. */
export type ScanSink = {
  readonly onRecord: (record: ScannedRecord) => void;
  /** Of clicks, what the evidence is made of. */
  readonly onClick: (line: EvidenceLine) => void;
};

/** Lines whose signatures are verified at once. */
const VERIFIED_AT_ONCE = 64;

/** Where something was found that an operator has accepted by name. */
export type Accepted = { has(where: string): boolean };

/**
 * Reads a segment; `life` is the number of its incarnation among its shard's. A change that was accepted, since nothing
 * is logged which it could move, moves nothing: what it takes away was lost before.
 */
export async function scanSegment(
  bucket: R2Bucket,
  segment: StoredSegment,
  { life, judges, accepted, onRecord, onClick }: { life: number; judges: Judges; accepted: Accepted } & ScanSink,
): Promise<Scanned> {
  const { rows, found } = await wholeRows(bucket, segment, judges.ring);
  const pieces = new Pieces(segment.from);
  const source = sourceOf(segment.owner);
  const voided: Facts = new Map();
  for (const row of rows) {
    const lines = row.lines().split("\n");
    for (let at = 0; at < lines.length; at += VERIFIED_AT_ONCE) {
      const part = lines.slice(at, at + VERIFIED_AT_ONCE);
      const scanned = await Promise.all(
        part.map((text, index) => scanLine(text, { row, line: at + index, owner: segment.owner, life }, judges)),
      );
      for (const [index, { entry, record, findings }] of scanned.entries()) {
        const { seq, loggedAtMs } = row;
        const isVoid = isChange(entry) && accepted.has(`${source}/${seq}/${at + index}`);
        pieces.add(isVoid ? null : entry);
        if (isVoid && entry !== null) foldEntry(voided, entry);
        found.push(...findings);
        if (record !== null) onRecord(record);
        if (entry === null || record === null || !isTokenEntry(entry) || entry.event.type !== "click") continue;
        if (isVoid) continue;
        const place = { impression: record.key, source, life, seq, line: at + index, loggedAtMs };
        onClick(evidenceLineOf(entry, place));
      }
    }
    await pieces.endRow(row);
  }
  const whole = pieces.end(segment.to);
  const events = whole.reduce((sum, piece) => sum + piece.events, 0);
  return { pieces: whole, voided, rows, found, events };
}

/**
 * The rows of a segment that is whole. What a damaged one says is believed by nobody: it counts as nothing, and stands
 * open until somebody accepts its loss.
 */
async function wholeRows(bucket: R2Bucket, { key, owner, from, to }: StoredSegment, ring: KeyRing | null = null) {
  const rows = await openSegment(bucket, key);
  const damage =
    rows === null
      ? "It holds no readable text."
      : ((await damageOf(rows, from, to)) ?? (ring === null ? null : await unsealedIn(rows, sourceOf(owner), ring)));
  const found: Finding[] = damage === null ? [] : [{ kind: "segment_changed", where: key, detail: damage }];
  return { rows: damage === null ? (rows ?? []) : [], found };
}

/** What a segment adds to minutes before an instant, row by row, and what it revises; nothing of it is judged. */
export async function skimSegment(
  bucket: R2Bucket,
  segment: StoredSegment,
  { life, beforeMs }: { life: number; beforeMs: number },
): Promise<{ byRow: ReadonlyMap<number, Facts>; revised: ScannedRecord[] }> {
  const byRow = new Map<number, Facts>();
  const revised: ScannedRecord[] = [];
  for (const row of (await wholeRows(bucket, segment)).rows) {
    const facts: Facts = new Map();
    for (const [line, text] of row.lines().split("\n").entries()) {
      if (isOfLaterMinute(text, beforeMs)) continue;
      const entry = decodeLogLine(text);
      foldEntry(facts, entry);
      if (!isTokenEntry(entry)) continue;
      const form = formOf(entry);
      if (form === "revision") revised.push(recordOf(entry, { row, line, owner: segment.owner, life }));
    }
    for (const [key, { window }] of facts) if (window * MINUTE_MS >= beforeMs) facts.delete(key);
    if (facts.size > 0) byRow.set(row.seq, facts);
  }
  return { byRow, revised };
}

const COUNTED_AT = /"(?:occurred|received)_at_ms":(\d+)/g;

/**
 * Whether a line says nothing of minutes before the instant, told from its text: nearly every line of a later day. An
 * event counts in the minute when it occurred or was received, one that joins another in that one's, and what revises
 * an event has its instants too.
 */
function isOfLaterMinute(text: string, beforeMs: number): boolean {
  if (!text.includes('"type":"click"') && !text.includes('"type":"impression"')) return false;
  return Array.from(text.matchAll(COUNTED_AT), ([, digits]) => Number(digits)).every((atMs) => atMs >= beforeMs);
}

const CHAIN = /^([0-9a-f]{64})?$/;
/** What is wrong with the rows of a segment, or null. */
async function damageOf(rows: readonly LogText[], from: Position, to: Position): Promise<string | null> {
  if (!CHAIN.test(from.chain)) return "Its metadata names no chain that it could follow.";
  let at = from;
  for (const row of rows) {
    if (row.seq !== at.seq + 1) return `Behind row ${at.seq} comes row ${row.seq}.`;
    at = await positionAfter(at, row);
  }
  return isSamePosition(at, to) ? null : `Its rows end at ${at.seq} with another chain than ${to.seq} of its metadata.`;
}

/** What is wrong with rows that say that lines of theirs were erased, or null. */
async function unsealedIn(rows: readonly LogText[], source: string, ring: KeyRing): Promise<string | null> {
  for (const row of rows) {
    const lines = row.lines();
    if (erasedRowDigest(lines) === null || (await isErasedRowSealed({ source, lines }, ring))) continue;
    return `Row ${row.seq} says that lines of it were erased, and no key of ours sealed what it holds.`;
  }
  return null;
}

type LineContext = { readonly row: LogText; readonly line: number; readonly owner: LogOwner; readonly life: number };
type ScannedLine = {
  readonly entry: LogEntry | null;
  readonly record: ScannedRecord | null;
  readonly findings: Finding[];
};

async function scanLine(text: string, context: LineContext, judges: Judges): Promise<ScannedLine> {
  const { row, line, owner } = context;
  const { seq, loggedAtMs } = row;
  const place: LineAt = { ...owner, seq, line, loggedAtMs };
  const where = `${sourceOf(owner)}/${seq}/${line}`;
  let entry: LogEntry;
  try {
    entry = decodeLogLine(text);
  } catch (fault) {
    const detail = `The line cannot be read: ${(fault as Error).message}.`;
    return { entry: null, record: null, findings: [{ kind: "line_unreadable", where, detail, place }] };
  }
  const find: Find = (kind, detail, to) => ({
    ...{ kind, where, detail, place, event: entry.event.id },
    ...(isTokenEntry(entry) ? { advertiserId: entry.claims.adv, from: decisionOf(entry) } : {}),
    ...(to === undefined ? {} : { to }),
  });
  if (isTokenEntry(entry)) {
    const record = recordOf(entry, context);
    const findings = await checkDecision(entry, judges, find);
    const foreign = foreignIn(entry, record, { shard: owner.shard, topology: judges.topology, find });
    // A token that nobody signed has no owner, whatever it says.
    const isSigned = findings.every(({ kind }) => kind !== "signature");
    return { entry, record, findings: foreign !== null && isSigned ? [foreign, ...findings] : findings };
  }
  if (isConversionEntry(entry) && openClickId(entry.event.clickId, judges.ring) === null) {
    return { entry, record: null, findings: [find("signature", "No key verifies the click id of this conversion.")] };
  }
  return { entry, record: null, findings: [] };
}

type Find = (kind: DiscrepancyKind, detail: string, to?: Decision | null) => Finding;

/**
 * What is said of an event that another shard owns: it is handed to that one and withdrawn here. A late one is decided
 * first, where it waits; one that was erased can be handed to nobody.
 */
function foreignIn(
  entry: LoggedEvent,
  { key, hour, form, verdict }: ScannedRecord,
  { shard, topology, find }: { shard: string; topology: Topology; find: Find },
): Finding | null {
  const { type } = entry.event;
  const owner = eventShardName(type, shardOf(type, entry.claims, topology));
  if (owner === shard) return null;
  const to = verdict === "late" || entry.erased !== undefined ? null : WITHDRAWN;
  const isWithdrawal = form === "revision" && verdict === "deferred";
  const finding = { ...find("foreign_shard", `The event belongs to ${owner}.`, to), owner };
  return isWithdrawal ? { ...finding, withdrawn: { key, hour } } : finding;
}

/** Whether a line's token was signed, and its rules decide as it says. */
async function checkDecision(entry: LoggedEvent, { ring, judge }: Judges, find: Find): Promise<Finding[]> {
  const verified = await verifyLoggedToken(entry.event.token, ring, entry.claims);
  if (!verified.ok) {
    const to: Decision = { verdict: "invalid", reason: "signature_invalid" };
    return [find("signature", `Its token does not verify: ${verified.error.reason}.`, to)];
  }
  // An erased line lacks what rules look at; its row is sealed, and its verdict was judged before.
  if (formOf(entry) === "revision" || entry.erased !== undefined) return [];
  const judged = await judge(entry);
  if (judged === null) return [find("rules_unknown", `Nobody has rules ${String(entry.rules)}.`)];
  // What a deferred event would be is kept for the check of claims, which settles it (audit/shard-audit.ts).
  const findings = entry.verdict === "deferred" ? [find("unsettled", "It waits.", judged)] : [];
  const to = recheck(entry, judged);
  if (to === null) return findings;
  const said = `${entry.verdict}${entry.reason === null ? "" : `: ${entry.reason}`}`;
  const says = `${to.verdict}${to.reason === null ? "" : `: ${to.reason}`}`;
  return [...findings, find("verdict", `It was logged as ${said}; its rules say ${says}.`, to)];
}

function decisionOf({ verdict, reason }: LoggedEvent): Decision {
  return { verdict, reason };
}

function formOf(entry: LoggedEvent): RecordForm {
  const { revision = null } = entry;
  if (revision !== null) return "revision";
  return entry.review === null ? "first" : "review";
}

/** An erased one was accepted where it stands in a log that does not own it, and counts there. */
function isChange(entry: LogEntry | null): boolean {
  return entry !== null && isTokenEntry(entry) && formOf(entry) !== "first" && entry.erased === undefined;
}

function recordOf(entry: LoggedEvent, { row, line, life }: LineContext): ScannedRecord {
  const { key, keyHour } = prepareEvent(entry);
  const form = formOf(entry);
  return {
    ...{ key, hour: keyHour, event: entry.event.id, loggedAtMs: row.loggedAtMs, seq: row.seq, line, life, form },
    ...{ verdict: entry.verdict, from: entry.revision?.from.verdict ?? null },
  };
}
