/**
 * Operations of the tracking routes: click links, pixels, clicks by script, tokens.
 */
import * as z from "zod";
import { REFUSAL_REASONS } from "../core/refusal.ts";
import { EXAMPLE } from "./example-values.ts";
import { json, type Operation } from "./operation.ts";
import { KEYED, problems } from "./problems.ts";

const BODY_REASONS = ["body_too_large", "body_encoding", "body_not_json", "field_invalid"] as const;
const isOfBody = (reason: string) => (BODY_REASONS as readonly string[]).includes(reason);
const LINK_PROBLEMS = problems(...REFUSAL_REASONS.filter((reason) => !isOfBody(reason)));
const LANDING = { Location: "The landing page, with a signed click id." };
const TOKEN = { token: EXAMPLE.token };
const REDIRECT = (means: string) => z.object({ redirect: z.enum(["true", "false"]).optional().describe(means) });

const link = (id: string, path: string, summary: string): Operation => ({
  id,
  method: "get",
  path,
  tag: "Clicks",
  summary,
  description:
    "Any other query parameter is ignored, or passed on to the landing page by a token with `fwd: 1`. Bots and " +
    "expired links get the same redirect; what counts is decided later. " +
    "A speculative fetch gets 503, so that the browser asks again when the person clicks. HEAD is answered alike.",
  scopes: null,
  query: REDIRECT("false answers the pixel instead of a redirect, for players of video ads."),
  answers: {
    200: { means: "A transparent GIF of 43 bytes; asked for without a redirect.", type: "image/gif" },
    302: { means: "To the landing page.", headers: LANDING },
  },
  problems: LINK_PROBLEMS,
  examples: [{ name: "click", path: TOKEN, status: 302 }],
});

const ping = (id: string, path: string, summary: string): Operation => ({
  id,
  method: "post",
  path,
  tag: "Clicks",
  summary,
  description: "What `<a ping>` and beacons send; the body is not read. A form that a person sends is redirected.",
  scopes: null,
  query: REDIRECT("false answers 204 to a form too."),
  answers: {
    204: { means: "Taken; nobody reads an answer." },
    302: { means: "To the landing page, for a form.", headers: LANDING },
  },
  problems: LINK_PROBLEMS,
  examples: [{ name: "ping", path: TOKEN, status: 204 }],
});

const pixel = (id: string, path: string, summary: string): Operation => ({
  id,
  method: "get",
  path,
  tag: "Impressions",
  summary,
  description:
    "The pixel is answered whatever the token is worth; what is refused is not counted. HEAD is answered alike.",
  scopes: null,
  answers: { 200: { means: "A transparent GIF of 43 bytes.", type: "image/gif" } },
  problems: problems("method_not_allowed"),
  examples: [{ name: "impression", path: TOKEN, status: 200 }],
});

export const TRACK_OPERATIONS: readonly Operation[] = [
  link("followClickLink", "/c/{token}", "Follow a click link"),
  link("followLongClickLink", "/v1/click/{token}", "Follow a click link, long form"),
  ping("pingClickLink", "/c/{token}", "Report a click by ping or beacon"),
  ping("pingLongClickLink", "/v1/click/{token}", "Report a click by ping or beacon, long form"),
  {
    id: "clickByScript",
    method: "post",
    path: "/v1/click",
    tag: "Clicks",
    summary: "Report a click by script or SDK",
    description:
      "From any origin, with whatever headers a page's tools add. JSON is taken under any type, and so is a form of " +
      "the same fields. A browser's script gets 204: it could not read where a redirect leads.",
    scopes: null,
    query: REDIRECT("false answers 204 instead of a redirect."),
    body: {
      schema: "ScriptClick",
      alsoAs: ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"],
    },
    answers: {
      204: { means: "Taken; asked for without a redirect." },
      302: { means: "To the landing page.", headers: LANDING },
    },
    problems: problems(...REFUSAL_REASONS),
    examples: [{ name: "quiet", query: { redirect: "false" }, body: { token: EXAMPLE.token }, status: 204 }],
  },
  {
    id: "clickPreflight",
    method: "options",
    path: "/v1/click",
    tag: "Clicks",
    summary: "Ask whether another origin may report clicks",
    scopes: null,
    answers: { 204: { means: "It may.", headers: { "Access-Control-Allow-Origin": "The origin that asks." } } },
    problems: [],
    examples: [{ name: "preflight", status: 204 }],
  },
  pixel("showImpression", "/i/{token}", "Show an impression pixel"),
  pixel("showLongImpression", "/v1/impression/{token}", "Show an impression pixel, long form"),
  {
    id: "mintTokens",
    method: "post",
    path: "/v1/tokens",
    tag: "Tokens",
    summary: "Mint tokens for click links and pixels",
    description:
      "Up to 1 000 at once; a bad row does not spoil its neighbours. An ad server that holds a key needs no call.",
    scopes: ["mint"],
    body: { schema: "MintRequest" },
    answers: { 200: json("One result for each row.", "MintAnswer") },
    problems: [...KEYED, ...problems(...BODY_REASONS, "method_not_allowed")],
    examples: [
      {
        name: "one",
        body: {
          tokens: [
            {
              ...{ adv: "adv_1", cmp: "cmp_7", ad: "ad_9", pub: "pub_1" },
              ...{ url: "https://shop.example/landing?click={click_id}", cpc: 250_000 },
            },
          ],
        },
        status: 200,
      },
      {
        name: "refusedRow",
        body: { tokens: [{ adv: "adv_1", cmp: "cmp_7", ad: "ad_9", pub: "pub_1", url: "shop.example", cpc: 250_000 }] },
        status: 200,
      },
    ],
  },
];

/** Words for the parts of paths. */
export const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  token: "A signed token (docs/TOKENS.md).",
  id: "An id.",
  ticket: "Of POST /v1/live/tickets.",
  name: "The last part of a problem's `type`.",
};
