/**
 * The keys by which event tools tell what was signed here, imported once for an isolate.
 */
import type { Config } from "../config.ts";
import { parseJson } from "../core/base64url.ts";
import { importKeyRing, type KeyRing } from "../core/key-ring.ts";

const rings = new WeakMap<Config, Promise<KeyRing>>();

export function ringOf(config: Config): Promise<KeyRing> {
  const ring = rings.get(config) ?? importRing(config);
  rings.set(config, ring);
  return ring;
}

async function importRing({ tokenKeys, tokenSigningKid }: Config): Promise<KeyRing> {
  const ring = await importKeyRing(parseJson(tokenKeys), tokenSigningKid);
  if (!ring.ok) throw new Error(ring.error);
  return ring.value;
}
