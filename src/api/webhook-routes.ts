/**
 * The routes of events and webhooks (routes.ts).
 */

import { BODY_BYTES_MAX } from "../core/limits.ts";
import type { Route } from "./routes.ts";

const endpoints = () => import("../webhooks/endpoints.ts");
const ONE = "/v1/webhooks/:id";
const ACT = { needs: "hook", body: { bytesMax: BODY_BYTES_MAX, whenEmpty: {} } } as const;

export const WEBHOOK_ROUTES: readonly Route[] = [
  {
    ...{ method: "GET", path: "/v1/events", needs: "told" },
    load: async () => (await import("../webhooks/events.ts")).handleEvents,
  },
  { ...ACT, method: "POST", path: "/v1/webhooks", load: async () => (await endpoints()).createWebhook },
  { method: "GET", path: "/v1/webhooks", needs: "hook", load: async () => (await endpoints()).listWebhooks },
  { method: "GET", path: ONE, needs: "hook", load: async () => (await endpoints()).showWebhook },
  { ...ACT, method: "PATCH", path: ONE, load: async () => (await endpoints()).changeWebhook },
  { method: "DELETE", path: ONE, needs: "hook", load: async () => (await endpoints()).deleteWebhook },
  { ...ACT, method: "POST", path: `${ONE}/rotate`, load: async () => (await endpoints()).rotateWebhook },
  { method: "POST", path: `${ONE}/test`, needs: "hook", load: async () => (await endpoints()).testWebhook },
  { method: "GET", path: `${ONE}/deliveries`, needs: "hook", load: async () => (await endpoints()).listDeliveries },
  {
    ...{ method: "POST", path: `${ONE}/deliveries/:event/replay`, needs: "hook" },
    load: async () => (await endpoints()).replayDelivery,
  },
];
