/**
 * The routes of the API: what each asks of its caller, what body it takes, and the module that answers it, which is
 * loaded at the first request for it.
 *
 *   { method: "GET", path: "/v1/reports/clicks", needs: "report", load: () => import("../report/app.ts") … }
 *
 * Keeps: nothing here loads zod or a room of the API. Click links, pixels, clicks by script and the minting of tokens
 * are no routes of this table: track/router.ts has them.
 */
import type { Asked, Keyed } from "../access/asked.ts";
import type { Needs } from "../access/needs.ts";
import { BODY_BYTES_MAX } from "../core/limits.ts";
import { SCREEN_PATHS } from "../dashboard/navigation.ts";
import { wantsPage } from "../dashboard/wants-page.ts";
import type { Reason } from "../problems/catalog.ts";
import type { ReportHandlers, ReportPorts } from "../report/app.ts";
import { QUERY_BYTES_MAX } from "../report/limits.ts";
import { BILLING_ROUTES } from "./billing-routes.ts";
import { ERASURE_ROUTES } from "./erasure-routes.ts";
import { STATUS_ROUTE } from "./status-route.ts";
import { WEBHOOK_ROUTES } from "./webhook-routes.ts";

type Answering<A> = (asked: A) => Response | Promise<Response>;

type Shape = {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** As Hono writes it. */
  readonly path: string;
  /** JSON that is read before the handler is asked: an object unless any value will do; or the fields of a form. */
  readonly body?: {
    readonly bytesMax: number;
    readonly isAnyJson?: true;
    readonly isForm?: true;
    readonly whenEmpty?: Record<string, unknown>;
  };
  /** Why a request is refused whose handler fails, where that is one reason whatever failed. */
  readonly whenFailed?: Reason;
  /** Answered to pages of any origin; takes no parameters, and looks at none. */
  readonly isOpen?: true;
  /** A parameter may be given twice, since some are lists, or the handler refuses it in its own way. */
  readonly mayRepeat?: true;
};
type KeyedRoute = Shape & { readonly needs: Needs; readonly load: () => Promise<Answering<Keyed>> };
type OpenRoute = Shape & { readonly needs: null; readonly load: () => Promise<Answering<Asked>> };
export type Route = KeyedRoute | OpenRoute;

/** What the API takes from outside besides its bindings, where that is not the platform's. */
export type ApiPorts = { readonly report?: ReportPorts };

/** Tenants and what they advertise, by the last part of their path. */
export const RESOURCE_NAMES = ["advertisers", "campaigns", "ad-groups", "ads", "creatives", "publishers"] as const;
export type ResourceName = (typeof RESOURCE_NAMES)[number];

export const REPEATS = { mayRepeat: true } as const;
const ACT = { needs: "admin", body: { bytesMax: BODY_BYTES_MAX, whenEmpty: {} } } as const;
/** 1 000 decisions or 100 keys of letters, twice over. */
const LIST = { bytesMax: 262_144 } as const;
/** 1 000 rows of conversions or counts. */
const UPLOAD_BYTES_MAX = 2_000_000;
const SUBMISSION = { whenFailed: "unavailable" } as const;
const ONE_HOLD = "/v1/admin/holds/:id";
const ONE_KEY = "/v1/admin/keys/:id";

const admin = () => import("../admin/app.ts");
const operator = () => import("../operator/app.ts");
const conversions = () => import("../conversions/conversions.ts");
const metrics = () => import("../metrics/serve.ts");
const dashboard = () => import("../dashboard/app.tsx");
const about = () => import("../openapi/app.ts");
const evidenceLog = () => import("../tlog/serve.ts");
const reference = () => import("../dashboard/reference.tsx");
/** What a problem means: JSON, and where a browser asks a page of it. */
const problem = async (): Promise<Answering<Asked>> => {
  const { answerProblem } = await import("../openapi/problem-page.ts");
  const { drawProblem } = await import("../dashboard/nothing-here.tsx");
  return (asked) => (wantsPage(asked.request) ? drawProblem(answerProblem(asked)) : answerProblem(asked));
};

