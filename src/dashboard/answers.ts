/**
 * What the API answers about things that people decide on, in the types of its document (`npm run client`).
 *
 * Keeps: types alone; nothing about an answer is written here.
 */
import type { components } from "../../client/schema.d.ts";

type Schemas = components["schemas"];

export type LateClick = Schemas["LateClick"];
export type LatePage = Schemas["LateClickPage"];
export type Decided = Schemas["DecisionResults"];
export type LetterPage = Schemas["DeadLetterPage"];
export type Letter = LetterPage["letters"][number];
export type Replayed = Schemas["ReplayResults"];
export type ApiKey = Schemas["ApiKey"];
export type KeyPage = Schemas["ApiKeyPage"];
export type NewKey = Schemas["NewApiKey"];
export type AuditPage = Schemas["AuditPage"];
export type AuditEntry = Schemas["AuditEntry"];
export type AuditedDays = Schemas["AuditedDays"];
export type DayAudits = Schemas["DayAudits"];
export type Statement = Schemas["Statement"];
export type StatementDraft = Schemas["StatementDraft"];
export type StatementIssued = Schemas["StatementIssued"];
export type StatementList = Schemas["StatementList"];
export type SecondLook = Schemas["Replay"];
export type SecondLookPage = Schemas["ReplayPage"];
export type ChangePage = Schemas["ChangePage"];
export type Webhook = Schemas["Webhook"];
export type WebhookList = Schemas["WebhookList"];
export type WebhookHealth = Schemas["WebhookHealth"];
export type WebhookWithSecret = Schemas["WebhookWithSecret"];
export type WebhookTested = Schemas["WebhookTested"];
export type DeliveryPage = Schemas["DeliveryPage"];
export type Me = Schemas["Me"];
