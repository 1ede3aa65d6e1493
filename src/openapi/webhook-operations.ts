/**
 * Operations of events and webhooks.
 */
import { deliveriesQuery, eventsQuery } from "../webhooks/schemas.ts";
import { EXAMPLE } from "./example-values.ts";
import { json, type Operation } from "./operation.ts";
import { BODIES, KEYED, problems, READING } from "./problems.ts";

const READ = [
  ...KEYED,
  ...problems("unknown_parameter", "invalid_value", "method_not_allowed", "internal_error"),
  ...problems("database_unavailable"),
];

const shared = { tag: "Events and webhooks", scopes: ["hook", "admin"] } as const;
const PATH = "/v1/webhooks";
const ONE = `${PATH}/{id}`;
const OF_ONE = { path: { id: EXAMPLE.webhookId } };
const UNKNOWN = { name: "unknown", path: { id: "wh_exampleUnknown01" }, status: 404 } as const;
const FOUND = [...READ, ...problems("not_found", "store_unavailable")];
const ACT = [...FOUND, ...BODIES, ...problems("missing_parameter")];
const TO = "https://hooks.shop.com/clickledger";

export const WEBHOOK_OPERATIONS: readonly Operation[] = [
  {
    ...{ tag: "Events and webhooks", scopes: ["report", "admin"], id: "listEvents", method: "get", path: "/v1/events" },
    summary: "List what has happened, from a cursor on",
    description:
      "Events of the key's advertiser, or of all for the operator, in the order in which they were committed. Who " +
      "reads on from its last cursor misses none. Of `report.moved` the newest stands for those before it.",
    query: eventsQuery,
    answers: { 200: json("The events.", "EventPage") },
    problems: [...READ, ...READING, ...problems("tampered_cursor", "stale_cursor")],
    examples: [{ name: "oldest", query: { limit: "1" }, status: 200 }],
  },
  {
    ...{ ...shared, id: "createWebhook", method: "post", path: PATH },
    summary: "Have events sent to an address",
    description:
      "Signed by Standard Webhooks; a body is an event as GET /v1/events has it. What happens from now on is sent, " +
      "each until the receiver has answered with 2xx: ten times in 75 hours and 35 minutes, and while it takes none " +
      "at all, up to 20 times in a row. 410 stops it. No redirect is followed, and a try has ten seconds.",
    body: { schema: "WebhookCreation" },
    answers: { 201: json("The webhook, with its secret.", "WebhookWithSecret") },
    problems: [...ACT, ...problems("webhook_address", "webhooks_too_many")],
    examples: [
      { name: "statements", body: { url: TO, types: ["statement.issued", "adjustment.created"] }, status: 201 },
      { name: "ownMachine", body: { url: "https://2130706433/" }, status: 422 },
    ],
  },
  {
    ...{ ...shared, id: "listWebhooks", method: "get", path: PATH },
    summary: "List the webhooks of the account",
    answers: { 200: json("The webhooks.", "WebhookList") },
    problems: READ,
    examples: [
      { name: "all", status: 200 },
      { name: "otherScope", key: "report", status: 403 },
    ],
  },
  {
    ...{ ...shared, id: "getWebhook", method: "get", path: ONE },
    summary: "Show a webhook, and how its receiver answers",
    answers: { 200: json("The webhook.", "WebhookHealth") },
    problems: FOUND,
    examples: [{ name: "one", ...OF_ONE, status: 200 }, UNKNOWN],
  },
  {
    ...{ ...shared, id: "changeWebhook", method: "patch", path: ONE },
    summary: "Change a webhook, pause it, or start it again",
    body: { schema: "WebhookChange", isOptional: true },
    answers: { 200: json("The webhook.", "Webhook") },
    problems: [...ACT, ...problems("webhook_address")],
    examples: [{ name: "described", ...OF_ONE, body: { description: "The ledger." }, status: 200 }, UNKNOWN],
  },
  {
    ...{ ...shared, id: "rotateWebhookSecret", method: "post", path: `${ONE}/rotate` },
    summary: "Make a new secret; for a while both sign",
    body: { schema: "WebhookRotation", isOptional: true },
    answers: { 200: json("The webhook, with its new secret.", "WebhookWithSecret") },
    problems: [...ACT, ...problems("webhook_rotating")],
    examples: [{ name: "inAnHour", ...OF_ONE, body: { overlapSeconds: 3_600 }, status: 200 }, UNKNOWN],
  },
  {
    ...{ ...shared, id: "testWebhook", method: "post", path: `${ONE}/test` },
    summary: "Send a message that tells of nothing, and see what becomes of it",
    answers: { 200: json("What became of it.", "WebhookTested") },
    problems: FOUND,
    examples: [UNKNOWN],
  },
  {
    ...{ ...shared, id: "listDeliveries", method: "get", path: `${ONE}/deliveries` },
    summary: "List what was sent, or waits to be",
    query: deliveriesQuery,
    answers: { 200: json("A page.", "DeliveryPage") },
    problems: FOUND,
    examples: [{ name: "none", ...OF_ONE, status: 200 }, UNKNOWN],
  },
  {
    ...{ ...shared, id: "replayDelivery", method: "post", path: `${ONE}/deliveries/{event}/replay` },
    summary: "Send an event of the log once more, with the id that it had",
    answers: { 202: json("It waits to be sent.", "DeliveryReplayed") },
    problems: [...FOUND, ...problems("webhook_stopped")],
    examples: [{ ...UNKNOWN, path: { ...UNKNOWN.path, event: "evt_example" } }],
  },
  {
    ...{ ...shared, id: "deleteWebhook", method: "delete", path: ONE },
    summary: "Delete a webhook, its log and what waits",
    description:
      "Nothing is sent from then on, but for a try that is under way. Where the webhook's own store does not answer " +
      "it is deleted all the same, and its log within minutes of the store's return. Once more is 404.",
    answers: { 200: json("The webhook that was.", "Webhook") },
    problems: FOUND,
    examples: [{ name: "one", ...OF_ONE, status: 200 }, UNKNOWN],
  },
];
