/**
 * What the routes of events and webhooks answer, for the document.
 */
import * as z from "zod";
import { EVENT_TYPES } from "../core/outbox-event.ts";
import { DELIVERY_STATES } from "../webhooks/delivery-log.ts";
import { WEBHOOK_STATES } from "../webhooks/schemas.ts";

const text = z.string();
const instant = z.iso.datetime();
const data = z.record(z.string(), z.unknown()).describe("By its type; thin: what to read, and no figures.");

export const Event = z
  .object({
    id: text.describe("The same for the same fact, whoever tells it and however often."),
    type: z.enum(EVENT_TYPES),
    timestamp: instant,
    data,
    cursor: text.describe("The `after` of what follows this event."),
  })
  .describe("What happened; a webhook's body is the same.");
export const EventPage = z.object({
  events: z.array(Event),
  cursor: text.describe("The `after` of the next request."),
  hasMore: z.boolean().describe("Whether to ask again at once."),
});

const webhook = {
  id: text,
  advertiserId: text.nullable().describe("Whose events it is sent; null: the operator's."),
  url: text,
  types: z.array(z.enum(EVENT_TYPES)).describe("Empty for all."),
  description: text,
  status: z.enum(WEBHOOK_STATES).describe("`gone`: it answered 410. `failing`: it took nothing, 20 times in a row."),
  oldSecretEndsAt: instant.nullable().describe("Until then the secret before the last rotation signs too."),
  createdAt: instant,
};
export const Webhook = z.object(webhook);
export const WebhookWithSecret = z.object({
  ...webhook,
  secret: text.describe("Shown in this answer and nowhere else."),
});
export const WebhookHealth = z.object({
  ...webhook,
  failures: z.int().describe("In a row."),
  failingSince: instant.nullable(),
  isWarned: z.boolean().describe("Whether it has failed five times in a row or more."),
});
export const WebhookList = z.object({ webhooks: z.array(Webhook) });

const status = z.int().nullable().describe("HTTP status of the receiver's answer.");
const error = text.nullable().describe("What went wrong: status, redirected, timed_out, unreachable, address_….");
export const WebhookTested = z.object({ isDelivered: z.boolean(), status, error });
export const DeliveryPage = z.object({
  deliveries: z
    .array(
      z.object({
        eventId: text,
        type: text,
        state: z.enum(DELIVERY_STATES),
        tries: z.int(),
        createdAt: instant,
        dueAt: instant.nullable().describe("When it is tried next."),
        lastAt: instant.nullable(),
        lastStatus: status,
        lastError: error,
      }),
    )
    .describe("Newest first; of 30 days."),
  next: z.int().nullable().describe("The `before` of the next page."),
});
export const DeliveryReplayed = z.object({ eventId: text, state: z.literal("waiting") });
