/**
 * Operations of erasures, and what they answer.
 */
import * as z from "zod";
import { PHASES } from "../erasure/order.ts";
import { subjectSchema } from "../operator/erasures.ts";
import { EXAMPLE } from "./example-values.ts";
import { json, type Operation } from "./operation.ts";
import { BODIES, KEYED, problems } from "./problems.ts";
import { instant, text } from "./report-answers.ts";

const count = z.int();

export const SubjectToErase = subjectSchema;

export const Erasure = z.object({
  id: text,
  state: z.enum(["open", "done"]),
  of: z.enum(["user", "click"]),
  by: text.describe("The key that asked."),
  askedAt: instant,
  pass: count.describe("How often all places were, or are being, gone through. The last pass finds nothing."),
  phase: z.enum(PHASES).nullable(),
  goesOnAt: instant.nullable().describe("When the next minute's job goes on with it; a pass waits two hours."),
  erased: z.object({
    lines: count.describe("Lines of the log, in its archive."),
    clickLines: count.describe("What audits keep for evidence."),
    tokens: count.describe("Tokens of evidence; the rows that commit to them stay."),
    copies: count.describe("Events in dead letters and in plans of second looks."),
    lateClicks: count.describe("Clicks that wait for a decision."),
  }),
  waiting: z.object({
    heldDays: z.array(text).describe("Log days of this pass that a hold keeps: release it."),
    refusedObjects: z.array(text).describe("Objects of this pass that could not be replaced; they are tried again."),
  }),
  receipt: z
    .object({
      receipt: z.looseObject({ subject_hash: text.describe("HMAC-SHA-256 of who was erased, under the id.") }),
      seal: z.object({ kid: text, mac: text }),
    })
    .nullable()
    .describe("Of a done one: what was erased when, for whom, sealed by this deployment."),
});

const FAULTS = problems("method_not_allowed", "internal_error", "database_unavailable", "store_unavailable");
const erasures = { tag: "Erasures", scopes: ["admin"] } as const;

export const ERASURE_OPERATIONS: readonly Operation[] = [
  {
    ...{ ...erasures, id: "startErasure", method: "post", path: "/v1/admin/erasures" },
    summary: "Erase a person's events, or a click's",
    description:
      "Their users, addresses' hashes, agents, places, landing pages and tokens leave the log, evidence, letters and " +
      "shards within a day. What was counted and billed stays, and so do all proofs of others.",
    body: { schema: "SubjectToErase" },
    answers: { 202: json("It goes on by itself.", "Erasure") },
    problems: [...KEYED, ...problems("unknown_parameter", "invalid_value"), ...BODIES, ...FAULTS],
    examples: [
      { name: "user", body: { advertiserId: "adv_1", uid: "u_42" }, status: 202 },
      { name: "noClick", body: { clickId: "2~not-a-click" }, status: 400 },
    ],
  },
  {
    ...{ ...erasures, id: "getErasure", method: "get", path: "/v1/admin/erasures/{id}" },
    summary: "Read how far an erasure is, or its receipt",
    answers: { 200: json("The erasure.", "Erasure") },
    problems: [...KEYED, ...problems("not_found"), ...FAULTS],
    examples: [
      { name: "open", path: { id: EXAMPLE.erasure }, status: 200 },
      { name: "unknown", path: { id: EXAMPLE.unknownReplay }, status: 404 },
    ],
  },
];
