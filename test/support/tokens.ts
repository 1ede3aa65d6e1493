/** Real tokens for tests of the edge, minted with the keys of the test runs. */
import { importKeyRing, type KeyRing } from "../../src/core/key-ring.ts";
import { sealText } from "../../src/core/seal.ts";
import type { TokenPolicy } from "../../src/core/token.ts";
import { mintToken } from "../../src/core/token.ts";
import type { Sealer } from "../../src/queue/dead-letter.ts";
import { aPayload } from "./builders.ts";
import { TEST_TOKEN_KEYS } from "./secrets.ts";

export const POLICY: TokenPolicy = { tokenTtlMaxS: 86_400, landingHttpHosts: new Set(), landingSchemes: new Set() };

export async function testRing(signingKid = "test-1"): Promise<KeyRing> {
  const ring = await importKeyRing(TEST_TOKEN_KEYS, signingKid);
  if (!ring.ok) throw new Error(ring.error);
  return ring.value;
}

/** Seals with the test ring. */
export const testSeal: Sealer = async (text) => sealText(await testRing(), text);

/** A signed token, issued a second ago unless told. */
export async function aToken(overrides: Record<string, unknown> = {}, signingKid = "test-1"): Promise<string> {
  const nowS = Date.now() / 1_000;
  const payload = aPayload({
    jti: `imp_${crypto.randomUUID()}`,
    iat: Math.floor(nowS) - 1,
    exp: Math.floor(nowS) + 3_600,
    ...overrides,
  });
  const iat = Number(payload.iat);
  const minted = await mintToken(payload, { ring: await testRing(signingKid), policy: POLICY, nowMs: iat * 1_000 });
  if (!minted.ok) throw new Error(`${minted.error.reason} ${minted.error.field}`);
  return minted.value;
}
