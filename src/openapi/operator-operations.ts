/**
 * Operations of the event tools: what happened to a click, late clicks, dead letters.
 */

import { REFUSAL_REASONS } from "../core/refusal.ts";
import { auditsQuery } from "../operator/audits.ts";
import { listSchema as lettersQuery, showSchema } from "../operator/dead-letters.ts";
import { holdsQuery } from "../operator/holds.ts";
import { listSchema as lateQuery } from "../operator/late-clicks.ts";
import { receiptQuery } from "../operator/receipt.ts";
import { replaysQuery } from "../operator/replays.ts";
import { EXAMPLE } from "./example-values.ts";
import { json, type Operation } from "./operation.ts";
import { BODIES, KEYED, problems, READING } from "./problems.ts";

const FAULTS = problems("method_not_allowed", "internal_error", "database_unavailable", "store_unavailable");
const NOT_FOUND = problems("not_found");
const CHECKED = [...KEYED, ...problems("unknown_parameter", "invalid_value"), ...FAULTS];
/** Whether a refusal is about a token whose signature is asked for, whenever it was signed. */
const isOfToken = (reason: string) => !/^(body_|field_|method_|speculative|life_too_long|issued_ahead)/.test(reason);
const evidence = { tag: "Evidence", scopes: ["admin"] } as const;
const audits = { tag: "Audits", scopes: ["admin"] } as const;
const REPLAYED = problems("replay_phase", "replay_dry_only");
const looks = { tag: "Second looks", scopes: ["admin"] } as const;
const holds = { tag: "Holds", scopes: ["admin"] } as const;
/** Of what an auditor reads too. */
const READ = { scopes: ["audit", "admin"] } as const;
const letters = { tag: "Dead letters", scopes: ["admin"] } as const;