export function apiRoutes({ report }: ApiPorts): readonly Route[] {
  return [
    ...reportRoutes(report),
    ...SUBMISSION_ROUTES,
    ...OPERATOR_ROUTES,
    ...BILLING_ROUTES,
    ...ERASURE_ROUTES,
    ...WEBHOOK_ROUTES,
    ...RESOURCE_NAMES.flatMap(resourceRoutes),
    ...ADMIN_ROUTES,
    ...ABOUT_ROUTES,
  ];
}

function reportRoutes(ports: ReportPorts | undefined): Route[] {
  let made: ReportHandlers | undefined;
  const handlers = async () => {
    const { reportHandlers } = await import("../report/app.ts");
    made ??= reportHandlers(ports);
    return made;
  };
  const needs = "report";
  return [
    { method: "GET", path: "/v1/reports/clicks", needs, ...REPEATS, load: async () => (await handlers()).table },
    {
      ...{ method: "POST", path: "/v1/reports/query", needs, body: { bytesMax: QUERY_BYTES_MAX } },
      load: async () => (await handlers()).query,
    },
    { method: "GET", path: "/v1/metrics/clicks", needs, ...REPEATS, load: async () => (await handlers()).series },
    {
      ...{ method: "GET", path: "/v1/changes", needs: "changes", ...REPEATS },
      load: async () => (await import("../report/changes/changes.ts")).handleChanges,
    },
    {
      method: "GET",
      path: "/v1/live",
      needs: "live",
      load: async () => (await import("../report/live/live.ts")).handleLive,
    },
    {
      ...{ method: "POST", path: "/v1/live/tickets", needs: "live" },
      load: async () => (await import("../report/live/live-tickets.ts")).handleTickets,
    },
    {
      // The ticket says who asks: the handler sees whether it is in force.
      ...{ method: "GET", path: "/v1/live/tickets/:ticket", needs: null },
      load: async () => (await import("../report/live/live.ts")).handleTicketed,
    },
  ];
}

const SUBMISSION_ROUTES: readonly Route[] = [
  {
    ...{ ...SUBMISSION, method: "POST", path: "/v1/conversions", needs: "convert" },
    body: { bytesMax: UPLOAD_BYTES_MAX, isAnyJson: true },
    load: async () => (await conversions()).handleConversions,
  },
  {
    // With a key, or signed: the handler sees which; a pixel is answered to what is given twice, too.
    ...{ ...SUBMISSION, method: "GET", path: "/v1/conversions", needs: null, ...REPEATS },
    load: async () => (await conversions()).handlePostback,
  },
  {
    ...{ method: "GET", path: "/v1/conversions/secret", needs: "convert" },
    load: async () => (await conversions()).handlePostbackSecret,
  },
  {
    ...{ ...SUBMISSION, method: "POST", path: "/v1/impressions/counts", needs: "mint" },
    body: { bytesMax: UPLOAD_BYTES_MAX },
    load: async () => (await import("../impression-counts/counts.ts")).handleCounts,
  },
];

