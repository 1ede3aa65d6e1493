/**
 * Operations that tell about the API itself: the methodology, this document, its reference, the problems.
 */
import * as z from "zod";
import { json, type Operation } from "./operation.ts";
import { problems } from "./problems.ts";
import { text } from "./report-answers.ts";

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

const about = { tag: "About", scopes: null, method: "get" } as const;
const READ_ONLY = problems("method_not_allowed");

export const ABOUT_OPERATIONS: readonly Operation[] = [
  {
    ...{ ...about, id: "getMethodology", path: "/.well-known/ad-measurement.json" },
    summary: "Read how this Worker measures",
    answers: { 200: json("The methodology.", "Methodology") },
    problems: READ_ONLY,
    examples: [{ name: "methodology", status: 200 }],
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
