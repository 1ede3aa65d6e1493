/**
 * Operations that tell about the API itself: the methodology, this document, its reference, the problems.
 */
import * as z from "zod";
import { CANARY_STATES } from "../core/canary.ts";
import { json, type Operation } from "./operation.ts";
import { KEYED, problems } from "./problems.ts";
import { instant, text } from "./report-answers.ts";

/** Its members are versioned by `methodologyVersion` (docs/METHODOLOGY.md). */
export const Methodology = z
  .looseObject({ methodologyVersion: z.int(), rulesVersion: z.int(), settings: z.looseObject({}), law: text })
  .describe("How clicks, impressions and conversions are measured.");

export const OpenApiDocument = z.looseObject({ openapi: text, info: z.looseObject({ title: text, version: text }) });

export const ProblemPage = z.object({
  type: text,
  status: z.int(),
  title: text,
  area: text.describe("Where it is answered."),
  advice: text.describe("What a caller changes to get another answer."),
});

const percentiles = z
  .object({ p50: z.int().nullable(), p95: z.int().nullable(), p99: z.int().nullable() })
  .describe("At most so many milliseconds; null where there is none, or where it is more than two minutes.");

export const Status = z.object({
  state: z.enum(CANARY_STATES).describe("`ok`, or what is wrong; `off` where no canary clicks."),
  checkedAt: instant.nullable().describe("The last click of the canary."),
  reportReadAt: instant.nullable(),
  days: z.array(
    z.object({
      day: text.describe("In UTC."),
      clicks: z.int(),
      failed: z.int().describe("Not redirected to the signed page."),
      lost: z.int().describe("In no report 100 seconds later, and not since."),
      delayed: z.int().describe("In no report 100 seconds later, and then after all."),
      doubled: z.int(),
      redirectMs: percentiles,
      freshnessMs: percentiles,
    }),
  ),
});

/** A log that others follow: C2SP tlog-tiles. */
export const EvidenceKeys = z.object({
  origin: text.describe("The log's name, and that of its keys."),
  keys: z.array(
    z.object({
      vkey: text.describe("A verifier key of C2SP signed-note."),
      since: instant,
      statement: text.nullable().describe("The note by which the keys before it introduce it; null for the first."),
    }),
  ),
});

const about = { tag: "About", scopes: null, method: "get" } as const;
const READ_ONLY = problems("method_not_allowed");

const evidence = { tag: "Evidence", scopes: null, method: "get" } as const;

const EVIDENCE_OPERATIONS: readonly Operation[] = [
  {
    ...{ ...evidence, id: "getCheckpoint", path: "/evidence/checkpoint" },
    summary: "Read the evidence log's signed checkpoint",
    description: "A C2SP tlog-checkpoint. Keep the last one that you have seen, and refuse what does not extend it.",
    answers: { 200: { means: "The signed note.", type: "text/plain" } },
    problems: READ_ONLY,
    examples: [{ name: "checkpoint", status: 200 }],
  },
  {
    ...{ ...evidence, id: "getEvidenceKeys", path: "/evidence/keys" },
    summary: "Read the evidence log's keys, and by which each was introduced",
    answers: { 200: json("The keys, in the order in which they came.", "EvidenceKeys") },
    problems: READ_ONLY,
    examples: [{ name: "keys", status: 200 }],
  },
  {
    ...{ ...evidence, id: "getTile", path: "/evidence/tile/{level}/{index}" },
    summary: "Read a tile or an entry bundle of the evidence log",
    description:
      "As C2SP tlog-tiles names them: `level` is 0 to 63 or `entries`, `index` is `x001/x234/067`, with `.p/7` " +
      "behind it for a partial tile of 7. A tile never changes.",
    answers: { 200: { means: "Hashes or entries.", type: "application/octet-stream" } },
    problems: [...READ_ONLY, ...problems("not_found", "store_unavailable")],
    examples: [
      { name: "hashes", path: { level: "0", index: "000.p/1" }, status: 200 },
      { name: "entries", path: { level: "entries", index: "000.p/1" }, status: 200 },
    ],
  },
];

export const ABOUT_OPERATIONS: readonly Operation[] = [
  ...EVIDENCE_OPERATIONS,
  {
    ...{ id: "getMetrics", method: "get", path: "/metrics", tag: "Metrics", scopes: ["operate", "admin"] },
    summary: "Read how the deployment is, in OpenMetrics",
    description:
      "Measured by cron each minute; an answer is at most ten seconds older. 500 series at most, and nothing of a " +
      "tenant or a person. ops/alerts.yml has rules for it.",
    answers: { 200: { means: "The metrics.", type: "application/openmetrics-text" } },
    problems: [...KEYED, ...READ_ONLY, ...problems("store_unavailable", "internal_error")],
    examples: [
      { name: "now", status: 200 },
      { name: "otherScope", key: "report", status: 403 },
    ],
  },
  {
    ...{ ...about, id: "getMethodology", path: "/.well-known/ad-measurement.json" },
    summary: "Read how this Worker measures",
    answers: { 200: json("The methodology.", "Methodology") },
    problems: READ_ONLY,
    examples: [{ name: "methodology", status: 200 }],
  },
  {
    ...{ ...about, id: "getStatus", path: "/status" },
    summary: "Read how the service is, and was for 90 days",
    description:
      "What became of a test click each minute, from R2 alone: it answers while no database does. " +
      "JSON, or a page where a browser asks.",
    answers: { 200: json("The state, and the days.", "Status", { texts: ["text/html"] }) },
    problems: [...READ_ONLY, ...problems("store_unavailable")],
    examples: [{ name: "status", status: 200 }],
  },
  {
    ...{ ...about, id: "getOpenApi", path: "/openapi.json" },
    summary: "Read this document",
    answers: {
      200: json("The document.", "OpenApiDocument"),
      304: { means: "Not changed since the ETag that was sent." },
    },
    problems: READ_ONLY,
    examples: [{ name: "document", status: 200 }],
  },
  {
    ...{ ...about, id: "getDocs", path: "/docs" },
    summary: "Read this document in a browser",
    answers: { 200: { means: "A page.", type: "text/html" } },
    problems: READ_ONLY,
    examples: [{ name: "page", status: 200 }],
  },
  {
    ...{ ...about, id: "getProblem", path: "/problems/{name}" },
    summary: "Explain a problem",
    description: "What the `type` of a problem points at: JSON, or a page where a browser asks.",
    answers: { 200: json("What it means.", "ProblemPage", { texts: ["text/html"] }) },
    problems: [...READ_ONLY, ...problems("not_found")],
    examples: [{ name: "unknownParameter", path: { name: "unknown-parameter" }, status: 200 }],
  },
];
