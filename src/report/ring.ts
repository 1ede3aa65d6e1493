/**
 * The keys that seal what callers bring back, cursors and tickets, imported once for an isolate.
 */
import type { Config } from "../config.ts";
import { parseJson } from "../core/base64url.ts";
import { importKeyRing, type KeyRing } from "../core/key-ring.ts";

let ring: { readonly source: string; readonly ring: KeyRing } | undefined;

export async function ringOf({ tokenKeys, tokenSigningKid }: Config): Promise<KeyRing> {
  const source = tokenSigningKid.concat("\n", tokenKeys);
  if (ring?.source === source) return ring.ring;
  const imported = await importKeyRing(parseJson(tokenKeys), tokenSigningKid);
  if (!imported.ok) throw new Error(imported.error);
  ring = { source, ring: imported.value };
  return imported.value;
}
