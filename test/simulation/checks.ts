/**
 * What must be true after a run, promise by promise (docs/GUARANTEES.md), from what the witness wrote down, what the
 * archive holds and what the report database says.
 *
 *   G3  every acknowledged event is archived once, with its count; requests end within 30 s, acknowledged or counted lost
 *   G4  an impression is billed once if a valid click of it was counted, and never otherwise; its showing counts likewise,
 *       and neither claims the other's key; orders, batches and users: check-submissions.ts, check-users.ts
 *   G5  each verdict is what the rules say; the law holds in every posting, in log, archive and report (law.ts)
 *   G6  the report is the fold of the archive, and of the logs
 *   G7  nothing is archived or counted that nobody sent; an audit finds nothing (check-audit.ts); revisions are made
 *       once, as asked and told (check-revisions.ts)
 *   G11 late events wait, claim nothing, and are decided once; only events past the horizon are deferred
 *
 * Keeps: a complaint names a promise, what is wrong, and the impression to trace.
 */
import type { EventId } from "../../src/core/event-id.ts";
import { type Facts, type FactsRow, foldEntry, totalsOf, widenFacts } from "../../src/core/facts.ts";
import { MEASURES, type Measure } from "../../src/core/fields.ts";
import { HOUR_MS, SECOND_MS } from "../../src/core/limits.ts";
import { isTokenEntry, type LogEntry, type LoggedEvent } from "../../src/core/log-line.ts";
import { checkAudit } from "./check-audit.ts";
import { type Archived, type ArchivedEvent, checkRequests } from "./check-requests.ts";
import { checkRevisions, lastLineOf } from "./check-revisions.ts";
import { checkCells, lostOf, type UploadedTotals } from "./check-submissions.ts";
import { checkUsers } from "./check-users.ts";
import { CLOCK_STEP_MAX_MS } from "./faults.ts";
import { breachesOf } from "./law.ts";
import { copiesIn, withdrawnIn } from "./strays.ts";
import { type Worth, worthOf } from "./truth.ts";
import type { Note, Witness } from "./witness.ts";
import type { World } from "./world.ts";

export async function checkWorld(world: World): Promise<void> {
  const { witness } = world;
  const lines = Array.from(world.archive.lines());
  const archived = readArchive(world, lines);
  checkRequests(witness, archived);
  checkRevisions(world, archived);
  const expected = checkVerdicts(world, archived);
  checkReviews(world, archived);
  checkDeferrals(world);
  checkReport(world, lines);
  checkPins(world);
  checkTotals(world, expected, checkCells(world, archived));
  checkUsers(world, archived);
  await checkAudit(world);
}

function readArchive(world: World, lines: readonly LogEntry[]): Archived {
  const { witness } = world;
  const archived: Archived = new Map();
  const submitted = new Set<EventId>();
  const withdrawn = withdrawnIn(world);
  const given: LoggedEvent[] = [];
  for (const { shard, entry } of copiesIn(world)) {
    if (withdrawn.has(`${shard} ${entry.event.id}`)) given.push(entry);
    else readEvent(witness, archived, entry);
  }
  for (const { event, verdict } of given) {
    const record = archived.get(event.id);
    if (record === undefined) witness.complain("G3", `${event.id} was given up, and no log has it`, event.id);
    else record.wasValidElsewhere ||= verdict === "valid";
  }
  for (const line of lines) {
    const { id } = line.event;
    if (isTokenEntry(line)) continue;
    if (!witness.submissions.has(id)) witness.complain("G7", `the archive holds ${id}, which nobody submitted`, null);
    if (submitted.has(id)) witness.complain("G3", `submission ${id} is twice in the archive`, id);
    submitted.add(id);
  }
  return archived;
}

function readEvent(witness: Witness, archived: Archived, line: LoggedEvent): void {
  const { id } = line.event;
  const note = witness.sent.get(id);
  if (note === undefined) {
    witness.complain("G7", `the archive holds event ${id}, which nobody sent`, null);
    return;
  }
  const record = archived.get(id) ?? {
    note,
    first: null,
    review: null,
    deferred: null,
    revisions: [],
    wasValidElsewhere: false,
  };
  archived.set(id, record);
  if (line.revision) {
    record.revisions.push(line);
    record.revisions.sort((a, b) => (a.revision?.n ?? 0) - (b.revision?.n ?? 0));
  } else if (line.verdict === "deferred") record.deferred = line;
  else if (line.review !== null) {
    if (record.review !== null) witness.complain("G11", `event ${id} was decided twice`, id);
    record.review = line;
  } else {
    if (record.first !== null) witness.complain("G3", `event ${id} is counted twice in the archive`, id);
    record.first = line;
  }
}

