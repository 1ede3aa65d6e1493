/**
 * The whole Worker, and a loop that does nothing but verify tokens, as the edge, a replay and an audit do.
 *
 *   POST /bench/verify?times=N   a token a line   →   {"verified": N × lines}
 *
 * Keeps: a token that is refused fails the run. The ring is made before the loop, as an isolate keeps it.
 */
import { readConfig } from "../../src/config.ts";
import { parseJson } from "../../src/core/base64url.ts";
import { importKeyRing } from "../../src/core/key-ring.ts";
import { verifyToken } from "../../src/core/token.ts";
import worker from "../../src/index.ts";

export * from "../../src/index.ts";

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    if (url.pathname !== "/bench/verify") return worker.fetch(request, env, ctx);
    const config = readConfig(env);
    const ring = await importKeyRing(parseJson(config.tokenKeys), config.tokenSigningKid);
    if (!ring.ok) throw new Error(ring.error);
    const tokens = (await request.text()).split("\n");
    const context = { ring: ring.value, policy: config.token, nowMs: Date.now() };
    let verified = 0;
    for (let time = 0; time < Number(url.searchParams.get("times")); time++) {
      for (const token of tokens) {
        const claims = await verifyToken(token, context);
        if (!claims.ok) throw new Error(claims.error.reason);
        verified += 1;
      }
    }
    return Response.json({ verified });
  },
} satisfies Pick<ExportedHandler<Env>, "fetch">;
