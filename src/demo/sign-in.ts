/**
 * A local run's way into the dashboard without a key: as the demonstration's advertiser, one of its publishers, or the
 * operator.
 *
 *   GET /  without a session      signs the advertiser in, once, and says so
 *   GET /demo/sign-in             the three, to choose from          POST /demo/sign-in   as=advertiser
 *
 * Keeps: loopback only, and only where the demonstration is the entry (worker.ts), so that no deployment holds this. A
 * choice comes from our own page.
 */
import { CONFIGURED_KEY_ID } from "../access/api-keys.ts";
import { isLoopback, type SessionSecrets, startSession } from "../access/session.ts";
import { readForm } from "../body.ts";
import { type Html, html } from "./html.ts";

const ROLES = ["advertiser", "publisher", "operator"] as const;
type Role = (typeof ROLES)[number];

const FORM_BYTES_MAX = 1_000;

/** Keys that the local run registered itself, by the owner that they belong to. */
const SELECT_KEY = `
SELECT key_id FROM api_keys
WHERE revoked_at_ms IS NULL AND key_id GLOB 'demo-*'
  AND ((?1 = 'advertiser' AND advertiser_id IS NOT NULL) OR (?1 = 'publisher' AND publisher_id IS NOT NULL))
ORDER BY created_at_ms DESC LIMIT 1`;

/** Signs the advertiser in who opens the dashboard for the first time; undefined for everybody else. */
export async function signInFirst(request: Request, env: Env, secrets: SessionSecrets): Promise<Response | undefined> {
  const url = new URL(request.url);
  const isFirst =
    request.method === "GET" && !/(?:^|; *)clickledger-loopback=/.test(request.headers.get("Cookie") ?? "");
  if (!isFirst || !isLoopback(request.url) || url.searchParams.has("signed_out")) return undefined;
  const isPage = request.headers.get("Accept")?.includes("text/html") === true;
  return isPage ? signInAs("advertiser", request, env, secrets) : undefined;
}

/** Signs in as whom the form names. */
export async function signInByForm(request: Request, env: Env, secrets: SessionSecrets): Promise<Response | undefined> {
  if (!isLoopback(request.url) || request.headers.get("Sec-Fetch-Site") !== "same-origin") return undefined;
  const form = await readForm(request, FORM_BYTES_MAX);
  const role = form.ok ? ROLES.find((one) => one === form.value.get("as")) : undefined;
  return role === undefined ? undefined : signInAs(role, request, env, secrets);
}

export function signInChoices(): Html {
  const label = { advertiser: "the advertiser", publisher: "a publisher", operator: "the operator" };
  return html`<header class="masthead"><p class="kicker">Local demonstration</p><h1>Look as …</h1></header>
<main><form method="post" action="/demo/sign-in">
  ${ROLES.map((role) => html`<p><button class="button" name="as" value="${role}">${label[role]}</button></p>`)}
</form></main>`;
}

async function signInAs(
  role: Role,
  request: Request,
  env: Env,
  secrets: SessionSecrets,
): Promise<Response | undefined> {
  const keyId = role === "operator" ? CONFIGURED_KEY_ID : await keyOf(role, env.REPORT_DB);
  if (keyId === null) return undefined;
  const random = crypto.getRandomValues(new Uint8Array(16));
  const { setCookie } = startSession(request, secrets, { keyId, nowMs: Date.now(), random });
  return new Response(null, {
    status: 303,
    headers: { Location: "/?welcome=1", "Set-Cookie": setCookie, "Cache-Control": "no-store" },
  });
}

async function keyOf(role: Role, database: D1Database): Promise<string | null> {
  return database.prepare(SELECT_KEY).bind(role).first<string>("key_id");
}