const OPERATOR_ROUTES: readonly Route[] = [
  { method: "GET", path: "/metrics", needs: "operate", load: async () => (await metrics()).handleMetrics },
  { method: "GET", path: "/v1/clicks/:id", needs: "events", load: async () => (await operator()).explainOne },
  {
    ...{ method: "GET", path: "/v1/clicks/:id/receipt", needs: "events" },
    load: async () => (await operator()).receiptOfOne,
  },
  {
    ...{ method: "POST", path: "/v1/explain", needs: "events", body: LIST },
    load: async () => (await operator()).explainGiven,
  },
  { method: "GET", path: "/v1/late-clicks", needs: "late_clicks", load: async () => (await operator()).listLate },
  {
    ...{ method: "POST", path: "/v1/late-clicks", needs: "admin", body: LIST },
    load: async () => (await operator()).decideLate,
  },
  { method: "GET", path: "/v1/admin/dead-letters", needs: "admin", load: async () => (await operator()).listLetters },
  {
    method: "GET",
    path: "/v1/admin/dead-letters/show",
    needs: "admin",
    load: async () => (await operator()).showLetter,
  },
  {
    ...{ method: "POST", path: "/v1/admin/dead-letters/replay", needs: "admin", body: LIST },
    load: async () => (await operator()).replayLetters,
  },
  { method: "GET", path: "/v1/admin/audits", needs: "books", load: async () => (await operator()).auditDays },
  {
    ...{ method: "POST", path: "/v1/admin/audits", needs: "admin", body: LIST },
    load: async () => (await operator()).startDayAudit,
  },
  { method: "GET", path: "/v1/admin/audits/:day", needs: "books", load: async () => (await operator()).auditsOfDay },
  {
    ...{ method: "POST", path: "/v1/admin/audits/:day/mend", needs: "admin" },
    load: async () => (await operator()).mendAuditedDay,
  },
  {
    ...{ method: "POST", path: "/v1/admin/audits/:day/losses", needs: "admin", body: LIST },
    load: async () => (await operator()).acceptDayLoss,
  },
  { method: "GET", path: "/v1/admin/holds", needs: "books", load: async () => (await operator()).holds },
  { method: "GET", path: ONE_HOLD, needs: "books", load: async () => (await operator()).oneHold },
  { method: "PUT", path: ONE_HOLD, needs: "admin", body: LIST, load: async () => (await operator()).hold },
  { method: "DELETE", path: ONE_HOLD, needs: "admin", load: async () => (await operator()).release },
  { method: "GET", path: "/v1/admin/evidence-log", needs: "books", load: async () => (await operator()).showLog },
  {
    ...{ method: "POST", path: "/v1/admin/evidence-log/sequence", needs: "admin" },
    load: async () => (await operator()).sequenceLog,
  },
  {
    ...{ method: "POST", path: "/v1/admin/rebuild", needs: "admin", body: LIST },
    load: async () => (await operator()).rebuild,
  },
  {
    ...{ method: "POST", path: "/v1/admin/replays", needs: "admin", body: LIST },
    load: async () => (await operator()).replay,
  },
  { method: "GET", path: "/v1/admin/replays", needs: "books", load: async () => (await operator()).readReplays },
  {
    ...{ method: "GET", path: "/v1/admin/replays/:id", needs: "books" },
    load: async () => (await operator()).readReplayed,
  },
  {
    ...{ method: "POST", path: "/v1/admin/replays/:id/apply", needs: "admin" },
    load: async () => (await operator()).applyReplay,
  },
  {
    ...{ method: "POST", path: "/v1/admin/replays/:id/undo", needs: "admin" },
    load: async () => (await operator()).undoReplay,
  },
];

function resourceRoutes(name: ResourceName): Route[] {
  const path = `/v1/admin/${name}`;
  const onePath = `${path}/:id`;
  // Whose statements there are: what an auditor begins with.
  const needs = name === "advertisers" || name === "publishers" ? "books" : "admin";
  return [
    { ...ACT, method: "POST", path, load: async () => (await admin()).resource(name).create },
    { method: "GET", path, needs, load: async () => (await admin()).resource(name).list },
    { method: "GET", path: onePath, needs, load: async () => (await admin()).resource(name).show },
    { ...ACT, method: "PATCH", path: onePath, load: async () => (await admin()).resource(name).patch },
  ];
}

