/**
 * The pages of the dashboard: who is signed in, which screen is asked for, and what becomes of a form.
 *
 *   GET  /<screen>      the screen, or the question for a key        GET /export/v1/…    an answer of the API as a file
 *   POST /sign-in       a key becomes a session                      POST /sign-out        as pages, both lead to /
 *   POST /<screen>      what its form does, then the screen again
 *
 * Keeps: a page is made from answers of the API to the session's key and from nothing else. A write needs the form's
 * token and comes from our own pages. Nobody learns from an address whether it would be a screen for somebody else.
 */

import { identifyKey } from "../access/admit.ts";
import type { Asked } from "../access/asked.ts";
import { fromDatabase } from "../access/database.ts";
import {
  endSession,
  isOwnForm,
  type Session,
  type SessionSecrets,
  sessionOf,
  sessionPrincipal,
  startSession,
} from "../access/session.ts";
import { learnStaticFiles } from "../static-files.ts";
import { ApiClient } from "./api-client.ts";
import { exportFile } from "./export-file.ts";
import { seeOther } from "./forms.tsx";
import { firstFor, screenAt } from "./navigation.ts";
import { notThere } from "./not-there.tsx";
import { SCREENS } from "./screens.ts";
import { keptOf, SendAgain } from "./send-again.tsx";
import { sendPage, Trouble } from "./shell.tsx";
import { askForKey } from "./sign-in.tsx";
import { readViewer, type Viewer } from "./viewer.ts";

type Signed = { readonly session: Session; readonly viewer: Viewer; readonly api: ApiClient };

/** Shows a screen. */
export async function showScreen(asked: Asked): Promise<Response> {
  const { request, env } = asked;
  const [signed] = await Promise.all([signedIn(asked), learnStaticFiles(env.ASSETS)]);
  if (signed instanceof Response) return signed;
  const { kind } = signed.viewer;
  const { pathname } = new URL(request.url);
  const first = firstFor(kind);
  if (pathname === "/" && first !== "/") return seeOther(first);
  const screen = screenAt(pathname, kind);
  if (screen === null) return notThere(signed.viewer);
  const draw = await SCREENS[screen].draw();
  return draw({ asked, viewer: signed.viewer, api: signed.api });
}

/** Does what a form of a screen asks. */
export async function actOnScreen(asked: Asked): Promise<Response> {
  const form = formOf(asked);
  const signed = await signedIn(asked);
  if (signed instanceof Response) return signed;
  const path = screenAt(new URL(asked.request.url).pathname, signed.viewer.kind);
  const screen = path === null ? null : SCREENS[path];
  if (screen?.act === undefined) return notThere(signed.viewer);
  if (!isOwnForm(asked.request, signed.session, form.get("token"), secretsOf(asked))) {
    return refuseForm(signed.viewer, path ?? "/", asked);
  }
  const act = await screen.act();
  return act({ asked, viewer: signed.viewer, api: signed.api, form });
}

/** An answer of the API as a file, whatever its length. */
export async function exportAnswer(asked: Asked): Promise<Response> {
  const signed = await signedIn(asked);
  return signed instanceof Response ? signed : exportFile(asked, signed.api);
}

/** A key becomes a session. */
export async function signIn(asked: Asked): Promise<Response> {
  const { request, env, config, nowMs } = asked;
  const form = formOf(asked);
  const secrets = secretsOf(asked);
  const visit = sessionOf(request, secrets, nowMs);
  const next = safeNext(form.get("next"));
  const kept = form.get("kept") ?? "";
  if (visit === null || !isOwnForm(request, visit, form.get("token"), secrets)) {
    return askForKey(asked, { next, kept, said: "The form had been open for too long. Please send it again." });
  }
  const key = String(form.get("key") ?? "").trim();
  const found = await identifyKey(request, `Bearer ${key}`, env, config.adminApiKey);
  if (!found.ok) {
    const said =
      found.error.status === 401
        ? "This key is not in force. A key starts with clk_ and is shown once, when it is made."
        : "The key could not be checked just now. Try again in ten seconds.";
    return askForKey(asked, { next, kept, said, status: found.error.status });
  }
  const { session, setCookie } = startSession(request, secrets, {
    ...{ keyId: found.value.keyId, nowMs },
    random: random(),
  });
  const api = new ApiClient(asked, found.value);
  const viewer = await readViewer(asked, api, { session, principal: found.value, secrets });
  if (viewer === null) {
    const said =
      "This key may look at no figures: it takes a key with the scope report, bill or audit, or the operator’s.";
    return askForKey(asked, { next, kept, said, status: 403 });
  }
  if (kept !== "")
    return sendAgain(viewer, { path: next, kept, said: SIGNED_IN, headers: { "Set-Cookie": setCookie } });
  return new Response(null, {
    status: 303,
    headers: { Location: next, "Set-Cookie": setCookie, "Cache-Control": "no-store" },
  });
}

