/**
 * The page that asks for a key.
 *
 * Keeps: the form is bound to a session of nobody, which the page starts, and comes back to where the reader was. What
 * another site sends here starts none, since that would end the one there is. The key is sent once, in the body of a
 * request, and kept nowhere.
 */
import type { Asked } from "../access/asked.ts";
import { formTokenOf, mayCarry, sessionOf, startSession } from "../access/session.ts";
import { sendPage } from "./shell.tsx";

export type Asking = {
  readonly next: string;
  readonly said: string | null;
  readonly status?: number;
  /** The form that was sent without a session (send-again.tsx). */
  readonly kept?: string;
};

export function askForKey(asked: Asked, { next, said, status, kept = "" }: Asking): Response {
  const { request, config, nowMs } = asked;
  const secrets = { sessionKeys: config.sessionKeys, adminApiKey: config.adminApiKey };
  const known = sessionOf(request, secrets, nowMs);
  const random = crypto.getRandomValues(new Uint8Array(16));
  const isVisiting = known?.keyId === null || !mayCarry(request);
  const visit = isVisiting ? null : startSession(request, secrets, { keyId: null, nowMs, random });
  const session = visit?.session ?? known;
  const token = session === null ? "" : formTokenOf(session, secrets);
  return sendPage({
    title: "Sign in",
    path: "",
    viewer: null,
    status: status ?? (next === "/" ? 200 : 401),
    headers: visit === null ? {} : { "Set-Cookie": visit.setCookie },
    sections: [
      <section class="sign-in">
        <h1>Every click, counted once</h1>
        <p class="lead">Sign in with an API key to see what was counted, how far, and why not.</p>
        {said === null ? null : (
          <p class="note" role="alert">
            {said}
          </p>
        )}
        {kept === "" ? null : <p class="soft">What you had typed is kept on this page and comes back.</p>}
        <form method="post" action="/sign-in">
          <input type="hidden" name="token" value={token} />
          <input type="hidden" name="next" value={next} />
          {kept === "" ? null : <input type="hidden" name="kept" value={kept} />}
          <label for="key">API key</label>
          <input
            {...{ id: "key", name: "key", type: "password", autocomplete: "current-password", spellcheck: false }}
            {...{ required: true, placeholder: "clk_…" }}
          />
          <button type="submit">Sign in</button>
        </form>
        <p class="soft">
          An advertiser’s key shows its own figures, a publisher’s its own traffic, the operator’s everything. The key
          is not kept: the session knows it by its number and ends when the key is revoked, or after twelve hours.
        </p>
        <p class="soft">
          Nothing to sign in with? The operator makes keys: <code>POST /v1/admin/keys</code> (
          <a href="/docs">reference</a>
          ).
        </p>
      </section>,
    ],
  });
}