/** Late clicks that nobody decided on, nor on the one that they joined. */
function waitingClicks(archived: Archived): number {
  let clicks = 0;
  for (const record of archived.values()) {
    if (record.first?.verdict !== "late") continue;
    const row = record.first.joins ? archived.get(record.first.joins.to) : record;
    if (row?.review === null && row.revisions.length === 0) clicks += record.first.event.count;
  }
  return clicks;
}

/** A late click beyond those that are kept of its token, after all of these were decided. */
function isDecidedAtOnce(worth: Worth, { verdict, reason }: LoggedEvent): boolean {
  return worth === "late" && (verdict === "duplicate" || reason === "late_rejected");
}

type Expected = { valid: number; spend_micros: number; impressions: number; late: number };

/** The events of one impression, of one type. */
type Tally = { readonly note: Note; valid: number; candidates: number; isRevised: boolean };

/** Each line's verdict against the rules, and each impression's claims; returns what is to be counted and billed. */
function checkVerdicts({ witness, settings }: World, archived: Archived): Expected {
  const tallies = new Map<string, Tally>();
  for (const [id, record] of archived) {
    const { note, first, review } = record;
    const what = note.event.type === "click" ? "click on" : "showing of";
    const name = `${what} impression ${note.request.impression.index}`;
    const tally = tallies.get(name) ?? { note, valid: 0, candidates: 0, isRevised: false };
    tallies.set(name, tally);
    tally.isRevised ||= record.revisions.length > 0;
    if (lastLineOf(record)?.verdict === "valid") tally.valid++;
    const worth = worthOf(note, settings.policy);
    if (first === null) {
      checkSettled(witness, record, worth);
      continue;
    }
    const isCandidate = first.verdict === "valid" || first.verdict === "duplicate";
    const isRight = worth === "candidate" ? isCandidate : first.verdict === worth || isDecidedAtOnce(worth, first);
    if (!isRight)
      witness.complain("G5", `event ${id} is ${worth} by the rules and ${first.verdict} in the archive`, id);
    if (worth === "candidate") tally.candidates++;
    if (review !== null && worth !== "late") witness.complain("G11", `event ${id} was reviewed and is not late`, id);
    // An accepted late click is one more candidate: the shard says valid or duplicate.
    if (review !== null && review.verdict !== "invalid") tally.candidates++;
  }
  const expected: Expected = { valid: 0, spend_micros: 0, impressions: 0, late: waitingClicks(archived) };
  for (const [name, tally] of tallies) {
    const { note, valid } = tally;
    const once = validOnce(tally);
    if (note.event.type === "impression") expected.impressions += once;
    else {
      expected.valid += once;
      expected.spend_micros += once * note.request.impression.claims.cpc;
    }
    if (valid !== once) witness.complain("G4", `the ${name} is valid ${valid} times, not ${once}`, note.event.id);
  }
  // Its claim was lost with it; the report keeps it (docs/decisions/0026). Clicks are never lost here (lossy-restore.ts).
  for (const { first } of lostOf(witness)) if (first?.verdict === "valid") expected.impressions++;
  return expected;
}

/** How often an impression is to be valid: what somebody revised may have left it without a valid event. */
function validOnce({ valid, candidates, isRevised }: Tally): number {
  if (isRevised) return Math.min(valid, 1);
  return candidates > 0 ? 1 : 0;
}

/** What an audit made of an event that had been deferred: nothing is left waiting, and a late one is not billed. */
function checkSettled(witness: Witness, { note, revisions }: ArchivedEvent, worth: Worth): void {
  const [settled] = revisions;
  const { id } = note.event;
  if (settled === undefined) witness.complain("G7", `event ${id} is deferred, and no audit settled it`, id);
  else if ((worth === "candidate") === (settled.verdict === "invalid")) {
    witness.complain("G5", `event ${id} is ${worth} by the rules and was settled as ${settled.verdict}`, id);
  }
}

/** What reviewers were told is what the archive says; the report's list shows every late click in its newest state. */
function checkReviews({ witness, facts }: World, archived: Archived): void {
  for (const [id, { verdict }] of witness.reviewed) {
    const record = archived.get(id);
    // A revision decides a late click that waits.
    const decided = record?.review ?? record?.revisions[0];
    if (decided?.verdict !== verdict) {
      witness.complain("G11", `a reviewer was told ${verdict} of ${id}, the archive says ${decided?.verdict}`, id);
    }
  }
  for (const [id, record] of archived) {
    const { first } = record;
    // What joined another one stands in that one's row.
    const hasJoined = first?.joins !== undefined && first.joins !== null;
    const newest = first?.verdict === "late" && !hasJoined ? lastLineOf(record) : null;
    const listed = facts.lates.get(id)?.verdict;
    if (newest?.verdict !== listed) {
      witness.complain("G11", `the review list says ${listed} of ${id}, the archive ${newest?.verdict}`, id);
    }
  }
}

