/** Pages as a browser asks for them, with the session of a key; what they say, without their tags. */
import { exports } from "cloudflare:workers";
import { startSession } from "../../src/access/session.ts";
import { TEST_SECRETS } from "../support/secrets.ts";

const SECRETS = { sessionKeys: TEST_SECRETS.SESSION_KEYS.split(","), adminApiKey: TEST_SECRETS.ADMIN_API_KEY };

/** The page that the holder of a key is shown. */
export async function look(path: string, keyId: string): Promise<{ status: number; html: string; text: string }> {
  const headers = { Cookie: cookieOf(keyId), "Accept-Language": "en-GB" };
  const response = await exports.default.fetch(`https://clicks.example${path}`, { headers, redirect: "manual" });
  const html = await response.text();
  return { status: response.status, html, text: textOf(html) };
}

/** What a form of a page does. */
export function send(path: string, form: Readonly<Record<string, string>>, cookieOrKey: string): Promise<Response> {
  const headers = { Cookie: cookieOf(cookieOrKey), "Sec-Fetch-Site": "same-origin" };
  const init = { method: "POST", headers, body: new URLSearchParams(form), redirect: "manual" } as const;
  return exports.default.fetch(`https://clicks.example${path}`, init);
}

const cookies = new Map<string, string>();

/** The session of a key, one for all requests of a test file. */
function cookieOf(keyId: string): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  const started = () => startSession({ url: "https://clicks.example/" }, SECRETS, { keyId, nowMs: Date.now(), random });
  const cookie = cookies.get(keyId) ?? started().setCookie.split(";")[0] ?? "";
  cookies.set(keyId, cookie);
  return cookie;
}

/** Rows of the tables of a page, each as the texts of its cells. */
export function rowsOf(html: string): string[][] {
  return Array.from(html.matchAll(/<tr[^>]*>(.*?)<\/tr>/gs), ([, row = ""]) =>
    Array.from(row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs), ([, cell = ""]) => textOf(cell)),
  );
}

function textOf(html: string): string {
  const entities: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#39;": "'" };
  const text = html.replaceAll(/<[^>]*>/g, " ").replaceAll(/&(?:lt|gt|amp|quot|#39);/g, (one) => entities[one] ?? one);
  return text.replaceAll(/\s+/g, " ").trim();
}
