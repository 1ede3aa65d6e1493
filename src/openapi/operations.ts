/**
 * All operations, in the order in which the reference shows them, with the words for their groups.
 */
import { OF_LOOKS } from "../problems/looks.ts";
import { ABOUT_OPERATIONS } from "./about-operations.ts";
import { ADMIN_OPERATIONS } from "./admin-operations.ts";
import { BILLING_OPERATIONS } from "./billing-operations.ts";
import { ERASURE_OPERATIONS } from "./erasure-operations.ts";
import type { Operation } from "./operation.ts";
import { OPERATOR_OPERATIONS } from "./operator-operations.ts";
import { problemExamples } from "./problem-examples.ts";
import { problems, reasonsOf } from "./problems.ts";
import { REPORT_OPERATIONS } from "./report-operations.ts";
import { SUBMIT_OPERATIONS } from "./submit-operations.ts";
import { TRACK_OPERATIONS } from "./track-operations.ts";
import { WEBHOOK_OPERATIONS } from "./webhook-operations.ts";

const ALL: readonly Operation[] = [
  ...REPORT_OPERATIONS,
  ...TRACK_OPERATIONS,
  ...SUBMIT_OPERATIONS,
  ...OPERATOR_OPERATIONS,
  ...ERASURE_OPERATIONS,
  ...ADMIN_OPERATIONS,
  ...BILLING_OPERATIONS,
  ...WEBHOOK_OPERATIONS,
  ...ABOUT_OPERATIONS,
];

/** What an auditor may be answered beside. */
const LOOKED = problems(...reasonsOf(OF_LOOKS));

/** What is answered to a parameter that is given twice, where parameters are looked at (src/api/app.ts). */
const REPEATED = problems("repeated_parameter");

export const OPERATIONS = ALL.map(
  (operation): Operation => ({
    ...operation,
    problems: [
      ...operation.problems,
      ...(isGuarded(operation) ? REPEATED : []),
      ...(operation.scopes?.includes("audit") ? LOOKED : []),
    ],
    examples: [...operation.examples, ...problemExamples(operation.id)],
  }),
);

/** Links and tokens are not guarded by the front, postbacks refuse in their own way. */
function isGuarded(operation: Operation): boolean {
  const { scopes, query, maySign } = operation;
  return (scopes !== null || query !== undefined) && maySign !== true && !TRACK_OPERATIONS.includes(operation);
}

export const TAGS: Readonly<Record<string, string>> = {
  Reports: "What was counted, as tables, series and a live stream.",
  Clicks: "Click links and clicks by script.",
  Impressions: "Pixels, and counts that an ad server made itself.",
  Tokens: "Signed tokens for click links and pixels.",
  Conversions: "What clicks led to.",
  Explain: "What happened to one click, and why.",
  "Late clicks": "Clicks that were reported too late and wait for a decision.",
  "Dead letters": "What could not be counted, kept for an operator.",
  Holds: "Log days whose lines are kept longer than others.",
  Erasures: "Taking persons out of what was logged, without a change to what was counted.",
  "Second looks": "Rules over many clicks of a period: what they would change, and having it revised.",
  Statements: "What an advertiser owes for a period, and the evidence that it is made from.",
  "Events and webhooks": "What has happened, for whoever asks, and for whoever wants to be told.",
  Audits: "Log days that were sealed, read again and compared, and what was found.",
  Administration: "Tenants and what they advertise.",
  Keys: "API keys.",
  "Audit log": "Who did what.",
  Catalogue: "The names behind one's own ids.",
  Evidence: "The log of what was billed and why, which nobody can take back, for everybody who keeps watch.",
  Metrics: "How the deployment is, for whoever keeps watch.",
  About: "The API about itself.",
};
