/**
 * Events that an audit found to be decided wrongly, moved by revisions in the log of their shard.
 *
 * Keeps: each revision names the audit. What an event was is read from its line and from the changes that its shard
 * knows; a claim that is taken from an event goes, in the same revision, to the first duplicate of its impression that
 * the rules leave valid, whose token verifies. What the shard refuses is left for the next audit, or for a person.
 */
import { R2Archive } from "../archive/r2-archive.ts";
import { type AuditRecord, compareLogged, sortedRecords } from "../core/audit-record.ts";
import { parseJson } from "../core/base64url.ts";
import type { EventId } from "../core/event-id.ts";
import { prepareEvent } from "../core/ingest.ts";
import { decodeEventLine, type LoggedEvent } from "../core/log-line.ts";
import type { Change, RevisionOutcome } from "../core/revision.ts";
import { verifyOldToken } from "../core/token.ts";
import type { Decision } from "../core/verdict.ts";
import type { Promotion, RevisedBy, RevisionRequest } from "../shard/revise.ts";
import { claimsPrefix, getJson, keysBelow, ofAttempts } from "./objects.ts";
import type { Finding, Judges, LineAt } from "./scan.ts";
import { type ShardAuditOf, type ShardWork, workKey } from "./shard-audit.ts";

export type RevisePorts = {
  readonly archive: R2Bucket;
  readonly judges: Judges;
  readonly revise: (shard: string, requests: RevisionRequest[], by: RevisedBy) => Promise<RevisionOutcome[]>;
  /** What the shard knows that became of an event, oldest first. */
  readonly changes: (shard: string, event: EventId) => Promise<readonly Change[]>;
};

export type ReviseOf = Omit<ShardAuditOf, "shard"> & { readonly cause: string; readonly by: string };

/** Moves the event of a finding to what it should be; whether it is that now. */
export async function reviseFinding(ports: RevisePorts, of: ReviseOf, finding: Finding): Promise<boolean> {
  const { place, to } = finding;
  if (place === undefined || to === undefined || to === null) return false;
  const entry = await entryAt(ports.archive, place);
  if (entry === null) return false;
  const stands = await standingOf(ports, place.shard, entry);
  if (finding.owner !== undefined) return adopt(ports, of, { entry, stands, to, owner: finding.owner });
  if (isSame(stands.decision, to)) return true;
  const promote = stands.decision.verdict === "valid" ? await heirOf(ports, of, { place, entry }) : null;
  const request: RevisionRequest = { encoded: entry.encoded, n: stands.n + 1, from: stands.decision, to, promote };
  const [outcome] = await ports.revise(place.shard, [request], { cause: of.cause, by: of.by });
  return outcome?.outcome === "revised";
}

type Adopted = { entry: EntryAt; stands: { n: number; decision: Decision }; to: Decision; owner: string };

/**
 * Has the owner of an event that another shard logged take it over. Valid or a duplicate it is by the owner's claims
 * alone: by those that the shard remembers, and by what the audits have of them where it has forgotten.
 */
async function adopt(ports: RevisePorts, of: ReviseOf, { entry, stands, to, owner }: Adopted): Promise<boolean> {
  const { encoded } = entry;
  const ask = async (as: Decision) => {
    const request = { encoded, n: stands.n + 1, from: stands.decision, to: as, isAdopted: true };
    const [outcome] = await ports.revise(owner, [request], { cause: of.cause, by: of.by });
    return outcome?.outcome;
  };
  // Again: it was taken over before.
  if ((await ports.changes(owner, entry.event.id)).length > 0) return true;
  if (to.verdict !== "valid") return (await ask(to)) === "revised";
  const records = (await recordsOf(ports.archive, { of, shard: owner, entry })).sort(compareLogged);
  const last = new Map(records.map(({ event, verdict }) => [event, verdict]));
  last.delete(entry.event.id);
  const outcome = [...last.values()].includes("valid") ? "claimed" : await ask(to);
  return (outcome === "claimed" ? await ask(DUPLICATE) : outcome) === "revised";
}

const DUPLICATE: Decision = { verdict: "duplicate", reason: "same_impression" };

type EntryAt = LoggedEvent & { readonly encoded: string };

async function entryAt(
  archive: R2Bucket,
  { shard, incarnation, seq, line, loggedAtMs }: LineAt,
): Promise<EntryAt | null> {
  const [from, until] = [seq - 1, seq].map((at) => ({ seq: at, chain: "", loggedAtMs }));
  if (from === undefined || until === undefined) return null;
  const rows = await new R2Archive(archive).rowsAfter({ shard, incarnation }, from, until);
  const text = rows
    .find((row) => row.seq === seq)
    ?.lines()
    .split("\n")[line];
  if (text === undefined) return null;
  return { ...decodeEventLine(text), encoded: JSON.stringify((parseJson(text) as { event: unknown }).event) };
}

/** What an event is now: as its line says, or as the last change left it. */
async function standingOf({ changes }: RevisePorts, shard: string, entry: LoggedEvent) {
  const last = (await changes(shard, entry.event.id)).at(-1);
  const { verdict, reason } = last ?? entry;
  const decision: Decision = { verdict, reason };
  return { n: last?.n ?? entry.revision?.n ?? 0, decision };
}

function isSame(left: Decision, right: Decision): boolean {
  return left.verdict === right.verdict && left.reason === right.reason;
}

/** The first duplicate of the impression that the rules leave valid, if any: it inherits the claim. */
async function heirOf(
  ports: RevisePorts,
  of: ReviseOf,
  { place, entry }: { place: LineAt; entry: LoggedEvent },
): Promise<Promotion | null> {
  const { archive, judges } = ports;
  const { shard } = place;
  const work = await getJson<ShardWork>(archive, workKey({ ...of, shard }));
  for (const record of await duplicatesOf(archive, { of, shard, entry })) {
    const incarnation = work?.lives[record.life] ?? "";
    const { seq, line, loggedAtMs } = record;
    const other = await entryAt(archive, { shard, incarnation, seq, line, loggedAtMs });
    if (other === null || other.event.id === entry.event.id) continue;
    const { n, decision: from } = await standingOf(ports, shard, other);
    const judged = await judges.judge(other);
    const verified = await verifyOldToken(other.event.token, judges);
    if (from.verdict !== "duplicate" || judged?.verdict !== "valid" || !verified.ok) continue;
    const reason = judged.reason === "late_accepted" ? ("late_accepted" as const) : null;
    return { encoded: other.encoded, n: n + 1, from, reason };
  }
  return null;
}

/** The duplicates of an event's impression, in the order of the log. */
async function duplicatesOf(
  archive: R2Bucket,
  asked: { of: ReviseOf; shard: string; entry: LoggedEvent },
): Promise<AuditRecord[]> {
  const records = await recordsOf(archive, asked);
  return records.filter(({ verdict }) => verdict === "duplicate").sort(compareLogged);
}

/** What a shard logged of an event's impression, from the records of all scanned days. */
async function recordsOf(
  archive: R2Bucket,
  { of, shard, entry }: { of: ReviseOf; shard: string; entry: LoggedEvent },
): Promise<AuditRecord[]> {
  const { key, keyHour } = prepareEvent(entry);
  const prefix = claimsPrefix(shard, keyHour);
  const found: AuditRecord[] = [];
  for (const name of ofAttempts(await keysBelow(archive, prefix), prefix, of.attempts)) {
    const object = await archive.get(name);
    if (object === null) continue;
    const records = sortedRecords([new Uint8Array(await object.arrayBuffer())], { part: 0, parts: 1 });
    found.push(...records.filter((record) => record.key === key));
  }
  return found;
}
