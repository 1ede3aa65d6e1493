/**
 * What the routes of events and webhooks take.
 */
import * as z from "zod";
import { EVENTS_KEPT_DAYS } from "../core/limits.ts";
import { EVENT_TYPES } from "../core/outbox-event.ts";
import { DELIVERY_STATES } from "./delivery-log.ts";

const EVENTS_MAX = 1_000;
const CURSOR_LENGTH_MAX = 4_096;

export const WEBHOOK_STATES = ["active", "paused", "gone", "failing"] as const;
export type WebhookState = (typeof WEBHOOK_STATES)[number];

export const eventsQuery = z.strictObject({
  after: z
    .string()
    .min(1)
    .max(CURSOR_LENGTH_MAX)
    .optional()
    .describe(`\`cursor\` of an event or an answer; none begins ${EVENTS_KEPT_DAYS} days ago.`),
  limit: z.coerce.number().int().min(1).max(EVENTS_MAX).default(100),
});

const DESCRIPTION_MAX = 200;
const OVERLAP_MAX_S = 30 * 86_400;
const url = z.string().min(1).max(2_048).describe("An https address of the public internet, on port 443.");
const types = z
  .array(z.enum(EVENT_TYPES))
  .max(EVENT_TYPES.length)
  .describe("Types of events that are sent; none for all.");
const description = z.string().max(DESCRIPTION_MAX);

export const webhookCreation = z.strictObject({
  url,
  types: types.default([]),
  description: description.default(""),
});
export const webhookChange = z.strictObject({
  url: url.optional(),
  types: types.optional(),
  description: description.optional(),
  status: z
    .enum(["active", "paused"])
    .optional()
    .describe("`active` starts a webhook again that was stopped; what waits is sent."),
});
export type WebhookChange = z.output<typeof webhookChange>;
export const webhookRotation = z.strictObject({
  overlapSeconds: z.int().min(0).max(OVERLAP_MAX_S).default(86_400).describe("So long the old secret signs too."),
});
export const deliveriesQuery = z.strictObject({
  before: z.coerce.number().int().min(1).default(Number.MAX_SAFE_INTEGER),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  state: z.enum(DELIVERY_STATES).optional(),
});
