/**
 * What draws each screen, and what its forms do; loaded when it is first asked for.
 */
import type { Asked } from "../access/asked.ts";
import type { ApiClient } from "./api-client.ts";
import type { ScreenPath } from "./navigation.ts";
import type { Viewer } from "./viewer.ts";

export type ScreenAsked = { readonly asked: Asked; readonly viewer: Viewer; readonly api: ApiClient };
/** Of a list, and what its address says. */
export type ListAsked = Pick<ScreenAsked, "viewer" | "api"> & { readonly search: URLSearchParams };
export type Draw = (asked: ScreenAsked) => Response | Promise<Response>;
export type Act = (asked: ScreenAsked & { readonly form: URLSearchParams }) => Response | Promise<Response>;

type Screen = { readonly draw: () => Promise<Draw>; readonly act?: () => Promise<Act> };

export const SCREENS: Readonly<Record<ScreenPath, Screen>> = {
  "/": { draw: async () => (await import("./overview.tsx")).drawOverview },
  "/live": {
    draw: async () => (await import("./live.tsx")).drawLive,
    act: async () => (await import("./live.tsx")).handTicket,
  },
  "/explore": { draw: async () => (await import("./explore.tsx")).drawExplore },
  "/changes": {
    draw: async () => (await import("./changes.tsx")).drawChanges,
    act: async () => (await import("./changes.tsx")).actOnChanges,
  },
  "/campaign": { draw: async () => (await import("./advertised.tsx")).drawCampaign },
  "/ad": { draw: async () => (await import("./advertised.tsx")).drawAd },
  "/quality": { draw: async () => (await import("./quality.tsx")).drawQuality },
  "/conversions": { draw: async () => (await import("./conversions.tsx")).drawConversions },
  "/clicks": {
    draw: async () => (await import("./clicks.tsx")).drawClicks,
    act: async () => (await import("./clicks.tsx")).actOnClicks,
  },
  "/statements": {
    draw: async () => (await import("./statements.tsx")).drawStatements,
    act: async () => (await import("./statements.tsx")).actOnStatements,
  },
  "/late-clicks": {
    draw: async () => (await import("./late-clicks.tsx")).drawLateClicks,
    act: async () => (await import("./late-clicks.tsx")).actOnLateClicks,
  },
  "/dead-letters": {
    draw: async () => (await import("./dead-letters.tsx")).drawDeadLetters,
    act: async () => (await import("./dead-letters.tsx")).actOnDeadLetters,
  },
  "/audits": {
    draw: async () => (await import("./audits.tsx")).drawAudits,
    act: async () => (await import("./audits.tsx")).actOnAudits,
  },
  "/second-looks": {
    draw: async () => (await import("./second-looks.tsx")).drawSecondLooks,
    act: async () => (await import("./second-looks.tsx")).actOnSecondLooks,
  },
  "/tenants": {
    draw: async () => (await import("./tenants.tsx")).drawTenants,
    act: async () => (await import("./tenants.tsx")).actOnTenants,
  },
  "/audit-log": { draw: async () => (await import("./audit-log.tsx")).drawAuditLog },
  "/health": { draw: async () => (await import("./health.tsx")).drawHealth },
  "/webhooks": {
    draw: async () => (await import("./webhooks.tsx")).drawWebhooks,
    act: async () => (await import("./webhooks.tsx")).actOnWebhooks,
  },
  "/try": {
    draw: async () => (await import("./try-link.tsx")).drawTry,
    act: async () => (await import("./try-link.tsx")).actOnTry,
  },
};
