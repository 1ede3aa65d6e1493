/** The pages as a browser asks for them, for the holder of a key: a session's cookie, and forms from our own pages. */
import { env, exports } from "cloudflare:workers";
import { formTokenOf, startSession } from "../../src/access/session.ts";
import { TEST_SECRETS } from "../support/secrets.ts";
import { decoded, textOfHtml } from "./html.ts";

const ORIGIN = "https://clicks.example";
const SECRETS = { sessionKeys: env.SESSION_KEYS.split(","), adminApiKey: TEST_SECRETS.ADMIN_API_KEY };

export type Page = { readonly status: number; readonly text: string; readonly headers: Headers };
export type Fields = readonly (readonly [name: string, value: string])[];

/** Somebody who has signed in, `admin` with the operator's own key; null is nobody yet. */
export class Visitor {
  readonly token: string;
  readonly #cookie: string;

  constructor(keyId: string | null, cookie?: string, token?: string) {
    const random = crypto.getRandomValues(new Uint8Array(16));
    const made = startSession({ url: ORIGIN }, SECRETS, { keyId, nowMs: Date.now(), random });
    this.#cookie = cookie ?? made.setCookie.split(";")[0] ?? "";
    this.token = token ?? formTokenOf(made.session, SECRETS);
  }

  /** The same browser with what a page has set. */
  carrying({ headers }: Page): Visitor {
    const set = headers.get("Set-Cookie")?.split(";")[0] ?? "";
    return new Visitor(null, `${this.#cookie}; ${set}`, this.token);
  }

  get(path: string): Promise<Page> {
    return answered(new Request(`${ORIGIN}${path}`, { headers: this.#headers() }));
  }

  /** Sends a form of a page, with its token and from our own pages unless told. */
  post(path: string, fields: Fields, token = this.token, site = "same-origin"): Promise<Page> {
    const body = new URLSearchParams([["token", token], ...fields].map(([name = "", value = ""]) => [name, value]));
    const headers = { ...this.#headers(), "Sec-Fetch-Site": site, "Content-Type": "application/x-www-form-urlencoded" };
    return answered(
      new Request(`${ORIGIN}${path}`, { method: "POST", headers, body: String(body), redirect: "manual" }),
    );
  }

  #headers(): Record<string, string> {
    return { Cookie: this.#cookie, "Sec-Fetch-Site": "same-origin", Accept: "text/html" };
  }
}

async function answered(request: Request): Promise<Page> {
  const response = await exports.default.fetch(request);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/** What a page says, without its marks; entities as people see them. */
export function saidBy({ text }: Page): string {
  const main = /<main[^>]*>(.*)<\/main>/s.exec(text)?.[1] ?? text;
  return decoded(main.replaceAll(/<[^>]+>/g, ""));
}

/** Visitors by their keys, one for all requests of a test file. */
const visitors = new Map<string, Visitor>();

export function visitorOf(keyId: string): Visitor {
  const visitor = visitors.get(keyId) ?? new Visitor(keyId);
  visitors.set(keyId, visitor);
  return visitor;
}

/** The page that the holder of a key is shown. */
export async function look(path: string, keyId: string): Promise<{ status: number; html: string; text: string }> {
  const { status, text } = await visitorOf(keyId).get(path);
  return { status, html: text, text: textOfHtml(text) };
}
