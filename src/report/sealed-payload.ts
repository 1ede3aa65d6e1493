/**
 * What a caller is given to bring back: cursors and tickets, as JSON under a seal.
 *
 *   <base64url of payload>.<mac>.<kid>
 *
 * Keeps: the seal covers `purpose`, which says what the text is and whose, so that none is taken for another; dead
 * letters are sealed with the same keys, and no letter begins like a purpose.
 */
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8, parseJson } from "../core/base64url.ts";
import type { KeyRing } from "../core/key-ring.ts";
import { isSealed, sealText } from "../core/seal.ts";

/** The sealed text of a payload. */
export async function sealPayload(ring: KeyRing, purpose: string, payload: object): Promise<string> {
  const text = JSON.stringify(payload);
  const { kid, mac } = await sealText(ring, sealedText(purpose, text));
  return [encodeBase64url(encodeUtf8(text)), mac, kid].join(".");
}

/** The payload that was sealed for this purpose; null for every other text. */
export async function openPayload(ring: KeyRing, purpose: string, sealed: string): Promise<unknown> {
  const [encoded = "", mac = "", ...kid] = sealed.split(".");
  const bytes = decodeBase64url(encoded);
  const text = bytes === null ? null : decodeUtf8(bytes);
  if (text === null || !(await isSealed(ring, sealedText(purpose, text), { kid: kid.join("."), mac }))) return null;
  return parseJson(text);
}

function sealedText(purpose: string, text: string): string {
  return `${purpose}\n${text}`;
}
