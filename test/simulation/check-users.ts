/**
 * Unique users: each row knows the people of its valid clicks, each once, whatever they are called in a sketch.
 *
 *   person   the ad server's id of the user, of one advertiser · else the client and agent, for a day · nobody under GPC
 *
 * Keeps: people are told apart by what the workload knows of them, never by the hash of a key.
 */
import { MEASURES } from "../../src/core/fields.ts";
import { dayOf, minuteOf } from "../../src/core/time.ts";
import type { Archived } from "./check-requests.ts";
import { lastLineOf, wasEverValid } from "./check-revisions.ts";
import type { Note } from "./witness.ts";
import type { World } from "./world.ts";

const WITH_USER = MEASURES.indexOf("valid_with_user");

export function checkUsers({ witness, facts }: World, archived: Archived): void {
  const byRow = new Map<string, Set<string>>();
  const byAdvertiser = new Map<string, Set<string>>();
  let clicks = 0;
  for (const record of archived.values()) {
    const { note } = record;
    const person = personOf(note);
    if (note.event.type !== "click" || !wasEverValid(record) || person === null) continue;
    // Whoever was a user of a click stays one when it is revised: users are never taken away.
    if (lastLineOf(record)?.verdict === "valid") clicks++;
    const { adv, cmp, grp, ad } = note.request.impression.claims;
    const row = [adv, minuteOf(note.event.occurredAtMs), cmp, grp ?? "", ad].join("/");
    for (const [people, name] of [
      [byRow, row],
      [byAdvertiser, adv],
    ] as const) {
      people.set(name, (people.get(name) ?? new Set()).add(person));
    }
  }
  const users = new Map<string, Set<number>>();
  let withUser = 0;
  for (const row of facts.facts.values()) {
    const name = [row.advertiserId, row.window, row.campaignId, row.adGroupId, row.adId].join("/");
    const people = byRow.get(name)?.size ?? 0;
    if (row.users.size !== people) witness.complain("G4", `${name} has ${row.users.size} users, not ${people}`, null);
    const all = users.get(row.advertiserId) ?? new Set();
    for (const user of row.users) all.add(user);
    users.set(row.advertiserId, all);
    for (const counts of row.cells.values()) withUser += counts[WITH_USER] ?? 0;
  }
  for (const [adv, people] of byAdvertiser) {
    const known = users.get(adv)?.size ?? 0;
    if (known !== people.size) witness.complain("G4", `${adv} has ${known} users, not ${people.size}`, null);
  }
  if (withUser !== clicks) witness.complain("G4", `${withUser} clicks have a user, not ${clicks}`, null);
}

function personOf({ request, event }: Note): string | null {
  if (request.gpc) return null;
  const { uid } = request.impression.claims;
  return uid ?? `${request.client} ${request.userAgent} ${dayOf(event.receivedAtMs)}`;
}