export const OPERATOR_OPERATIONS: readonly Operation[] = [
  {
    ...{
      id: "explainClick",
      method: "get",
      path: "/v1/clicks/{id}",
      tag: "Explain",
      scopes: ["report", "audit", "admin"],
    },
    summary: "Explain what happened to a click",
    description: "By its event id, or by the click id that its landing page was given.",
    answers: { 200: json("The explanation.", "Explanation") },
    problems: [...KEYED, ...READING, ...problems("invalid_value"), ...NOT_FOUND, ...FAULTS],
    examples: [{ name: "byEventId", path: { id: EXAMPLE.eventId }, status: 200 }],
  },
  {
    ...{
      id: "getReceipt",
      method: "get",
      path: "/v1/clicks/{id}/receipt",
      tag: "Explain",
      scopes: ["report", "audit", "admin"],
    },
    summary: "Take the receipt of a click",
    description:
      "For its advertiser and its publisher: a line of it, and the proof that the evidence log has it, which " +
      "`clickledger-verify receipt` checks. It is there when the log day is audited, until its lines are retired.",
    query: receiptQuery,
    answers: { 200: json("The receipt.", "Receipt") },
    problems: [
      ...KEYED,
      ...READING,
      ...problems("unknown_parameter", "invalid_value", "receipt_not_yet", "receipt_gone", "evidence_log_off"),
      ...NOT_FOUND,
      ...FAULTS,
    ],
    examples: [{ name: "first", path: { id: EXAMPLE.receiptEventId }, status: 200 }],
  },
  {
    ...{ id: "explainToken", method: "post", path: "/v1/explain", tag: "Explain", scopes: ["report", "admin"] },
    summary: "Explain which click of a token's impression counts, and what a click would be now",
    description: "Looks and counts nothing. Of a token that names another tenant nothing is told.",
    body: { schema: "TokenToExplain" },
    answers: {
      200: json("The claims, the first claim with its explanation, and what a click would be now.", "TokenExplanation"),
    },
    problems: [
      ...KEYED,
      ...READING,
      ...BODIES,
      ...problems("missing_parameter"),
      ...problems(...REFUSAL_REASONS.filter(isOfToken)),
      ...NOT_FOUND,
      ...FAULTS,
    ],
    examples: [{ name: "byToken", body: { token: EXAMPLE.token }, status: 200 }],
  },
  {
    ...{
      id: "listLateClicks",
      method: "get",
      path: "/v1/late-clicks",
      tag: "Late clicks",
      scopes: ["report", "audit", "admin"],
    },
    summary: "List late clicks",
    query: lateQuery,
    answers: { 200: json("A page, in order of receipt.", "LateClickPage") },
    problems: [...CHECKED, ...READING],
    examples: [{ name: "waiting", query: { status: "waiting" }, status: 200 }],
  },
  {
    ...{ id: "decideLateClicks", method: "post", path: "/v1/late-clicks", tag: "Late clicks", scopes: ["admin"] },
    summary: "Accept or reject late clicks",
    description: "Each click is decided once; the same decision again gets the same answer.",
    body: { schema: "LateDecisions" },
    answers: { 200: json("One result for each row.", "DecisionResults") },
    problems: [...CHECKED, ...BODIES],
    examples: [{ name: "accept", body: { decisions: [{ id: EXAMPLE.lateEventId, decision: "accept" }] }, status: 200 }],
  },
  {
    ...{ ...letters, id: "listDeadLetters", method: "get", path: "/v1/admin/dead-letters" },
    summary: "List what could not be counted",
    query: lettersQuery,
    answers: { 200: json("A page.", "DeadLetterPage") },
    problems: CHECKED,
    examples: [{ name: "all", status: 200 }],
  },
  {
    ...{ ...letters, id: "getDeadLetter", method: "get", path: "/v1/admin/dead-letters/show" },
    summary: "Show a dead letter",
    query: showSchema,
    answers: { 200: json("The letter.", "DeadLetter") },
    problems: [...CHECKED, ...NOT_FOUND],
    examples: [{ name: "one", query: { key: EXAMPLE.deadLetter }, status: 200 }],
  },
  {
    ...{ ...letters, id: "replayDeadLetters", method: "post", path: "/v1/admin/dead-letters/replay" },
    summary: "Count what a dead letter holds after all",
    body: { schema: "LettersToReplay" },
    answers: { 200: json("One result for each letter.", "ReplayResults") },
    problems: [...CHECKED, ...BODIES],
    examples: [{ name: "one", body: { keys: [EXAMPLE.deadLetter] }, status: 200 }],
  },
  {
    ...{ ...audits, ...READ, id: "listAudits", method: "get", path: "/v1/admin/audits" },
    summary: "List the sealed log days and what their last audits found",
    query: auditsQuery,
    answers: { 200: json("The days, in their order.", "AuditedDays") },
    problems: CHECKED,
    examples: [{ name: "april", query: { from: "2026-04-01", to: "2026-04-30" }, status: 200 }],
  },
  {
    ...{ ...audits, ...READ, id: "getAudits", method: "get", path: "/v1/admin/audits/{day}" },
    summary: "Show the audits of a log day, with what they found and how it is mended",
    answers: { 200: json("The day's reports.", "DayAudits") },
    problems: [...CHECKED, ...NOT_FOUND],
    examples: [{ name: "blocked", path: { day: EXAMPLE.logDay }, status: 200 }],
  },
  {
    ...{ ...evidence, ...READ, id: "getEvidenceLog", method: "get", path: "/v1/admin/evidence-log" },
    summary: "Show whether the evidence log is kept, how far it is, and whether it is stopped",
    answers: { 200: json("Its state.", "EvidenceLogState") },
    problems: CHECKED,
    examples: [{ name: "kept", status: 200 }],
  },
  {
    ...{ ...evidence, id: "sequenceEvidence", method: "post", path: "/v1/admin/evidence-log/sequence" },
    summary: "Give leaves that wait their places in the evidence log now",
    description:
      "Cron does so each hour. Up to 256 at a time; `isMore` says that others wait, which follow by themselves.",
    answers: { 200: json("What was done.", "Sequenced") },
    problems: [...CHECKED, ...problems("evidence_log_off", "evidence_log_stopped")],
    examples: [{ name: "now", status: 200 }],
  },
  {
    ...{ ...audits, id: "startAudit", method: "post", path: "/v1/admin/audits" },
    summary: "Audit a log day, again where it was audited before",
    description:
      "Days are audited by themselves when they and their grace are over. The report is there when it is done.",
    body: { schema: "DayToAudit" },
    answers: { 202: json("The audit is under way.", "AuditStarted") },
    problems: [
      ...[...CHECKED, ...BODIES],
      ...problems("day_not_over", "day_without_log", "day_before_open", "audit_running", "day_retired"),
    ],
    examples: [],
  },
  {
    ...{ ...audits, id: "mendAudit", method: "post", path: "/v1/admin/audits/{day}/mend" },
    summary: "Mend what the last audit of a log day found and left open",
    description:
      "Events by revisions in their shard's log, figures by repairs. Audit the day again to see that it sufficed. " +
      "What is mended already is left alone.",
    answers: { 200: json("What was mended, and what is left.", "DayMended") },
    problems: [...CHECKED, ...NOT_FOUND, ...problems("archive_in_question")],
    examples: [],
  },
  {
    ...{ ...audits, id: "acceptLoss", method: "post", path: "/v1/admin/audits/{day}/losses" },
    summary: "Accept by name what is lost, so that the next audit can close the day",
    description:
      "For good: it is printed on every statement that it touches. The same again answers what was accepted.",
    body: { schema: "LossToAccept" },
    answers: { 200: json("What is accepted.", "AcceptedLoss") },
    problems: [...CHECKED, ...BODIES, ...NOT_FOUND, ...problems("loss_not_found", "loss_not_acceptable")],
    examples: [
      {
        ...{ name: "segment", path: { day: EXAMPLE.logDay }, status: 200 },
        body: { object: EXAMPLE.lostObject, reason: "The bucket was restored from a copy of the day before." },
      },
    ],
  },
  {
    ...{ ...holds, ...READ, id: "listHolds", method: "get", path: "/v1/admin/holds" },
    summary: "List which log days are or were held",
    query: holdsQuery,
    answers: { 200: json("A page, by id.", "HoldPage") },
    problems: CHECKED,
    examples: [{ name: "all", status: 200 }],
  },
  {
    ...{ ...holds, ...READ, id: "getHold", method: "get", path: "/v1/admin/holds/{id}" },
    summary: "Show a hold, and which of its days are gone",
    answers: { 200: json("The hold.", "HeldDays") },
    problems: [...CHECKED, ...NOT_FOUND],
    examples: [{ name: "one", path: { id: EXAMPLE.holdId }, status: 200 }],
  },
  {
    ...{ ...holds, id: "holdDays", method: "put", path: "/v1/admin/holds/{id}" },
    summary: "Keep the lines of log days until the hold is released",
    description:
      "Lines leave when they are old and their day is audited clean, unless they are held. A hold never changes; the " +
      "same again gets the same answer. An event of a day may be logged up to ten days later: name those days too.",
    body: { schema: "DaysToHold" },
    answers: { 200: json("The hold, and which of its days are gone already.", "HeldDays") },
    problems: [...CHECKED, ...BODIES, ...problems("already_exists")],
    examples: [],
  },
  {
    ...{ ...holds, id: "releaseHold", method: "delete", path: "/v1/admin/holds/{id}" },
    summary: "Release a hold",
    description: "Its record stays. The lines of its days leave as those of others do. Again gets the same answer.",
    answers: { 200: json("The hold, released.", "Hold") },
    problems: [...CHECKED, ...NOT_FOUND],
    examples: [],
  },
  {
    ...{ ...letters, id: "rebuildDatabase", method: "post", path: "/v1/admin/rebuild" },
    summary: "Fill a report database from the archive",
    description:
      "Old days are taken from the folds of their audits, younger ones from the archive's lines. What is there " +
      "already is not counted again. Repeat with `next` as `after` until it is null.",
    body: { schema: "DatabaseToRebuild" },
    answers: { 200: json("What was done so far.", "RebuildProgress") },
    problems: [...CHECKED, ...BODIES, ...problems("log_missing")],
    examples: [{ name: "primary", body: { database: "REPORT_DB" }, status: 200 }],
  },
  {
    ...{ ...looks, id: "createReplay", method: "post", path: "/v1/admin/replays" },
    summary: "Look again at clicks of a period",
    description: "Changes nothing. Asks rules over many clicks, or today's rules of clicks that older ones judged.",
    body: { schema: "PeriodToLookAt" },
    answers: { 202: json("It has begun.", "StartedReplay") },
    problems: [...CHECKED, ...BODIES],
    examples: [
      { name: "week", body: { from: "2026-04-13", to: "2026-04-20", rules: ["high_frequency"] }, status: 202 },
    ],
  },
  {
    ...{ ...looks, ...READ, id: "listReplays", method: "get", path: "/v1/admin/replays" },
    summary: "List second looks, dry and applied, the newest first",
    query: replaysQuery,
    answers: { 200: json("A page.", "ReplayPage") },
    problems: CHECKED,
    examples: [{ name: "noLimit", query: { limit: "0" }, status: 400 }],
  },
  {
    ...{ ...looks, ...READ, id: "getReplay", method: "get", path: "/v1/admin/replays/{id}" },
    summary: "See what a second look would change, and whether it was applied",
    answers: { 200: json("How far it is, and what it found.", "Replay") },
    problems: [...KEYED, ...NOT_FOUND, ...FAULTS],
    examples: [{ name: "unknown", path: { id: EXAMPLE.unknownReplay }, status: 404 }],
  },
  {
    ...{ ...looks, id: "applyReplay", method: "post", path: "/v1/admin/replays/{id}/apply" },
    summary: "Revise the clicks that a second look found",
    description: "Each moves to invalid by a revision with the cause `replay/<id>`; gross does not change.",
    answers: { 202: json("It has begun.", "StartedReplay") },
    problems: [...KEYED, ...NOT_FOUND, ...REPLAYED, ...FAULTS],
    examples: [{ name: "unknown", path: { id: EXAMPLE.unknownReplay }, status: 404 }],
  },
  {
    ...{ ...looks, id: "undoReplay", method: "post", path: "/v1/admin/replays/{id}/undo" },
    summary: "Take a second look's revisions back",
    answers: { 202: json("It has begun.", "StartedReplay") },
    problems: [...KEYED, ...NOT_FOUND, ...REPLAYED, ...FAULTS],
    examples: [{ name: "unknown", path: { id: EXAMPLE.unknownReplay }, status: 404 }],
  },
];