const ADMIN_ROUTES: readonly Route[] = [
  {
    ...{ ...ACT, method: "POST", path: "/v1/admin/advertisers/:id/postback-secret/revoke" },
    load: async () => (await admin()).endSecret,
  },
  { ...ACT, method: "POST", path: "/v1/admin/keys", load: async () => (await admin()).makeKey },
  { method: "GET", path: "/v1/admin/keys", needs: "admin", load: async () => (await admin()).readKeys },
  { method: "GET", path: ONE_KEY, needs: "admin", load: async () => (await admin()).readKey },
  { ...ACT, method: "DELETE", path: ONE_KEY, load: async () => (await admin()).endKey },
  { ...ACT, method: "POST", path: `${ONE_KEY}/revoke`, load: async () => (await admin()).endKey },
  { ...ACT, method: "POST", path: `${ONE_KEY}/rotate`, load: async () => (await admin()).replaceKey },
  { method: "GET", path: "/v1/admin/audit-log", needs: "books", load: async () => (await admin()).readAuditLog },
  { method: "GET", path: "/v1/catalog/campaigns", needs: "catalog", load: async () => (await admin()).readCampaigns },
  { method: "GET", path: "/v1/catalog/ads", needs: "catalog", load: async () => (await admin()).readAds },
  { method: "GET", path: "/v1/catalog/ad-groups", needs: "catalog", load: async () => (await admin()).readAdGroups },
  { method: "GET", path: "/v1/catalog/creatives", needs: "catalog", load: async () => (await admin()).readCreatives },
  { method: "GET", path: "/v1/me", needs: "any", load: async () => (await admin()).readMe },
];

const FORM = { method: "POST", needs: null, body: { bytesMax: BODY_BYTES_MAX, isForm: true } } as const;

/** The dashboard, which is no part of the API: its pages look themselves who is signed in. */
export const PAGE_ROUTES: readonly OpenRoute[] = [
  ...SCREEN_PATHS.flatMap((path): OpenRoute[] => [
    { method: "GET", path, needs: null, load: async () => (await dashboard()).showScreen },
    { ...FORM, path, load: async () => (await dashboard()).actOnScreen },
  ]),
  { ...FORM, path: "/sign-in", load: async () => (await dashboard()).signIn },
  { ...FORM, path: "/sign-out", load: async () => (await dashboard()).signOut },
  ...["/sign-in", "/sign-out"].map(
    (path): OpenRoute => ({ method: "GET", path, needs: null, load: async () => (await dashboard()).goHome }),
  ),
  { method: "GET", path: "/export/v1/*", needs: null, load: async () => (await dashboard()).exportAnswer },
  { method: "GET", path: "/docs/:area", needs: null, load: async () => (await reference()).drawArea },
  { method: "GET", path: "/problems", needs: null, load: async () => (await reference()).drawProblems },
  { method: "GET", path: "/static/:file", needs: null, load: async () => (await about()).answerStatic },
];

/** What a browser meets at an address that nobody has: the same as at a screen that is not for who looks. */
export const ELSEWHERE: Route = {
  method: "GET",
  path: "*",
  needs: null,
  load: async () => (await dashboard()).showScreen,
};

const OPEN = { method: "GET", needs: null, isOpen: true } as const;

const ABOUT_ROUTES: readonly Route[] = [
  { ...OPEN, path: "/evidence/checkpoint", load: async () => (await evidenceLog()).answerCheckpoint },
  { ...OPEN, path: "/evidence/keys", load: async () => (await evidenceLog()).answerKeys },
  { ...OPEN, path: "/evidence/tile/:level/:index{.+}", load: async () => (await evidenceLog()).answerTile },
  { ...OPEN, path: "/openapi.json", load: async () => (await about()).answerDocument },
  { ...OPEN, path: "/docs", load: async () => (await reference()).drawReference },
  { ...OPEN, path: "/problems/:name", load: problem },
  STATUS_ROUTE,
  {
    ...{ ...OPEN, path: "/.well-known/ad-measurement.json" },
    load: async () => (await import("../well-known/app.ts")).answerMethodology,
  },
];