/** Only what came back after its keys were forgotten may be deferred. */
function checkDeferrals({ witness, settings }: World): void {
  for (const { event, shard, atMs } of witness.deferrals) {
    const note = witness.sent.get(event);
    if (note === undefined) continue;
    const oldestMs = Math.min(note.request.impression.claims.iat * SECOND_MS, note.event.receivedAtMs);
    const forgottenMs = atMs + CLOCK_STEP_MAX_MS - settings.dedupHorizonMs;
    if (Math.floor(oldestMs / HOUR_MS) < Math.floor(forgottenMs / HOUR_MS)) continue;
    witness.complain("G4", `${shard} deferred ${event} within the horizon`, event);
  }
}

/** The report databases against the archive and the logs, row by row, and all of them against the law. */
function checkReport({ witness, facts }: World, lines: readonly LogEntry[]): void {
  const folded: Facts = new Map();
  for (const line of lines) foldEntry(folded, line);
  // What was posted and is in no archive is in the totals, and named (docs/decisions/0026).
  for (const { logged } of witness.lostRows) for (const line of logged) foldEntry(folded, line);
  const reported = facts.facts;
  compare(witness, "the report differs from the archive", reported, folded);
  compare(witness, "the archive differs from the logs", folded, witness.logged);
  const tiers = { minutes: reported, hours: widenFacts(reported, 60), archive: folded, logs: witness.logged };
  for (const [tier, held] of Object.entries({ ...tiers, days: widenFacts(tiers.hours, 24) })) {
    for (const breach of breachesOf(held)) witness.complain("G5", `${tier}: ${breach}`, null);
  }
}

/** Every advertiser stands in one report database, the one that the directory names. */
function checkPins({ witness, facts }: World): void {
  for (const id of facts.astray())
    witness.complain("G6", `${id} has rows in a database that it is not assigned to`, null);
}

export function compare(witness: Witness, what: string, have: Facts, want: Facts): void {
  const complain = (key: string) => {
    const [found, expected] = [contentOf(have.get(key)), contentOf(want.get(key))];
    if (found === expected) return;
    witness.complain("G6", `${what} in ${key.replaceAll("\u001f", " ")}: ${found} instead of ${expected}`, null);
  };
  for (const [key, row] of have) if (!isSame(row, want.get(key))) complain(key);
  for (const key of want.keys()) if (!have.has(key)) complain(key);
}

/** True only for rows of the same content; false also where they differ in what `contentOf` does not tell. */
function isSame(a: FactsRow, b: FactsRow | undefined): boolean {
  if (b === undefined || a.cells.size !== b.cells.size) return false;
  if (a.reasons.size !== b.reasons.size || a.users.size !== b.users.size) return false;
  for (const [key, counts] of a.cells) {
    const other = b.cells.get(key);
    if (other === undefined || counts.some((count, at) => count !== other[at])) return false;
  }
  for (const [reason, count] of a.reasons) if (b.reasons.get(reason) !== count) return false;
  for (const user of a.users) if (!b.users.has(user)) return false;
  return true;
}

/** The report's sums against what is to be counted; gross never exceeds what was asked and uploaded. */
function checkTotals({ witness, facts }: World, expected: Expected, uploaded: UploadedTotals): void {
  const sums = new Map<Measure, number>();
  for (const row of facts.facts.values()) {
    const totals = totalsOf(row);
    for (const [at, measure] of MEASURES.entries()) sums.set(measure, (sums.get(measure) ?? 0) + (totals[at] ?? 0));
  }
  const of = (measure: Measure) => sums.get(measure) ?? 0;
  const wanted = { ...expected, impressions: expected.impressions + uploaded.impressions };
  for (const [measure, want] of Object.entries(wanted) as [Measure, number][]) {
    if (of(measure) !== want)
      witness.complain("G4", `the report's ${measure} is ${of(measure)}, the truth is ${want}`, null);
  }
  const clicks = witness.notes.filter(({ event }) => event.type === "click").length;
  const shown = witness.notes.length - clicks + uploaded.grossImpressions;
  if (of("gross") > clicks) witness.complain("G7", `gross is ${of("gross")} of ${clicks} requests`, null);
  if (of("gross_impressions") > shown)
    witness.complain("G7", `gross_impressions is ${of("gross_impressions")} of ${shown}`, null);
}

/** A text that is equal for equal cells, reasons and users; nothing for a row of zeros. */
function contentOf(row: FactsRow | undefined): string {
  const cells = Array.from(row?.cells ?? []).filter(([, counts]) => counts.some((count) => count !== 0));
  if (row === undefined || (cells.length === 0 && row.reasons.size === 0)) return "nothing";
  const sorted = (entries: [string, unknown][]) => entries.map(([name, value]) => `${name}=${String(value)}`).sort();
  const users = Array.from(row.users).sort().join();
  return `${sorted(cells).join(";")} ${sorted(Array.from(row.reasons)).join(";")} ${users}`;
}
