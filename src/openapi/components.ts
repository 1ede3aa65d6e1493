/**
 * The named schemas of the document: what bodies hold, by the schemas that validate them, and what is answered.
 *
 * Keeps: a name stands for one schema, and wherever the schema is part of another its name stands there.
 */
import * as z from "zod";
import { keySchema } from "../admin/key-spec.ts";
import { emptySchema, rotateSchema } from "../admin/keys.ts";
import { endSecretSchema } from "../admin/postback-secret.ts";
import { AD_GROUPS, ADS, ADVERTISERS, CAMPAIGNS, CREATIVES, PUBLISHERS } from "../admin/resources.ts";
import { budgetSchema, draftSchema } from "../billing/schemas.ts";
import { auditStart, lossSchema } from "../operator/audits.ts";
import { replaySchema } from "../operator/dead-letters.ts";
import { holdSchema } from "../operator/holds.ts";
import { decisionsSchema } from "../operator/late-clicks.ts";
import { rebuildSchema } from "../operator/rebuild.ts";
import { periodSchema } from "../operator/replays.ts";
import { webhookChange, webhookCreation, webhookRotation } from "../webhooks/schemas.ts";
import * as about from "./about-operations.ts";
import * as admin from "./admin-answers.ts";
import * as billing from "./billing-answers.ts";
import * as erasure from "./erasure-operations.ts";
import type { JsonSchema } from "./operation.ts";
import * as operator from "./operator-answers.ts";
import { Receipt } from "./receipt-answers.ts";
import * as reports from "./report-answers.ts";
import { reportQuerySchema } from "./report-operations.ts";
import * as submit from "./submit-schemas.ts";
import * as track from "./track-schemas.ts";
import * as webhooks from "./webhook-answers.ts";

/** Bodies of requests. */
const INPUTS: Readonly<Record<string, z.ZodType>> = {
  AdvertiserCreation: ADVERTISERS.create,
  AdvertiserChange: ADVERTISERS.patch,
  CampaignCreation: CAMPAIGNS.create,
  CampaignChange: CAMPAIGNS.patch,
  AdGroupCreation: AD_GROUPS.create,
  AdGroupChange: AD_GROUPS.patch,
  AdCreation: ADS.create,
  AdChange: ADS.patch,
  CreativeCreation: CREATIVES.create,
  CreativeChange: CREATIVES.patch,
  PublisherCreation: PUBLISHERS.create,
  PublisherChange: PUBLISHERS.patch,
  ApiKeyCreation: keySchema,
  ApiKeyRotation: rotateSchema,
  PostbackSecretEnd: endSecretSchema,
  Nothing: emptySchema,
  LateDecisions: decisionsSchema,
  LettersToReplay: replaySchema,
  DatabaseToRebuild: rebuildSchema,
  DayToAudit: auditStart,
  LossToAccept: lossSchema,
  DaysToHold: holdSchema,
  SubjectToErase: erasure.SubjectToErase,
  PeriodToBill: draftSchema,
  BudgetToSet: budgetSchema,
  WebhookCreation: webhookCreation,
  WebhookChange: webhookChange,
  WebhookRotation: webhookRotation,
  PeriodToLookAt: periodSchema,
  TokenToExplain: operator.TokenToExplain,
  TokenClaims: track.TokenClaims,
  MintRequest: track.MintRequest,
  ScriptClick: track.ScriptClick,
  ConversionRow: submit.ConversionRow,
  ConversionRows: submit.ConversionRows,
  CountsRow: submit.CountsRow,
  CountsUpload: submit.CountsUpload,
};

/** RFC 9457. */
const Problem = z
  .object({
    type: z.string().describe("What is wrong, as an address of this API; it does not change."),
    title: z.string().describe("The type in a sentence; the same in every answer."),
    status: z.int(),
    detail: z.string().describe("What to change."),
    field: z.string().optional().describe("The parameter, claim or field at fault."),
  })
  .describe("RFC 9457: why a request was not answered as asked.");

/** Bodies of answers. */
const ANSWERS: Readonly<Record<string, z.ZodType>> = {
  Problem,
  RowProblem: track.RowProblem,
  MetricValues: reports.MetricValues,
  ReportRow: reports.ReportRow,
  ReportSeries: reports.ReportSeries,
  ReportMeta: reports.ReportMeta,
  ReportTable: reports.ReportTable,
  LiveTicket: reports.LiveTicket,
  ChangePage: reports.ChangePage,
  ReportSeriesAnswer: reports.ReportSeriesAnswer,
  ...admin,
  LateClick: operator.LateClick,
  LateClickPage: operator.LateClickPage,
  DecisionResults: operator.DecisionResults,
  Explanation: operator.Explanation,
  Receipt,
  TokenExplanation: operator.TokenExplanation,
  DeadLetterPage: operator.DeadLetterPage,
  DeadLetter: operator.DeadLetter,
  ReplayResults: operator.ReplayResults,
  AuditedDays: operator.AuditedDays,
  DayAudits: operator.DayAudits,
  AuditStarted: operator.AuditStarted,
  DayMended: operator.DayMended,
  AcceptedLoss: operator.AcceptedLoss,
  Hold: operator.Hold,
  HeldDays: operator.HeldDays,
  HoldPage: operator.HoldPage,
  Erasure: erasure.Erasure,
  EvidenceLogState: operator.EvidenceLogState,
  Sequenced: operator.Sequenced,
  RebuildProgress: operator.RebuildProgress,
  StartedReplay: operator.StartedReplay,
  ReplayPage: operator.ReplayPage,
  Replay: operator.Replay,
  ...billing,
  ...webhooks,
  MintAnswer: track.MintAnswer,
  ConversionStatus: submit.ConversionStatus,
  ConversionResults: submit.ConversionResults,
  ConversionResult: submit.ConversionResult,
  PostbackSecret: submit.PostbackSecret,
  CountsAnswer: submit.CountsAnswer,
  EvidenceKeys: about.EvidenceKeys,
  Methodology: about.Methodology,
  OpenApiDocument: about.OpenApiDocument,
  ProblemPage: about.ProblemPage,
  Status: about.Status,
};

const refTo = (name: string) => `#/components/schemas/${name}`;

/** Name → JSON Schema, 2020-12. */
export function componentSchemas(): Record<string, JsonSchema> {
  return { ...schemasOf(INPUTS, "input"), ReportQuery: reportQuerySchema(), ...schemasOf(ANSWERS, "output") };
}

function schemasOf(named: Readonly<Record<string, z.ZodType>>, io: "input" | "output"): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [name, schema] of Object.entries(named)) registry.add(schema, { id: name });
  const { schemas } = z.toJSONSchema(registry, { io, uri: refTo }) as { schemas: Record<string, JsonSchema> };
  // By name, since the members of a module come in an order of the loader's.
  const byName = Object.entries(schemas).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(byName.map(([name, { $schema, $id, ...schema }]): [string, JsonSchema] => [name, schema]));
}

/** A reference to a component. */
export function ref(name: string): JsonSchema {
  return { $ref: refTo(name) };
}
