/**
 * The receipt of a click: that a line of it stands in the log, for its advertiser and its publisher to keep.
 *
 *   GET /v1/clicks/:id/receipt               its first line
 *   GET /v1/clicks/:id/receipt?decision=1    the line that changed it first, as `history` of /v1/clicks/:id has it
 *
 * Keeps: who may not see a click gets the answer of one that is not there, as in explain.ts. What is said before
 * anything was looked up (the day is retired, there is no log) depends on the id's own instant alone. A click that
 * joined another one is decided by lines of that one, and those are what its later decisions show.
 */
import * as z from "zod";
import type { ReadScope } from "../access/read-scope.ts";
import { retiredKey } from "../archive/holds.ts";
import { decodeEventId, type EventId } from "../core/event-id.ts";
import { DAY_MS, HOUR_MS, SECOND_MS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Change } from "../core/revision.ts";
import { isoDay, isoSecond } from "../core/time.ts";
import { type NoReceipt, receiptOf } from "../evidence/receipt.ts";
import type { ReportProblem } from "../report/problems.ts";
import { changesOf } from "../shard/stub.ts";
import { type ExplainPorts, eventIdOf, type Found, findEvent, findLine, NO_CLICK } from "./explain.ts";
import { invalidBody } from "./invalid.ts";

export type ReceiptPorts = ExplainPorts & {
  readonly closeGraceMs: number;
  readonly keepsLog: boolean;
};

export const receiptQuery = z.strictObject({
  decision: z
    .string()
    .regex(/^(0|[1-9]\d{0,3})$/, "A decision is named by its place in `history` of the click, from 0.")
    .optional()
    .describe("Which decision on the click: its place in `history`. 0, which is left out, is the first."),
});

const NO_LOG = "A receipt proves a place in the evidence log: ask the operator to keep one (EVIDENCE_LOG_KEYS).";
const NO_DECISION = "GET /v1/clicks/{id} lists every decision on the click as `history`; the first one is 0.";
/** The audit of a day, its evidence and the next run of the log take about so long. */
const MADE_WITHIN_MS = 2 * HOUR_MS;

type Answer = Result<Record<string, unknown>, ReportProblem>;

/** The receipt of a decision on a click. */
export async function receiptOfClick(
  { id, search }: { readonly id: string; readonly search: URLSearchParams },
  scope: ReadScope,
  ports: ReceiptPorts,
): Promise<Answer> {
  const asked = receiptQuery.safeParse(Object.fromEntries(search));
  if (!asked.success) return err(invalidBody(asked.error));
  const decision = Number(asked.data.decision ?? 0);
  const eventId = eventIdOf(id, ports.ring);
  if (!eventId.ok) return eventId;
  if (!ports.keepsLog) return err({ reason: "evidence_log_off", detail: NO_LOG });
  const found = await findEvent(eventId.value, scope, ports);
  if (found === null) return err(await absent(eventId.value, ports));
  const line = decision === 0 ? found : await decidingLine(found, decision, scope, ports);
  if (line === null) return err({ reason: "not_found", field: "decision", detail: NO_DECISION });
  const { seq, loggedAtMs } = line.logged;
  const receipt = await receiptOf(ports.archive, { text: line.text, shard: line.shard, seq, loggedAtMs });
  return receipt.ok ? ok(receipt.value) : err(toProblem(receipt.error, loggedAtMs, ports));
}

/** The line of the change that made the click's decision of that number; null where there is none. */
async function decidingLine(
  { logged, shard }: Found,
  decision: number,
  scope: ReadScope,
  ports: ReceiptPorts,
): Promise<Found | null> {
  const eventId = logged.joins?.to ?? logged.event.id;
  const change = (await changesOf(ports.shards, shard, eventId))[decision - 1];
  if (change === undefined) return null;
  const isWanted = ({ review, revision }: Found["logged"]) => isLineOf(change, { review, revision });
  // Behind a day that was closed early a line is logged under the next one's name.
  const search = { ...ports, nowMs: change.atMs + DAY_MS };
  return findLine({ eventId, shards: [shard], fromMs: change.atMs, isWanted }, scope, search);
}

function isLineOf({ n, atMs }: Change, { review, revision }: Pick<Found["logged"], "review" | "revision">): boolean {
  return n === 0 ? review?.atMs === atMs : revision?.n === n;
}

/** A click that is nowhere: its day may be one whose lines are gone. */
async function absent(eventId: EventId, { archive }: ReceiptPorts): Promise<ReportProblem> {
  const { receivedAtMs } = decodeEventId(eventId);
  const isRetired = (await archive.head(retiredKey(isoDay(receivedAtMs)))) !== null;
  return isRetired ? { reason: "receipt_gone" } : { reason: "not_found", detail: NO_CLICK };
}

function toProblem(refusal: NoReceipt, loggedAtMs: number, { nowMs, closeGraceMs }: ReceiptPorts): ReportProblem {
  if (refusal === "gone") return { reason: "receipt_gone" };
  const day = isoDay(loggedAtMs);
  const closesMs = Date.parse(day) + DAY_MS + closeGraceMs;
  const laterMs = refusal === "not_sequenced" ? nowMs + HOUR_MS : Math.max(closesMs + MADE_WITHIN_MS, nowMs + HOUR_MS);
  const when = isoSecond(Math.ceil(laterMs / HOUR_MS) * HOUR_MS);
  const detail =
    refusal === "not_sequenced"
      ? `The hour of its line is made, and the evidence log takes it within the hour: ask again at ${when}.`
      : `It was logged on ${day}, a day that is audited after ${isoSecond(closesMs)}; ` +
        `its receipts are there once the audit leaves nothing open: ask again at ${when}.`;
  return { reason: "receipt_not_yet", detail, retryAfterS: Math.ceil((Date.parse(when) - nowMs) / SECOND_MS) };
}
