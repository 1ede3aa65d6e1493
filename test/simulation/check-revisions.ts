/**
 * Revisions against what was asked and told, and where they leave each event.
 *
 *   G7   a revision is one that somebody asked for, made once, from the verdict that the event had; whoever was told that
 *        it is made, and with it the promotion of another event, finds both in the archive
 *
 * Keeps: an event stands where its last line leaves it: revision, else review, else its first.
 */
import type { LoggedEvent } from "../../src/core/log-line.ts";
import type { Archived, ArchivedEvent } from "./check-requests.ts";
import { moveName, type Witness } from "./witness.ts";
import type { World } from "./world.ts";

type Lines = Pick<ArchivedEvent, "first" | "review" | "deferred" | "revisions">;

/** The line that says what an event is now. */
export function lastLineOf({ first, review, deferred, revisions }: Lines): LoggedEvent | null {
  return revisions.at(-1) ?? review ?? first ?? deferred;
}

/** The line by which an event came into gross: its first, or the revision of one that was deferred. */
export function countedLineOf({ first, revisions }: Lines): LoggedEvent | null {
  return first ?? revisions[0] ?? null;
}

export function wasEverValid({ first, review, revisions, wasValidElsewhere }: ArchivedEvent): boolean {
  return wasValidElsewhere || [first, review, ...revisions].some((line) => line?.verdict === "valid");
}

export function checkRevisions({ witness }: World, archived: Archived): void {
  for (const [id, record] of archived) {
    let before = record.review ?? record.first ?? record.deferred;
    for (const [at, line] of record.revisions.entries()) {
      const { revision, verdict, reason } = line;
      if (!revision) continue;
      const { n, from } = revision;
      if (n !== at + 1) witness.complain("G7", `revision ${n} of ${id} is the ${at + 1}th in the archive`, id);
      if (from.verdict !== before?.verdict || from.reason !== before.reason) {
        witness.complain("G7", `revision ${n} of ${id} is from ${from.verdict}, the event is ${before?.verdict}`, id);
      }
      if (!witness.movesAsked.has(moveName(id, { n, from, verdict, reason }))) {
        witness.complain("G7", `nobody asked for revision ${n} of ${id} to ${verdict}`, id);
      }
      before = line;
    }
  }
  checkTold(witness, archived);
}

function checkTold(witness: Witness, archived: Archived): void {
  for (const { event, change, promoted } of witness.revised.values()) {
    const line = archived.get(event)?.revisions.find(({ revision }) => revision?.n === change.n);
    if (line?.verdict !== change.verdict || line.reason !== change.reason) {
      const text = `revision ${change.n} of ${event} was told to be made, the archive says ${line?.verdict}`;
      witness.complain("G7", text, event);
      continue;
    }
    const others = promoted === null ? [] : (archived.get(promoted)?.revisions ?? []);
    const isPromoted = others.some((other) => other.seq === line.seq && other.loggedAtMs === line.loggedAtMs);
    if (promoted === null || isPromoted) continue;
    witness.complain("G7", `${promoted} was told to be promoted in the place of ${event}, and is not`, event);
  }
}
