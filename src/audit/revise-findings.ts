/**
 * Events that an audit found to be decided wrongly, moved by revisions in the log of their shard.
 *
 * An event in the log of a shard that does not own it is handed to its owner, and withdrawn there.
 *
 * Keeps: each revision names the audit. What an event was is read from its line and from the changes that its shard
 * knows; a claim that is taken from an event goes, in the same revision, to the first duplicate of its impression that
 * the rules leave valid, whose token verifies. What the shard refuses is left for the next audit, or for a person.
 */
import { R2Archive } from "../archive/r2-archive.ts";
import { parseJson } from "../core/base64url.ts";
import type { EventId } from "../core/event-id.ts";
import { prepareEvent } from "../core/ingest.ts";
import { decodeEventLine, type LoggedEvent } from "../core/log-line.ts";
import { type Change, WITHDRAWN } from "../core/revision.ts";
import { verifyLoggedToken } from "../core/token.ts";
import type { Decision } from "../core/verdict.ts";
import type { Promotion, RevisionRequest } from "../shard/revise.ts";
import { choiceOf, type HandOverPorts, handOver, type Standing } from "./hand-over.ts";
import { getJson } from "./objects.ts";
import { recordsOfKey } from "./records.ts";
import type { Finding, Judges, LineAt } from "./scan.ts";
import { type ShardAuditOf, type ShardWork, workKey } from "./shard-audit.ts";

export type RevisePorts = HandOverPorts & {
  readonly archive: R2Bucket;
  readonly judges: Judges;
  /** What the shard knows that became of an event, oldest first. */
  readonly changes: (shard: string, event: EventId) => Promise<readonly Change[]>;
};

export type ReviseOf = Omit<ShardAuditOf, "shard"> & { readonly cause: string; readonly by: string };

/** Moves the event of a finding to what it should be; whether it is that now. */
export async function reviseFinding(ports: RevisePorts, of: ReviseOf, finding: Finding): Promise<boolean> {
  const { place, to, owner } = finding;
  if (place === undefined || to === undefined || (to === null && owner === undefined)) return false;
  const entry = await entryAt(ports.archive, place);
  if (entry === null) return false;
  const stands = await standingOf(ports, place.shard, entry);
  if (owner !== undefined) return handOverFinding(ports, of, { ...finding, owner, place, entry, stands });
  if (to === null || isSame(stands.decision, to)) return to !== null;
  const promote = stands.decision.verdict === "valid" ? await heirOf(ports, of, { place, entry }) : null;
  const request: RevisionRequest = { encoded: entry.encoded, n: stands.n + 1, from: stands.decision, to, promote };
  const [outcome] = await ports.revise(place.shard, [request], { cause: of.cause, by: of.by });
  return outcome?.outcome === "revised";
}

type ForeignFinding = Pick<Finding, "to" | "withdrawn"> & {
  readonly owner: string;
  readonly place: LineAt;
  readonly entry: EntryAt;
  readonly stands: Standing;
};

/** Hands the event of a finding to its owner; one that waits in this log alone, once it is decided there. */
async function handOverFinding(ports: RevisePorts, of: ReviseOf, finding: ForeignFinding): Promise<boolean> {
  const { to, withdrawn, owner, place, entry, stands } = finding;
  const { encoded, event, review } = entry;
  const { shard } = place;
  // Its owner is asked once more where only the line of the withdrawal is left.
  if (isSame(stands.decision, WITHDRAWN) && withdrawn === undefined) return true;
  if (to !== null) {
    return handOver(ports, { shard, owner, event: event.id, encoded, stands, isReviewed: review !== null }, of);
  }
  // What was erased can be handed to nobody.
  if (stands.decision.verdict !== "late" || entry.erased !== undefined) return false;
  const decided = (await ports.changes(owner, event.id)).find(({ n }) => n === 0);
  if (decided === undefined) return false;
  await ports.review(shard, { event: event.id, choice: choiceOf(decided) }, of.by);
  const reviewed = await standingOf(ports, shard, entry);
  return handOver(ports, { shard, owner, event: event.id, encoded, stands: reviewed, isReviewed: true }, of);
}

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
async function standingOf({ changes }: RevisePorts, shard: string, entry: LoggedEvent): Promise<Standing> {
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
  const { key, keyHour: hour } = prepareEvent(entry);
  const records = await recordsOfKey(archive, { shard, key, hour, attempts: of.attempts });
  for (const record of records.filter(({ verdict }) => verdict === "duplicate")) {
    const incarnation = work?.lives[record.life] ?? "";
    const { seq, line, loggedAtMs } = record;
    const other = await entryAt(archive, { shard, incarnation, seq, line, loggedAtMs });
    if (other === null || other.event.id === entry.event.id) continue;
    const { n, decision: from } = await standingOf(ports, shard, other);
    const judged = await judges.judge(other);
    const verified = await verifyLoggedToken(other.event.token, judges.ring);
    if (from.verdict !== "duplicate" || judged?.verdict !== "valid" || !verified.ok) continue;
    const reason = judged.reason === "late_accepted" ? ("late_accepted" as const) : null;
    return { encoded: other.encoded, n: n + 1, from, reason };
  }
  return null;
}
