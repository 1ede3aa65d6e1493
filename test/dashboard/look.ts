/** Pages as a browser asks for them, with the session of a key; what they say, without their tags. */
import { exports } from "cloudflare:workers";
import { startSession } from "../../src/access/session.ts";
import { TEST_SECRETS } from "../support/secrets.ts";

const SECRETS = { sessionKeys: TEST_SECRETS.SESSION_KEYS.split(","), adminApiKey: TEST_SECRETS.ADMIN_API_KEY };

/** The page that the holder of a key is shown. */
export async function look(path: string, keyId: string): Promise<{ status: number; html: string; text: string }> {
  const random = crypto.getRandomValues(new Uint8Array(16));
  const { setCookie } = startSession({ url: "https://clicks.example/" }, SECRETS, { keyId, nowMs: Date.now(), random });
  const headers = { Cookie: setCookie.split(";")[0] ?? "", "Accept-Language": "en-GB" };
  const response = await exports.default.fetch(`https://clicks.example${path}`, { headers, redirect: "manual" });
  const html = await response.text();
  return { status: response.status, html, text: textOf(html) };
}

/** Rows of the tables of a page, each as the texts of its cells. */
export function rowsOf(html: string): string[][] {
  return Array.from(html.matchAll(/<tr>(.*?)<\/tr>/gs), ([, row = ""]) =>
    Array.from(row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs), ([, cell = ""]) => textOf(cell)),
  );
}

function textOf(html: string): string {
  const entities: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#39;": "'" };
  const text = html.replaceAll(/<[^>]*>/g, " ").replaceAll(/&(?:lt|gt|amp|quot|#39);/g, (one) => entities[one] ?? one);
  return text.replaceAll(/\s+/g, " ").trim();
}