/** The address of a form, asked for as a page: the first screen of whoever is signed in, or the question for a key. */
export const goHome = async (): Promise<Response> => seeOther("/");

const SIGNED_IN = "You are signed in. What you had typed was not sent before: send it now, or leave it.";

export async function signOut(asked: Asked): Promise<Response> {
  const form = formOf(asked);
  const session = sessionOf(asked.request, secretsOf(asked), asked.nowMs);
  if (session === null) return askForKey(asked, { next: "/", said: null });
  if (!isOwnForm(asked.request, session, form.get("token"), secretsOf(asked))) return refuseForm(null, "/", asked);
  const headers = { Location: "/?signed_out=1", "Set-Cookie": endSession(asked.request), "Cache-Control": "no-store" };
  return new Response(null, { status: 303, headers });
}

/** Who is signed in; else the page that asks for a key, and comes back here. */
async function signedIn(asked: Asked): Promise<Signed | Response> {
  const { request, env, nowMs } = asked;
  const secrets = secretsOf(asked);
  const session = sessionOf(request, secrets, nowMs);
  const { pathname, search } = new URL(request.url);
  const next = request.method === "GET" ? `${pathname}${search}` : pathname;
  // A form whose session has ended comes back once somebody has signed in.
  const kept = keptOf(asked);
  if (session === null || session.keyId === null) {
    const said =
      hasCookie(request) && session === null ? "Your session has ended. Sign in to go on where you were." : null;
    return askForKey(asked, { next, kept, said });
  }
  const principal = await fromDatabase(() => sessionPrincipal(session, secrets, { database: env.REPORT_DB, nowMs }));
  if (principal === null) {
    return askForKey(asked, {
      next,
      kept,
      said: "The key of this session is not in force any more. Sign in with another.",
    });
  }
  const api = new ApiClient(asked, principal);
  const viewer = await readViewer(asked, api, { session, principal, secrets });
  if (viewer === null) return askForKey(asked, { next, kept, said: "This key may look at no figures any more." });
  return { session, viewer, api };
}

export function secretsOf({ config }: Pick<Asked, "config">): SessionSecrets {
  return { sessionKeys: config.sessionKeys, adminApiKey: config.adminApiKey };
}

function hasCookie(request: Request): boolean {
  return /(?:^|; *)(?:__Host-clickledger|clickledger-loopback)=/.test(request.headers.get("Cookie") ?? "");
}

/** A form of an earlier session of ours may be sent again; one of other pages is not even shown. */
function refuseForm(viewer: Viewer | null, path: string, asked: Asked): Response {
  if (viewer !== null && asked.request.headers.get("Sec-Fetch-Site") === "same-origin") {
    const said = "Nothing was done: the form belongs to an earlier session. Send it again, or leave it.";
    return sendAgain(viewer, { path, kept: keptOf(asked), said, headers: {}, status: 403 });
  }
  return sendPage({
    title: "Not done",
    path: "",
    viewer,
    status: 403,
    sections: [
      viewer === null ? <h1 class="for-ears">Not done</h1> : null,
      <Trouble
        title="Nothing was done"
        detail="The form was not sent from this page. Open the page and fill the form in there."
      >
        <p>
          <a href="/">Overview</a>
        </p>
      </Trouble>,
    ],
  });
}

type Again = {
  readonly path: string;
  readonly kept: string;
  readonly said: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly status?: number;
};

function sendAgain(viewer: Viewer, { path, kept, said, headers, status = 200 }: Again): Response {
  const sections = [<SendAgain {...{ viewer, path, kept, said }} />];
  return sendPage({ title: "Send it again", path: "", viewer, status, headers, sections });
}

/** The fields of the form that was sent. */
function formOf({ body }: Asked): URLSearchParams {
  return body instanceof URLSearchParams ? body : new URLSearchParams();
}

/** A path of our own to go on to. */
function safeNext(given: unknown): string {
  const origin = "https://next.invalid";
  // As a browser reads it, which passes over tabs and takes `\\` for `/`.
  const url = typeof given === "string" && given.startsWith("/") ? URL.parse(given, origin) : null;
  return url?.origin === origin ? url.pathname.replace(/^\/+/, "/") + url.search : "/";
}

function random(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(16));
}
