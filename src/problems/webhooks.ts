/**
 * Problems of webhooks.
 */
import type { ProblemTable } from "./row.ts";

export const OF_WEBHOOKS = {
  webhook_address: {
    status: 422,
    title: "Webhooks are not sent to this address.",
    advice: "Send an https address of the public internet by its name, on port 443, without user and password.",
  },
  webhooks_too_many: {
    status: 409,
    title: "This account has as many webhooks as it may.",
    advice: "Delete a webhook that is no longer needed, or let one take more types.",
  },
  webhook_rotating: {
    status: 409,
    title: "This webhook's secret was replaced, and the one before still signs.",
    advice: "Rotate again when the old secret has ended, or with overlapSeconds 0, which ends it and the new one now.",
  },
  webhook_stopped: {
    status: 409,
    title: "This webhook is not active.",
    advice: 'Start it again with PATCH and {"status":"active"}; what waits is sent then.',
  },
} as const satisfies ProblemTable;
