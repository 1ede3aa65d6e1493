/**
 * What must be true after a run, promise by promise (docs/GUARANTEES.md), from what the witness wrote down, what the
 * archive holds and what the report database says.
 *
 *   G3  every acknowledged event is archived once, with its count; requests end within 30 s, acknowledged or counted lost
 *   G4  an impression is billed once if a valid event of it was counted, and never otherwise
 *   G5  each verdict is what the rules say; gross is the sum of the verdicts in every row
 *   G6  the report is the fold of the archive
 *   G7  nothing is archived or counted that nobody sent
 *   G11 late events wait, claim nothing, and are decided once; only events past the horizon are deferred
 *
 * Keeps: a complaint names a promise, what is wrong, and the impression to trace.
 */
import { type Facts, foldEvent, totalsOf } from "../../src/core/facts.ts";
import { HOUR_MS, SECOND_MS } from "../../src/core/limits.ts";
import type { LoggedEvent } from "../../src/core/log-line.ts";
import { MEASURES, type Measure } from "../../src/core/measures.ts";
import { type Archived, checkRequests } from "./check-requests.ts";
import { CLOCK_STEP_MAX_MS } from "./faults.ts";
import { worthOf } from "./truth.ts";
import type { Note } from "./witness.ts";
import type { World } from "./world.ts";

export function checkWorld(world: World): void {
  const lines = Array.from(world.archive.lines());
  const archived = readArchive(world, lines);
  checkRequests(world.witness, archived);
  const billed = checkVerdicts(world, archived);
  checkReviews(world, archived);
  checkDeferrals(world);
  checkReport(world, lines, billed);
}

function readArchive({ witness }: World, lines: readonly LoggedEvent[]): Archived {
  const archived: Archived = new Map();
  for (const line of lines) {
    const { id } = line.event;
    const note = witness.sent.get(id);
    if (note === undefined) {
      witness.complain("G7", `the archive holds event ${id}, which nobody sent`, null);
      continue;
    }
    const record = archived.get(id) ?? { note, first: null, review: null, deferred: null };
    archived.set(id, record);
    if (line.verdict === "deferred") record.deferred = line;
    else if (line.review !== null) {
      if (record.review !== null) witness.complain("G11", `event ${id} was decided twice`, id);
      record.review = line;
    } else {
      if (record.first !== null) witness.complain("G3", `event ${id} is counted twice in the archive`, id);
      record.first = line;
    }
  }
  return archived;
}

type Billing = { readonly clicks: number; readonly spend: number };

/** Each line's verdict against the rules, and each impression's claim; returns what is to be billed. */
function checkVerdicts({ witness, settings }: World, archived: Archived): Billing {
  const impressions = new Map<number, { note: Note; valid: number; candidates: number }>();
  for (const [id, { note, first, review }] of archived) {
    const { impression } = note.request;
    const tally = impressions.get(impression.index) ?? { note, valid: 0, candidates: 0 };
    impressions.set(impression.index, tally);
    if (first === null) continue;
    const worth = worthOf(note, settings.policy);
    const isRight =
      worth === "candidate" ? first.verdict === "valid" || first.verdict === "duplicate" : first.verdict === worth;
    if (!isRight)
      witness.complain("G5", `event ${id} is ${worth} by the rules and ${first.verdict} in the archive`, id);
    if (worth === "candidate") tally.candidates++;
    if (first.verdict === "valid") tally.valid++;
    if (review !== null && worth !== "late") witness.complain("G11", `event ${id} was reviewed and is not late`, id);
    // An accepted late click is one more candidate: the shard says valid or duplicate.
    if (review !== null && review.verdict !== "invalid") tally.candidates++;
    if (review?.verdict === "valid") tally.valid++;
  }
  let clicks = 0;
  let spend = 0;
  for (const [index, { note, valid, candidates }] of impressions) {
    const expected = candidates > 0 ? 1 : 0;
    clicks += expected;
    spend += expected * note.request.impression.claims.cpc;
    if (valid === expected) continue;
    witness.complain("G4", `impression ${index} is billed ${valid} times, not ${expected}`, note.event.id);
  }
  return { clicks, spend };
}

/** What reviewers were told is what the archive says; the report's list shows every late click in its newest state. */
function checkReviews({ witness, facts }: World, archived: Archived): void {
  for (const [id, { verdict }] of witness.reviewed) {
    const review = archived.get(id)?.review;
    if (review?.verdict !== verdict) {
      witness.complain("G11", `a reviewer was told ${verdict} of ${id}, the archive says ${review?.verdict}`, id);
    }
  }
  for (const [id, { first, review }] of archived) {
    const newest = review ?? (first?.verdict === "late" ? first : null);
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

/** The report database against the archive, row by row, and against the billing. */
function checkReport({ witness, facts }: World, lines: readonly LoggedEvent[], billed: Billing): void {
  const folded: Facts = new Map();
  for (const line of lines) foldEvent(folded, line);
  const sums = new Map<Measure, number>();
  for (const key of new Set([...facts.facts.keys(), ...folded.keys()])) {
    const have = countsByCell(facts.facts, key);
    const want = countsByCell(folded, key);
    if (have !== want)
      witness.complain(
        "G6",
        `the report differs from the archive in ${key.replaceAll("\u001f", " ")}: ${have} instead of ${want}`,
        null,
      );
    const row = facts.facts.get(key);
    if (row === undefined) continue;
    const totals = totalsOf(row);
    const of = (measure: Measure) => totals[MEASURES.indexOf(measure)] ?? 0;
    if (of("gross") !== of("valid") + of("duplicate") + of("invalid") + of("late")) {
      witness.complain("G5", `gross is not the sum of the verdicts in ${key}`, null);
    }
    for (const measure of MEASURES) sums.set(measure, (sums.get(measure) ?? 0) + of(measure));
  }
  if ((sums.get("valid") ?? 0) !== billed.clicks) {
    witness.complain("G4", `the report bills ${sums.get("valid")} clicks, the truth is ${billed.clicks}`, null);
  }
  if ((sums.get("spend_micros") ?? 0) !== billed.spend) {
    witness.complain("G4", `the report's spend is ${sums.get("spend_micros")}, the truth is ${billed.spend}`, null);
  }
  const gross = sums.get("gross") ?? 0;
  if (gross > witness.notes.length)
    witness.complain("G7", `gross is ${gross} of ${witness.notes.length} requests`, null);
}

/** A text that is equal for equal cells and reasons; empty when there are none. */
function countsByCell(facts: Facts, key: string): string {
  const row = facts.get(key);
  if (row === undefined) return "";
  const cells = Array.from(row.cells).filter(([, counts]) => counts.some((count) => count !== 0));
  if (cells.length === 0) return "";
  const sorted = (entries: [string, unknown][]) => entries.map(([name, value]) => `${name}=${String(value)}`).sort();
  return `${sorted(cells).join(";")} ${sorted(Array.from(row.reasons)).join(";")}`;
}
