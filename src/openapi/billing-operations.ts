/**
 * Operations of statements, budgets and evidence.
 */
import { advertiserQuery, manifestQuery, ownerQuery, tenantQuery } from "../billing/schemas.ts";
import { json, type Operation } from "./operation.ts";
import { BODIES, KEYED, problems } from "./problems.ts";

const FAULTS = problems("method_not_allowed", "internal_error", "database_unavailable", "store_unavailable");
const READ = [...KEYED, ...problems("unknown_parameter", "invalid_value", "missing_parameter"), ...FAULTS];
const FOUND = [...READ, ...problems("not_found")];
const ACT = [...READ, ...BODIES, ...problems("unknown_parent")];
const PERIOD = problems(
  "nothing_to_bill",
  "period_not_next",
  "period_empty",
  "period_not_reconciled",
  "evidence_pending",
);
const statements = { tag: "Statements", scopes: ["bill", "audit", "admin"] } as const;
const read = { tag: "Statements", scopes: ["audit", "admin"] } as const;
const issuing = { tag: "Statements", scopes: ["admin"] } as const;
const PARQUET = "application/vnd.apache.parquet";
const DAY = "2026-04-20";
const mine = { advertiser_id: "adv_1" };

export const BILLING_OPERATIONS: readonly Operation[] = [
  {
    ...{ ...statements, id: "listStatements", method: "get", path: "/v1/statements" },
    summary: "List the statements that were issued",
    query: tenantQuery,
    answers: { 200: json("The statements, by number.", "StatementList") },
    problems: READ,
    examples: [{ name: "all", query: mine, status: 200 }],
  },
  {
    ...{ ...statements, id: "getStatement", method: "get", path: "/v1/statements/{number}" },
    summary: "Read a statement as it is stored",
    description:
      "Byte for byte, so that its hash can be taken. With format=csv its lines, which add up to what is due.",
    query: ownerQuery,
    answers: { 200: json("The statement.", "Statement", { texts: ["text/csv"] }) },
    problems: FOUND,
    examples: [{ name: "first", path: { number: "1" }, query: mine, status: 200 }],
  },
  {
    ...{ ...statements, id: "getStatementFile", method: "get", path: "/v1/statements/{number}/files/{name}" },
    summary: "Read a statement's lines by ad",
    query: ownerQuery,
    answers: { 200: { means: "The object.", type: PARQUET } },
    problems: FOUND,
    examples: [],
  },
  {
    ...{ ...statements, id: "getEvidenceSecret", method: "get", path: "/v1/evidence/secret" },
    summary: "Read the secret under which a tenant's leaves stand in the evidence log",
    query: tenantQuery,
    answers: { 200: json("The secret.", "EvidenceSecret") },
    problems: READ,
    examples: [],
  },
  {
    ...{ ...statements, id: "getManifest", method: "get", path: "/v1/evidence/{day}" },
    summary: "Read the manifest of a UTC day's evidence as it is stored",
    query: manifestQuery,
    answers: { 200: json("The manifest.", "EvidenceManifest") },
    problems: FOUND,
    examples: [{ name: "last", path: { day: DAY }, query: mine, status: 200 }],
  },
  {
    ...{ ...statements, id: "getEvidenceFile", method: "get", path: "/v1/evidence/{day}/{name}" },
    summary: "Read an object that a manifest names",
    query: tenantQuery,
    answers: { 200: { means: "The object.", type: PARQUET } },
    problems: FOUND,
    examples: [],
  },
  {
    ...{ ...issuing, id: "draftStatement", method: "post", path: "/v1/admin/statements" },
    summary: "Draft the next statement of an advertiser, or of what a publisher earned in a currency",
    description: "Says what would be owed; nothing is issued. The same again answers the same draft.",
    body: { schema: "PeriodToBill" },
    answers: { 201: json("The draft.", "StatementDraft") },
    problems: [...ACT, ...PERIOD, ...problems("currency_missing")],
    examples: [],
  },
  {
    ...{ ...issuing, id: "issueStatement", method: "post", path: "/v1/admin/statements/{draft}/finalize" },
    summary: "Issue the statement of a draft",
    description:
      "It is computed again and put under its number, for good. Again, it answers what was issued. What was found " +
      "since the draft is in it, and `changedSinceDraft` says so.",
    body: { schema: "Nothing", isOptional: true },
    answers: {
      200: json("It was issued before.", "StatementIssued"),
      201: json("It is issued.", "StatementIssued"),
    },
    problems: [...FOUND, ...BODIES, ...PERIOD],
    examples: [],
  },
  {
    ...{ ...read, id: "listBudgets", method: "get", path: "/v1/admin/budgets" },
    summary: "List the budgets of an advertiser",
    query: advertiserQuery,
    answers: { 200: json("The budgets, by the instant from which they are in force.", "BudgetList") },
    problems: READ,
    examples: [{ name: "none", query: { advertiser_id: "adv_2" }, status: 200 }],
  },
  {
    ...{ ...issuing, id: "setBudget", method: "post", path: "/v1/admin/budgets" },
    summary: "Set what statements of an advertiser may bill at most",
    body: { schema: "BudgetToSet" },
    answers: { 200: json("The budget.", "BudgetSet") },
    problems: ACT,
    examples: [],
  },
];
