/**
 * Conversions and uploaded counts against the truth (order-truth.ts), cell by cell, and what their senders were told
 * against it; with them, gross of clicks and impressions.
 *
 *   G3   what was acknowledged is in the totals, in the cell and minute where it belongs
 *   G4   an order is one conversion, under its last click, with its value and each correction once; a batch counts once
 *   G5   what was told to be counted is counted, and what was told to be refused is not
 *   G7   nothing is counted that nobody sent
 */
import { cellDimensionsOf } from "../../src/core/facts.ts";
import { type Dimensioned, MEASURES, type Measure } from "../../src/core/fields.ts";
import { SECOND_MS } from "../../src/core/limits.ts";
import { isTokenEntry } from "../../src/core/log-line.ts";
import { type Counts, zeroCounts } from "../../src/core/measures.ts";
import { minuteOf } from "../../src/core/time.ts";
import type { Archived, ArchivedEvent } from "./check-requests.ts";
import { countedLineOf } from "./check-revisions.ts";
import { orderNameOf, truthOf } from "./order-truth.ts";
import type { DecidedConversion, DecidedUpload, Note, Witness } from "./witness.ts";
import type { World } from "./world.ts";

const CHECKED = [
  "gross",
  "gross_impressions",
  "conversions",
  "conversions_by_time",
  "conversion_value_micros",
  "conversion_value_by_time_micros",
] as const satisfies readonly Measure[];
type Checked = (typeof CHECKED)[number];

/** Ids and dimensions of one cell and its minute → what it is to hold. */
type Cells = Map<string, Partial<Record<Checked, number>>>;

/** An event that is in the totals, by its first line. */
type Counted = Pick<ArchivedEvent, "note" | "first">;

export type UploadedTotals = { readonly impressions: number; readonly grossImpressions: number };

/** Checks every cell of the report; returns what uploads add to the totals. */
export function checkCells({ witness, facts }: World, archived: Archived): UploadedTotals {
  const cells: Cells = new Map();
  const counted = Array.from(archived.values(), (record) => ({ note: record.note, first: countedLineOf(record) }));
  addRequests(cells, [...counted, ...lostOf(witness)]);
  addConversions(cells, witness);
  const uploaded = addUploads(cells, witness);
  for (const { advertiserId, window, campaignId, adGroupId, adId, cells: reported } of facts.facts.values()) {
    const row = [advertiserId, window, campaignId, adGroupId, adId].join("/");
    for (const [cellKey, counts] of reported) {
      const cell = `${row}/${cellDimensionsOf(cellKey).join("/")}`;
      compare(witness, cell, counts, cells.get(cell) ?? {});
      cells.delete(cell);
    }
  }
  for (const [cell, want] of cells) compare(witness, cell, zeroCounts(), want);
  return uploaded;
}

function compare(witness: Witness, cell: string, have: Counts, want: Partial<Record<Checked, number>>): void {
  for (const measure of CHECKED) {
    const [reported = 0, expected = 0] = [have[MEASURES.indexOf(measure)], want[measure]];
    if (reported === expected) continue;
    const promise = measure.startsWith("gross") ? "G3" : "G4";
    witness.complain(promise, `${measure} of ${cell} is ${reported} in the report, the truth is ${expected}`, null);
  }
}

/** What is in the totals and lost to the archive; what was deferred is in no total, wherever it stands. */
export function lostOf({ lostRows, sent }: Witness): Counted[] {
  const lines = lostRows.flatMap(({ logged }) => logged.filter(isTokenEntry));
  const firsts = lines.filter(({ verdict, review }) => verdict !== "deferred" && review === null);
  return firsts.map((first) => ({ first, note: sent.get(first.event.id) as Note }));
}

function addRequests(cells: Cells, counted: readonly Counted[]): void {
  const notes = new Map(counted.map(({ note }) => [note.event.id, note]));
  for (const { note, first } of counted) {
    if (first === null) continue;
    const { claims } = note.request.impression;
    // A late click beyond those that are kept of its token counts where the one that it joined does.
    const place = first.joins ? notes.get(first.joins.to) : note;
    const { country, device, occurredAtMs, type } = (place ?? note).event;
    const { receivedAtMs } = note.event;
    const atMs = receivedAtMs > claims.exp * SECOND_MS ? receivedAtMs : occurredAtMs;
    const dimensions = {
      advertiserId: claims.adv,
      campaignId: claims.cmp,
      adGroupId: claims.grp ?? "",
      adId: claims.ad,
      publisherId: claims.pub,
      creativeId: claims.crt ?? "",
      placementId: claims.plc ?? "",
      adFormat: claims.fmt ?? "",
      country: country ?? "",
      device,
    };
    add(cells, dimensions, atMs, { [type === "click" ? "gross" : "gross_impressions"]: first.event.count });
  }
}

function addConversions(cells: Cells, witness: Witness): void {
  const orders = new Map<string, DecidedConversion[]>();
  for (const decided of witness.conversions) {
    const name = orderNameOf(decided.event);
    const order = orders.get(name);
    if (order === undefined) orders.set(name, [decided]);
    else order.push(decided);
  }
  for (const [name, calls] of orders) {
    const { credit, refused } = truthOf(calls.map(({ event }) => event));
    for (const [at, { event, outcome }] of calls.entries()) {
      const isRefused = "conflict" in outcome;
      if (isRefused === refused.has(at)) continue;
      const told = JSON.stringify(outcome);
      witness.complain("G5", `${event.action} of ${name} was told ${told} against the rules`, event.id);
    }
    if (credit === null) continue;
    const { click, valueMicros, occurredAtMs } = credit;
    add(cells, click, click.clickedAtMs, { conversions: 1, conversion_value_micros: valueMicros });
    add(cells, click, occurredAtMs, { conversions_by_time: 1, conversion_value_by_time_micros: valueMicros });
  }
}

function addUploads(cells: Cells, witness: Witness): UploadedTotals {
  const batches = new Map<string, DecidedUpload>();
  const totals = { impressions: 0, grossImpressions: 0 };
  for (const upload of witness.uploads) {
    const { key, content, outcome, impression, rows } = upload;
    const first = batches.get(key);
    const isSame = first?.content === content;
    const expected = first === undefined ? "counted" : isSame ? "repeated" : "batch_conflict";
    if (outcome !== expected) {
      const text = `a batch of ${rows.length} rows was told ${outcome}, not ${expected}`;
      witness.complaints.push({ promise: "G5", text, impression });
    }
    if (first !== undefined) continue;
    batches.set(key, upload);
    for (const row of rows) {
      totals.impressions += row.impressions;
      totals.grossImpressions += row.grossImpressions;
      add(cells, row, row.minuteAtMs, { gross_impressions: row.grossImpressions });
    }
  }
  return totals;
}

function add(cells: Cells, at: Dimensioned, atMs: number, more: Partial<Record<Checked, number>>): void {
  const row = [at.advertiserId, minuteOf(atMs), at.campaignId, at.adGroupId, at.adId];
  const cell = [...row, at.publisherId, at.country, at.device, at.creativeId, at.placementId, at.adFormat].join("/");
  const counts = cells.get(cell) ?? {};
  cells.set(cell, counts);
  for (const measure of CHECKED) {
    const added = more[measure];
    if (added !== undefined) counts[measure] = (counts[measure] ?? 0) + added;
  }
}
